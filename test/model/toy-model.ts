import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomFashionNet } from '../../src/model/built-in-models.ts';
import { fashionNetCard } from '../../src/model/fashionnet/fashionnet.ts';
import { type ModelCard, type ModelCardSpec, parseModelCard } from '../../src/model/model-card.ts';
import { encodeOnnxModel, type OnnxModel, readPieces } from '../../src/model/fashionnet/onnx-writer.ts';
import type { ModelFiles } from '../../src/model/model-files.ts';

/** Takes 2x1 images, so that a batch is [N,3,1,2], and gives their six values back as `scores` [N,6]. */
export const TOY_MODEL: OnnxModel = {
  name: 'toy',
  nodes: [{ op: 'Flatten', inputs: ['pixels'], outputs: ['scores'], attributes: { axis: 1 } }],
  tensors: [],
  inputs: [{ name: 'pixels', dims: ['batch', 3, 1, 2] }],
  outputs: [{ name: 'scores', dims: ['batch', 6] }],
  metadata: {},
};

/** The one output of {@link TOY_CARD}. */
export const TOY_OUTPUT = {
  name: 'scores',
  column: 'toy',
  kind: 'sigmoid',
  labels: ['a', 'b', 'c', 'd', 'e', 'f'],
  topK: 3,
} satisfies ModelCardSpec['outputs'][number];

/** The card of {@link TOY_MODEL}. */
export const TOY_CARD: ModelCardSpec = {
  name: 'toy',
  description: 'gives its input back',
  licence: 'Apache-2.0',
  source: 'a test',
  trained: false,
  sha256: '0'.repeat(64),
  input: {
    name: 'pixels',
    width: 2,
    height: 1,
    layout: 'NCHW',
    colorOrder: 'RGB',
    resize: 'fill',
    mean: [0, 0, 0],
    std: [1, 1, 1],
  },
  batchSize: 4,
  outputs: [
    { name: 'scores', column: 'toy', kind: 'sigmoid', labels: ['a', 'b', 'c', 'd', 'e', 'f'], topK: 3 },
  ],
};

/** A card of FashionNet. */
export function fashionNetSpec(sha256: string): ModelCardSpec {
  return fashionNetCard({
    name: 'fashionnet',
    description: 'for a test',
    source: 'a test',
    trained: false,
    sha256,
    batchSize: 8,
  });
}

/** Writes an untrained FashionNet, narrow and so small, and its card as `random.onnx` and `random.json` into a folder. */
export async function writeRandomFashionNet(folder: string): Promise<string> {
  const onnxPath = join(folder, 'random.onnx');
  const card = await randomFashionNet('random', 64, 'A narrow FashionNet').write(onnxPath);
  await writeFile(join(folder, 'random.json'), JSON.stringify(card));
  return onnxPath;
}

/** Parses the toy card with some fields replaced. */
export function toyCard(changes: Partial<ModelCardSpec> = {}): ModelCard {
  return parseModelCard({ ...TOY_CARD, ...changes }, 'toy.json');
}

/** Writes a model and its card as `<name>.onnx` and `<name>.json` into a folder. */
export async function writeModel(
  folder: string,
  model: OnnxModel = TOY_MODEL,
  changes: Partial<ModelCardSpec> = {},
): Promise<ModelFiles> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readPieces(encodeOnnxModel(model))) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const spec = { ...TOY_CARD, sha256, ...changes };
  const onnxPath = join(folder, `${spec.name}.onnx`);
  await writeFile(onnxPath, bytes);
  await writeFile(join(folder, `${spec.name}.json`), JSON.stringify(spec));
  return { card: parseModelCard(spec, onnxPath), onnxPath, sha256 };
}
