import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFashionNet } from '../../../src/model/fashionnet/fashionnet.ts';
import { randomWeights, type WeightSource } from '../../../src/model/fashionnet/graph-builder.ts';
import { importFashionNet } from '../../../src/model/fashionnet/import-fashionnet.ts';
import { ModelLibrary } from '../../../src/model/model-library.ts';
import { openTorchCheckpoint } from '../../../src/model/fashionnet/torch-checkpoint.ts';
import { unpickle } from '../../../src/model/fashionnet/unpickle.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import { writeModel } from '../toy-model.ts';
import { type CheckpointTensor, writeCheckpoint, writeZip } from './torch-writer.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-checkpoint-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function readAll(path: string, name: string): Promise<number[]> {
  await using checkpoint = await openTorchCheckpoint(path);
  const chunks: Uint8Array[] = [];
  for await (const chunk of checkpoint.read(name).chunks()) chunks.push(chunk);
  return Array.from(new Float32Array(Uint8Array.from(Buffer.concat(chunks)).buffer));
}

const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

describe('a checkpoint of torch', () => {
  it('as torch 2.15 itself wrote it gives weights of all kinds', async () => {
    const path = join(import.meta.dirname, 'fixtures', 'torch-2.15.pth');
    const expected = [0.5, -1.25, 3, 65504, -0.0078125, 0];
    for (const name of ['single', 'half', 'bfloat', 'double']) {
      const values = await readAll(path, name);
      if (name === 'bfloat') expect(values[3]).toBe(65536);
      expect(values.toSpliced(3, 1)).toEqual(expected.toSpliced(3, 1));
    }
    // A view of the second row, with an offset into the storage.
    expect(await readAll(path, 'row')).toEqual([65504, -0.0078125, 0]);
    await expect(readAll(path, 'transposed')).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringContaining('strided view'),
    });
    await expect(readAll(path, 'whole')).rejects.toMatchObject({
      message: expect.stringContaining('LongStorage'),
    });
  });

  it.each<[string, (path: string) => Promise<void>, string]>([
    [
      'of the time before torch 1.6',
      (path) => writeFile(path, Buffer.from('\x80\x02\x8a\x0al')),
      'since 1.6',
    ],
    ['that is empty', (path) => writeFile(path, ''), 'since 1.6'],
    ['that is cut off', (path) => writeFile(path, Buffer.from('PK\x03\x04 and no more')), 'damaged'],
    ['without a pickle', (path) => writeFile(path, writeZip({ 'a/version': Buffer.from('3') })), 'data.pkl'],
    [
      'with code in it',
      (path) =>
        writeFile(
          path,
          writeZip({ 'a/data.pkl': Buffer.from('\x80\x02cos\nsystem\nX\x02\0\0\0lsR.', 'latin1') }),
        ),
      'os.system, which is refused',
    ],
    [
      'with a builtin in it',
      (path) =>
        writeFile(
          path,
          writeZip({ 'a/data.pkl': Buffer.from('\x80\x04\x8c\x08builtins\x8c\x04eval\x93.', 'latin1') }),
        ),
      'builtins.eval, which is refused',
    ],
    [
      'whose pickle is cut off',
      (path) => writeFile(path, writeZip({ 'a/data.pkl': Buffer.from('\x80\x02}X\xff\0\0\0ab', 'latin1') })),
      'pickle',
    ],
    [
      'that holds no weights',
      (path) => writeFile(path, writeZip({ 'a/data.pkl': Buffer.from('\x80\x02}.', 'latin1') })),
      'no named weights',
    ],
  ])('%s is refused', async (_, write, reason) => {
    const path = join(folder, 'bad.pth');
    await write(path);
    await expect(openTorchCheckpoint(path)).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringContaining(reason),
    });
  });

  it('whose tensor reaches beyond its bytes is refused', async () => {
    const path = join(folder, 'short.pth');
    await writeFile(path, writeCheckpoint({ weights: { dims: [4], bytes: floats(1, 2) } }));
    await expect(readAll(path, 'weights')).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
  });

  it('that is not there is not found', async () => {
    await expect(openTorchCheckpoint(join(folder, 'absent.pth'))).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
    });
  });

  it('may be any bytes: they are refused, and nothing else happens', () => {
    let state = 7;
    let refusedCount = 0;
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.alloc(40);
      for (let at = 0; at < bytes.length; at++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        bytes[at] = state >>> 24;
      }
      try {
        unpickle(bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: 'CHECKPOINT_INVALID' });
        refusedCount += 1;
      }
    }
    // One of them is a pickle.
    expect(refusedCount).toBe(1999);
  });
});

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
    expect(files.sha256).toBe(sha256);
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
    await writeFile(checkpoint, writeCheckpoint({ other: { dims: [1], bytes: floats(1) } }));
    await expect(importFashionNet({ checkpoint, name: 'mine' }, folder)).rejects.toThrow(
      'is not a FashionNet',
    );
  });

  it('wants a thousand names of attributes', async () => {
    const { tensors } = await makeStateDict(false);
    const checkpoint = join(folder, 'net.pth');
    await writeFile(checkpoint, writeCheckpoint(tensors));
    const attributes = join(folder, 'few.txt');
    await writeFile(attributes, 'one 1\ntwo 2\n');
    await expect(importFashionNet({ checkpoint, name: 'mine', attributes }, folder)).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    });
  });
});
