import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
