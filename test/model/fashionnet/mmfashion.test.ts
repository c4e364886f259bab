import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomWeights } from '../../../src/model/fashionnet/graph-builder.ts';
import { importFashionNet } from '../../../src/model/fashionnet/import-fashionnet.ts';
import {
  buildMmfashion,
  MMFASHION_SOURCE,
  sharesOfCells,
  UNKNOWN_LANDMARKS,
} from '../../../src/model/fashionnet/mmfashion.ts';
import { writeOnnxModel } from '../../../src/model/fashionnet/write-onnx-model.ts';
import { ModelLibrary } from '../../../src/model/model-library.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import { type CheckpointTensor, writeCheckpoint } from './torch-writer.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-mmfashion-'));
});
afterEach(() => rm(folder, { recursive: true }));

const SHAPE = {
  firstChannels: 1,
  hiddenCount: 6,
  globalCount: 5,
  localCount: 4,
  fusedCount: 7,
  attributeCount: 26,
};

/** Weights of mmfashion's modules, in the order of its state dict. */
const WEIGHTS: Readonly<Record<string, readonly number[]>> = {
  'backbone.features.0': [1, 3, 3, 3],
  'backbone.features.2': [1, 1, 3, 3],
  'backbone.features.5': [2, 1, 3, 3],
  'backbone.features.7': [2, 2, 3, 3],
  'backbone.features.10': [4, 2, 3, 3],
  'backbone.features.12': [4, 4, 3, 3],
  'backbone.features.14': [4, 4, 3, 3],
  'backbone.features.17': [8, 4, 3, 3],
  'backbone.features.19': [8, 8, 3, 3],
  'backbone.features.21': [8, 8, 3, 3],
  'backbone.features.24': [8, 8, 3, 3],
  'backbone.features.26': [8, 8, 3, 3],
  'backbone.features.28': [8, 8, 3, 3],
  'global_pool.global_layers.0': [6, 8 * 49],
  'global_pool.global_layers.3': [5, 6],
  'roi_pool.linear.0': [4, 8 * 8],
  'concat.fc_fusion': [7, 9],
  'attr_predictor.linear_attr': [26, 7],
  'cate_predictor.linear_cate': [50, 7],
};

/** A state dict of mmfashion's predictor with random weights. */
function makeStateDict(): Record<string, CheckpointTensor> {
  const source = randomWeights(4);
  const tensors: Record<string, CheckpointTensor> = {};
  for (const [module, dims] of Object.entries(WEIGHTS)) {
    for (const [name, size] of [
      [`${module}.weight`, dims],
      [`${module}.bias`, dims.slice(0, 1)],
    ] as const) {
      const chunks = source(name, size, 0.5).chunks() as Iterable<Uint8Array>;
      tensors[name] = { dims: size, bytes: Buffer.concat([...chunks]) };
    }
  }
  return tensors;
}

async function importTensors(tensors: Record<string, CheckpointTensor>, attributes?: string) {
  const checkpoint = join(folder, 'epoch_40.pth');
  await writeFile(checkpoint, writeCheckpoint(tensors));
  const spec = { checkpoint, name: 'mine', ...(attributes === undefined ? {} : { attributes }) };
  return importFashionNet(spec, folder);
}

/** Outputs for an image of one colour on the left and another on the right. */
async function runModel(onnxPath: string) {
  const session = await InferenceSession.create(onnxPath, { intraOpNumThreads: 1 });
  const pixels = Float32Array.from({ length: 2 * 3 * 224 ** 2 }, (_, at) => (at % 224 < 100 ? 1 : -0.5));
  const outputs = await session.run({ input: new Tensor('float32', pixels, [2, 3, 224, 224]) });
  await session.release();
  return outputs;
}

describe('importing the attribute predictor of mmfashion', () => {
  it('takes its weights by their names and runs', async () => {
    const tensors = makeStateDict();
    const { card, onnxPath, sha256 } = await importTensors(tensors);
    expect(card).toMatchObject({ name: 'mine', trained: true, sha256, source: MMFASHION_SOURCE });
    expect(card.description).toContain('it is given no landmarks');
    expect(card.outputs).toMatchObject([
      { name: 'categories', column: 'category', topK: 5 },
      { name: 'massive_attr', column: 'attribute', topK: 20, threshold: 0.5 },
    ]);
    const { massive_attr: attributes, categories } = await runModel(onnxPath);
    expect(attributes?.dims).toEqual([2, 26]);
    expect(categories?.dims).toEqual([2, 50]);
    expect(new Set(categories?.data as Float32Array).size).toBeGreaterThan(10);

    // Every weight is used, and in its own place: the same graph with the same weights has the same bytes.
    const LAYERS = Object.keys(WEIGHTS).values();
    const layers = new Map<string, string>();
    const direct = buildMmfashion(
      { ...SHAPE, hasCategories: true },
      (name) => {
        const [layer = '', part = ''] = name.split('.');
        const module = layers.get(layer) ?? LAYERS.next().value ?? '';
        layers.set(layer, module);
        const bytes = tensors[`${module}.${part}`]?.bytes ?? Buffer.alloc(0);
        return { length: bytes.length, chunks: () => [bytes] };
      },
      UNKNOWN_LANDMARKS,
    );
    expect(await writeOnnxModel(join(folder, 'direct.onnx'), direct)).toBe(sha256);
  });

  it('has no categories where the checkpoint has none', async () => {
    const {
      'cate_predictor.linear_cate.weight': weight,
      'cate_predictor.linear_cate.bias': bias,
      ...rest
    } = makeStateDict();
    expect([weight, bias]).not.toContain(undefined);
    const { card, onnxPath } = await importTensors(rest);
    expect(card.outputs.map(({ name }) => name)).toEqual(['massive_attr']);
    expect(Object.keys(await runModel(onnxPath))).toEqual(['massive_attr']);
  });

  it('becomes a model of the lake that runs', async () => {
    const checkpoint = join(folder, 'net.pth');
    const tensors = Object.entries(makeStateDict()).map(([name, tensor]) => [`module.${name}`, tensor]);
    await writeFile(checkpoint, writeCheckpoint(Object.fromEntries(tensors)));
    const library = new ModelLibrary(openStore(join(folder, 'lake')));
    await library.importFashionNet({ checkpoint, name: 'mm' });
    expect(await library.verify(['mm'])).toEqual([{ name: 'mm', problem: undefined }]);
  });

  it('takes as many names of attributes as the checkpoint has attributes', async () => {
    const attributes = join(folder, 'list_attr_cloth.txt');
    const names = Array.from({ length: 26 }, (_, index) => `attribute ${index} of`);
    await writeFile(attributes, `26\nname type\n${names.map((name) => `${name}  1\n`).join('')}`);
    const { card } = await importTensors(makeStateDict(), attributes);
    expect(card.outputs[1]).toMatchObject({ labels: names });
    await writeFile(attributes, names.slice(1).join('\n'));
    await expect(importTensors(makeStateDict(), attributes)).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: `${attributes} lists 25 different attributes, not 26`,
    });
  });

  it.each([
    ['roi_pool.linear.0.weight', 'weights "roi_pool.linear.0.weight" are missing'],
    ['backbone.features.28.bias', 'weights "backbone.features.28.bias" should be [8], but are missing'],
    ['backbone.features.0.weight', 'is not a FashionNet'],
  ])('says so if %s has another name', async (name, message) => {
    const { [name]: tensor, ...rest } = makeStateDict();
    if (tensor === undefined) throw new Error(`no ${name}`);
    await expect(importTensors({ ...rest, [`other.${name}`]: tensor })).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringContaining(message),
    });
  });
});

describe('reading around landmarks', () => {
  // What torch 2.15 computes, as mmfashion calls it, for the map below: affine_grid, then grid_sample with the border repeated.
  it.each<[number, number, number[]]>([
    [0, 0, [0, 0, 0, 0]],
    [112, 112, [26.5, 33.5, 33.5, 40.5]],
    [224, 224, [84, 84, 84, 84]],
    [30, 200, [36.75, 38.625, 42, 43.875]],
    [75.5, 10, [3.4375, 8.1562, 5.625, 10.3438]],
  ])('reads a map around %d, %d as torch does', (x, y, expected) => {
    const map = Array.from({ length: 49 }, (_, cell) => cell + (cell % 7) ** 2);
    const shares = sharesOfCells([[x, y]]);
    const read = [0, 1, 2, 3].map((point) =>
      map.reduce((sum, value, cell) => sum + value * (shares[4 * cell + point] ?? 0), 0),
    );
    expect(read).toEqual(expected.map((value) => expect.closeTo(value, 3)));
  });

  it('gives a landmark that is not visible the corner of the map, as mmfashion does', () => {
    const shares = sharesOfCells(UNKNOWN_LANDMARKS);
    expect(shares).toHaveLength(49 * 32);
    expect(shares.every((share, at) => share === (at < 32 ? 1 : 0))).toBe(true);
  });
});
