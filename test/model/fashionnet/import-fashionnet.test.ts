import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFashionNet } from '../../../src/model/fashionnet/fashionnet.ts';
import { randomWeights, type WeightSource } from '../../../src/model/fashionnet/graph-builder.ts';
import { importFashionNet } from '../../../src/model/fashionnet/import-fashionnet.ts';
import { ModelLibrary } from '../../../src/model/model-library.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import { writeModel } from '../toy-model.ts';
import { type CheckpointTensor, writeCheckpoint } from './torch-writer.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-import-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Names of the published modules, by those of pixlake's layers. */
const LAYERS: Readonly<Record<string, string>> = {
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

/** A state dict of the published network with random weights, and the checksum of the model it should become. */
async function makeStateDict(
  hasOwnGlobalConv5: boolean,
): Promise<{ tensors: Record<string, CheckpointTensor>; sha256: string }> {
  const tensors: Record<string, CheckpointTensor> = {};
  const random = randomWeights(3);
  const source: WeightSource = (name, dims, bound) => {
    const streamed = random(name, dims, bound + 0.001);
    const [layer = '', part = ''] = name.split('.');
    const bytes = Buffer.concat([...(streamed.chunks() as Iterable<Uint8Array>)]);
    tensors[`module.${LAYERS[layer] ?? layer}.${part}`] = { dims, bytes };
    return streamed;
  };
  const sha256 = await writeFashionNet(
    join(folder, 'direct.onnx'),
    { widthDivisor: 64, hasOwnGlobalConv5 },
    source,
  );
  return { tensors, sha256 };
}

describe('importing FashionNet', () => {
  it.each([false, true])('gives the very model of the weights (own conv5: %s)', async (hasOwn) => {
    const { tensors, sha256 } = await makeStateDict(hasOwn);
    const checkpoint = join(folder, 'net.pth');
    await writeFile(checkpoint, writeCheckpoint(tensors));
    const attributes = join(folder, 'list_attr_cloth.txt');
    const names = Array.from({ length: 1000 }, (_, index) => `striped ${index}`);
    await writeFile(
      attributes,
      `1000\nattribute_name attribute_type\n${names.map((name) => `${name}     3\n`).join('')}`,
    );
    const { card, ...files } = await importFashionNet({ checkpoint, name: 'mine', attributes }, folder);
    expect(files).toEqual({ sha256, onnxPath: join(folder, 'mine.onnx') });
    expect(card).toMatchObject({ name: 'mine', trained: true, sha256 });
    expect(card.outputs[1]).toMatchObject({ column: 'attribute', labels: names });
  });

  it('gives an exported ONNX file its card, and refuses one that does not fit', async () => {
    const { sha256 } = await makeStateDict(false);
    const library = new ModelLibrary(openStore(join(folder, 'lake')));
    const card = await library.importFashionNet({ checkpoint: join(folder, 'direct.onnx'), name: 'mine' });
    expect(card).toMatchObject({ name: 'mine', trained: true, sha256 });
    expect(await library.verify(['mine'])).toEqual([{ name: 'mine', problem: undefined }]);
    const { onnxPath } = await writeModel(folder);
    await expect(library.importFashionNet({ checkpoint: onnxPath, name: 'toy' })).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
    });
    await expect(
      library.importFashionNet({ checkpoint: join(folder, 'absent.onnx'), name: 'toy' }),
    ).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it('names weights that are missing or of another shape', async () => {
    const { tensors } = await makeStateDict(false);
    const checkpoint = join(folder, 'net.pth');
    const { 'module.loc.bias': gone, ...rest } = tensors;
    await writeFile(checkpoint, writeCheckpoint(rest));
    await expect(importFashionNet({ checkpoint, name: 'mine' }, folder)).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringContaining('"loc.bias" should be [16], but are missing'),
    });
    const wrong = { ...tensors, 'module.loc.bias': { dims: [8], bytes: gone?.bytes ?? Buffer.alloc(0) } };
    await writeFile(checkpoint, writeCheckpoint(wrong));
    await expect(importFashionNet({ checkpoint, name: 'mine' }, folder)).rejects.toThrow('but are [8]');
    await writeFile(checkpoint, writeCheckpoint({ other: { dims: [1], bytes: Buffer.alloc(4) } }));
    await expect(importFashionNet({ checkpoint, name: 'mine' }, folder)).rejects.toThrow(
      'is not a FashionNet',
    );
  });

  // An ONNX file is taken as it is, so no checkpoint has to be read for it.
  async function importNames(text: string): Promise<readonly string[]> {
    const { onnxPath } = await writeModel(folder);
    const attributes = join(folder, 'list.txt');
    await writeFile(attributes, text);
    const { card } = await importFashionNet({ checkpoint: onnxPath, name: 'mine', attributes }, folder);
    const [, output] = card.outputs;
    return output?.kind === 'sigmoid' ? output.labels : [];
  }
  const names = Array.from({ length: 1000 }, (_, index) => `a-line ${index} dress`);

  it.each([
    [
      'as DeepFashion has them',
      `1000\nattribute_name  attribute_type\n${names.map((name) => `${name}   5\n`).join('')}`,
    ],
    ['without a heading', names.map((name) => `${name} 1`).join('\n')],
    ['without types', names.join('\n')],
    [
      'with spaces, empty lines and those of Windows',
      `\r\n  1000  \r\n\r\nheading\r\n${names.map((name) => `  ${name}  12  \r\n`).join('')}`,
    ],
  ])('takes names of attributes %s', async (_, text) => {
    expect(await importNames(text)).toEqual(names);
  });

  it.each([
    ['two', 'one 1\ntwo 2\n', 2],
    ['one too many', [...names, 'more'].join('\n'), 1001],
    ['a name twice', [...names.slice(1), 'a-line 5 dress 3'].join('\n'), 999],
  ])('wants a thousand names of attributes, not %s', async (_, text, count) => {
    await expect(importNames(text)).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: `${join(folder, 'list.txt')} lists ${count} different attributes, not 1000`,
    });
  });

  it('says which list it cannot read', async () => {
    const { onnxPath } = await writeModel(folder);
    const attributes = join(folder, 'absent.txt');
    await expect(
      importFashionNet({ checkpoint: onnxPath, name: 'mine', attributes }, folder),
    ).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      message: expect.stringContaining(attributes),
      cause: expect.objectContaining({ code: 'ENOENT' }),
    });
  });

  it('describes what it imported, and where it lies', async () => {
    const { onnxPath, sha256 } = await writeModel(folder);
    const files = await importFashionNet({ checkpoint: onnxPath, name: 'mine' }, join(folder, 'unused'));
    expect(files).toMatchObject({ onnxPath, sha256 });
    expect(files.card).toMatchObject({
      name: 'mine',
      licence: "as the checkpoint's",
      trained: true,
      sha256,
      batchSize: 8,
      input: { width: 224, height: 224, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    });
    expect(files.card.outputs).toMatchObject([
      { name: 'categories', column: 'category', topK: 5, threshold: 0 },
      { name: 'massive_attr', column: 'attribute', topK: 20, threshold: 0.5 },
    ]);
    expect(files.card.outputs.map((output) => ('labels' in output ? output.labels.length : 0))).toEqual([
      50, 1000,
    ]);
  });
});
