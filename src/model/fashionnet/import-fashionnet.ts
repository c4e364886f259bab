import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, PixlakeError } from '../../errors.ts';
import { weightsOf } from './checkpoint-weights.ts';
import {
  FASHIONNET_ATTRIBUTES,
  FASHIONNET_SOURCE,
  fashionNetCard,
  type FashionNetIdentity,
  writeFashionNet,
} from './fashionnet.ts';
import { isMmfashion, MMFASHION_SOURCE, readMmfashion } from './mmfashion.ts';
import { parseModelCard } from '../model-card.ts';
import { hashModel, type ModelFiles } from '../model-files.ts';
import { openTorchCheckpoint, type TorchCheckpoint } from './torch-checkpoint.ts';
import { writeOnnxModel } from './write-onnx-model.ts';

/** A torch checkpoint of FashionNet or of mmfashion's attribute predictor, or an ONNX file of FashionNet, to import as a model. */
export interface FashionNetImport {
  readonly checkpoint: string;
  /** Name of the model. */
  readonly name: string;
  /** DeepFashion's `list_attr_cloth.txt`, which names the attributes: 1,000, or as many as the checkpoint has. */
  readonly attributes?: string;
}

/** Modules of the published network, by the layers of pixlake's. */
const MODULES: Readonly<Record<string, string>> = {
  conv1_1: 'conv4.0',
  conv1_2: 'conv4.2',
  conv2_1: 'conv4.5',
  conv2_2: 'conv4.7',
  conv3_1: 'conv4.10',
  conv3_2: 'conv4.12',
  conv3_3: 'conv4.14',
  conv4_1: 'conv4.17',
  conv4_2: 'conv4.19',
  conv4_3: 'conv4.21',
  conv5_pose_1: 'conv5_pose.1',
  conv5_pose_2: 'conv5_pose.3',
  conv5_pose_3: 'conv5_pose.5',
  conv5_global_1: 'conv5_global.1',
  conv5_global_2: 'conv5_global.3',
  conv5_global_3: 'conv5_global.5',
  massive_attr_logits: 'massive_attr',
  categories_logits: 'categories',
};

/** Channels of the first layer at the published width. */
const FIRST_CHANNELS = 64;

/** What an import writes, for its card. */
type Imported = Pick<
  FashionNetIdentity,
  'description' | 'source' | 'sha256' | 'attributeCount' | 'hasCategories'
>;

const FASHIONNET = {
  description: 'DeepFashion FashionNet (VGG-16) with the weights of a checkpoint',
  source: FASHIONNET_SOURCE,
  attributeCount: FASHIONNET_ATTRIBUTES.count,
} as const;

/**
 * Writes a torch checkpoint of FashionNet or of mmfashion's attribute predictor as an ONNX model into a local folder. An ONNX file
 * stays unchanged and gets a card. No Python is needed, and nothing in the file is executed.
 *
 * @throws `MODEL_NOT_FOUND`, `CHECKPOINT_INVALID` naming weights that are missing or have another shape
 */
export async function importFashionNet(spec: FashionNetImport, folder: string): Promise<ModelFiles> {
  const { checkpoint, name, attributes } = spec;
  const names = attributes === undefined ? undefined : await readAttributeNames(attributes);
  const checkNames = (attributeCount: number): void => {
    if (names === undefined || (names.length === attributeCount && new Set(names).size === names.length))
      return;
    throw new PixlakeError(
      'ARGUMENT_INVALID',
      `${attributes} lists ${new Set(names).size} different attributes, not ${attributeCount}`,
    );
  };
  const isOnnx = checkpoint.endsWith('.onnx');
  const onnxPath = isOnnx ? checkpoint : join(folder, `${name}.onnx`);
  let imported: Imported;
  if (isOnnx) {
    checkNames(FASHIONNET.attributeCount);
    imported = { ...FASHIONNET, sha256: await hashModel(checkpoint) };
  } else {
    imported = await convert(checkpoint, onnxPath, checkNames);
  }
  const card = fashionNetCard({
    ...imported,
    name,
    licence: "as the checkpoint's",
    trained: true,
    batchSize: 8,
    ...(names === undefined ? {} : { attributes: names }),
  });
  return { card: parseModelCard(card, checkpoint), onnxPath, sha256: imported.sha256 };
}

/** Calls `checkNames` before the model is written, which may take a while. */
async function convert(
  path: string,
  onnxPath: string,
  checkNames: (attributeCount: number) => void,
): Promise<Imported> {
  await using checkpoint = await openTorchCheckpoint(path);
  // Written while the file is open.
  if (isMmfashion(checkpoint)) {
    const { model, shape } = readMmfashion(checkpoint, path);
    checkNames(shape.attributeCount);
    return {
      description:
        'Attribute predictor of mmfashion (VGG-16, landmark pooling) with the weights of a checkpoint; it is given no landmarks',
      source: MMFASHION_SOURCE,
      sha256: await writeOnnxModel(onnxPath, model),
      attributeCount: shape.attributeCount,
      hasCategories: shape.hasCategories,
    };
  }
  const shape = {
    widthDivisor: findWidthDivisor(checkpoint, path),
    hasOwnGlobalConv5: hasOwnGlobalConv5(checkpoint),
  };
  checkNames(FASHIONNET.attributeCount);
  const sha256 = await writeFashionNet(onnxPath, shape, weightsOf(checkpoint, path, MODULES));
  return { ...FASHIONNET, sha256 };
}

function findWidthDivisor({ tensors }: TorchCheckpoint, path: string): number {
  const channels = tensors.get('conv4.0.weight')?.dims[0] ?? 0;
  const divisor = FIRST_CHANNELS / channels;
  if (Number.isInteger(divisor)) return divisor;
  throw new PixlakeError(
    'CHECKPOINT_INVALID',
    `${path} is not a FashionNet: conv4.0.weight is missing or has another width`,
  );
}

/** The state dict of the published network contains the module twice, with shared weights. */
function hasOwnGlobalConv5({ tensors }: TorchCheckpoint): boolean {
  const own = tensors.get('conv5_global.1.weight');
  const shared = tensors.get('conv5_pose.1.weight');
  return own !== undefined && (own.storage.key !== shared?.storage.key || own.offset !== shared.offset);
}

/** The list begins with its length and a heading. Each further line ends with the type of the attribute. */
async function readAttributeNames(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new PixlakeError('SOURCE_NOT_FOUND', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  });
  const lines = text
    .split(/\r?\n/u)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const isHeaded = /^\d+$/u.test(lines[0] ?? '');
  return lines.slice(isHeaded ? 2 : 0).map((line) => line.replace(/\s+\d+$/u, ''));
}
