import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTorchCheckpoint } from '../../../src/model/fashionnet/torch-checkpoint.ts';
import { unpickle } from '../../../src/model/fashionnet/unpickle.ts';
import { writeCheckpoint, writeZip } from './torch-writer.ts';

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

  /** A state dict of one weight, nested in dictionaries under names, the outermost first. */
  function nest(...names: readonly string[]): Buffer {
    const path = 'net/data.pkl';
    const zip = writeCheckpoint({ 'module.weights': { dims: [2], bytes: floats(1, 2) } });
    const start = zip.indexOf(path) + path.length;
    const pickle = zip.subarray(start + 2, zip.indexOf('u.PK', start) + 1);
    const outside = names.map((name) => `}X${String.fromCharCode(name.length)}\0\0\0${name}`).join('');
    const nested = Buffer.concat([
      Buffer.from(`\x80\x02${outside}`, 'latin1'),
      pickle,
      Buffer.from(`${'s'.repeat(names.length)}.`),
    ]);
    return writeZip({ [path]: nested, 'net/data/0': floats(1, 2) });
  }

  it.each([[], ['state_dict'], ['model_state_dict'], ['model'], ['state_dict', 'model']])(
    'gives weights by their names, without those that are put around them: %j %j',
    async (...names) => {
      const path = join(folder, 'nested.pth');
      await writeFile(path, nest(...names.filter((name) => name !== undefined)));
      await using checkpoint = await openTorchCheckpoint(path);
      expect([...checkpoint.tensors.keys()]).toEqual(['weights']);
      expect(await readAll(path, 'weights')).toEqual([1, 2]);
    },
  );

  it('under another name holds no weights', async () => {
    const path = join(folder, 'nested.pth');
    await writeFile(path, nest('optimizer'));
    await expect(openTorchCheckpoint(path)).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: `${path} contains no named weights`,
      remedy: 'save them with torch.save(model.state_dict(), path)',
    });
  });

  it.each([
    ['little', undefined],
    ['big', 'was written on a big-endian machine'],
  ])('has its bytes in %s-endian order', async (order, reason) => {
    const path = join(folder, 'order.pth');
    const entry = { 'net/byteorder': Buffer.from(order) };
    const zip = writeCheckpoint({ weights: { dims: [1], bytes: floats(1) } });
    const start = zip.indexOf('net/data.pkl') + 'net/data.pkl'.length;
    const pickle = zip.subarray(start, zip.indexOf('u.PK', start) + 2);
    await writeFile(path, writeZip({ 'net/data.pkl': pickle, ...entry, 'net/data/0': floats(1) }));
    const opened = openTorchCheckpoint(path);
    if (reason === undefined) {
      await using checkpoint = await opened;
      expect(checkpoint.tensors.size).toBe(1);
    } else
      await expect(opened).rejects.toMatchObject({
        code: 'CHECKPOINT_INVALID',
        message: `${path} ${reason}`,
      });
  });

  it('whose weights are compressed is refused', async () => {
    const path = join(folder, 'compressed.pth');
    const zip = writeCheckpoint({ weights: { dims: [1], bytes: floats(1) } });
    // The method in the last entry of the directory, which is that of the weights.
    zip.writeUInt16LE(8, zip.lastIndexOf('PK\x01\x02') + 10);
    await writeFile(path, zip);
    await expect(openTorchCheckpoint(path)).rejects.toThrow(
      'the weights are compressed, which torch never does',
    );
  });

  it('whose weights are larger than a chunk is read to its last byte', async () => {
    const path = join(folder, 'large.pth');
    const values = Float32Array.from({ length: 2 ** 18 + 3 }, (_, index) => index);
    await writeFile(
      path,
      writeCheckpoint({ weights: { dims: [values.length], bytes: Buffer.from(values.buffer) } }),
    );
    await using checkpoint = await openTorchCheckpoint(path);
    const { length } = checkpoint.read('weights');
    expect(length).toBe(values.byteLength);
    const found = await readAll(path, 'weights');
    expect([found.length, found[2 ** 18 - 1], found[2 ** 18], found.at(-1)]).toEqual([
      2 ** 18 + 3,
      2 ** 18 - 1,
      2 ** 18,
      2 ** 18 + 2,
    ]);
  });

  it('that lacks weights says which, and why', async () => {
    const path = join(folder, 'lacking.pth');
    const zip = writeCheckpoint({ weights: { dims: [1], bytes: floats(1) } });
    const start = zip.indexOf('net/data.pkl') + 'net/data.pkl'.length;
    const pickle = zip.subarray(start, zip.indexOf('u.PK', start) + 2);
    await writeFile(path, writeZip({ 'net/data.pkl': pickle }));
    await expect(readAll(path, 'weights')).rejects.toThrow(
      'weights "weights" are a strided view, or without its bytes',
    );
    await expect(readAll(path, 'other')).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: 'weights "other" are missing',
    });
  });

  it('that is cut off after it was opened is refused within its weights', async () => {
    const path = join(folder, 'cut.pth');
    const zip = writeCheckpoint({ weights: { dims: [3], bytes: floats(1, 2, 3) } });
    await writeFile(path, zip);
    await using checkpoint = await openTorchCheckpoint(path);
    await truncate(path, zip.indexOf(floats(1, 2, 3)) + 5);
    const read = async (): Promise<void> => {
      for await (const chunk of checkpoint.read('weights').chunks()) throw new Error(`${chunk.length} bytes`);
    };
    await expect(read()).rejects.toThrow('the file ends within weights "weights"');
  });

  it('whose tensor reaches beyond its bytes is refused', async () => {
    const path = join(folder, 'short.pth');
    await writeFile(path, writeCheckpoint({ weights: { dims: [4], bytes: floats(1, 2) } }));
    await expect(readAll(path, 'weights')).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: 'weights "weights" reach beyond their bytes',
    });
    await writeFile(path, writeCheckpoint({ weights: { dims: [2, 1], bytes: floats(1, 2) } }));
    expect(await readAll(path, 'weights')).toEqual([1, 2]);
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
