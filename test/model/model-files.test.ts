import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import {
  checkFile,
  fileSize,
  hashModel,
  parseCard,
  readModel,
  toStorageError,
} from '../../src/model/model-files.ts';
import { TOY_CARD, toyCard, writeModel } from './toy-model.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a model', () => {
  it('is read with the card next to it, or with another one', async () => {
    const files = await writeModel(folder);
    expect(await readModel(files.onnxPath)).toEqual(files);
    const other = join(folder, 'other.json');
    const spec = { ...TOY_CARD, sha256: files.sha256, description: 'another' };
    await writeFile(other, JSON.stringify(spec));
    expect((await readModel(files.onnxPath, other)).card.description).toBe('another');
  });

  it('has only its ending replaced for the name of its card', async () => {
    const inner = join(folder, 'a.onnx.d');
    await mkdir(inner);
    const files = await writeModel(inner);
    expect(await readModel(files.onnxPath)).toEqual(files);
  });

  it('is not found without its card or its file, and the remedy is told', async () => {
    const { onnxPath } = await writeModel(folder);
    await rm(onnxPath);
    await expect(readModel(onnxPath)).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: `the card of model "toy" has no file ${onnxPath} next to it`,
    });
    const cardPath = join(folder, 'toy.json');
    await rm(cardPath);
    await expect(readModel(onnxPath)).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: `${onnxPath} has no model card: ${cardPath} does not exist`,
      remedy: 'write a model card next to the .onnx file',
    });
  });

  it('has a card of 16 MiB at most', async () => {
    const { onnxPath } = await writeModel(folder);
    const cardPath = join(folder, 'toy.json');
    await truncate(cardPath, 16 * 1024 ** 2);
    await expect(readModel(onnxPath)).rejects.toThrow('not JSON');
    await truncate(cardPath, 16 * 1024 ** 2 + 1);
    await expect(readModel(onnxPath)).rejects.toMatchObject({
      code: 'MODEL_CARD_INVALID',
      message: `model card ${cardPath}: 16777217 bytes is more than 16 MiB`,
    });
  });

  it('is checked against the checksum of its card', async () => {
    const path = join(folder, 'x.onnx');
    await writeFile(path, 'model');
    const sha256 = createHash('sha256').update('model').digest('hex');
    expect(await hashModel(path)).toBe(sha256);
    const card = toyCard({ sha256 });
    expect(await checkFile(card, path)).toEqual({ card, onnxPath: path, sha256 });
    await expect(checkFile(toyCard(), path)).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
      message: `${path} has sha256 ${sha256}, but its card states ${'0'.repeat(64)}`,
      remedy: expect.stringContaining('download the model again') as string,
    });
    await expect(checkFile(card, join(folder, 'absent.onnx'))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
  });
});

describe('a card', () => {
  it('is parsed, or refused with what is wrong with it', () => {
    expect(parseCard(JSON.stringify(TOY_CARD), 'a.json')).toEqual(toyCard());
    expect(() => parseCard('{', 'a.json')).toThrow(
      expect.objectContaining({
        code: 'MODEL_CARD_INVALID',
        message: expect.stringMatching(/^model card a\.json: not JSON: .*JSON/u) as string,
        cause: expect.any(SyntaxError) as Error,
      }),
    );
    expect(() => parseCard('7', 'a.json')).toThrow(/^model card a\.json: Invalid input: expected object/u);
  });
});

describe('a file', () => {
  it('has a size, which a folder and what is not there have not', async () => {
    const path = join(folder, 'file');
    await writeFile(path, 'abc');
    expect(await fileSize(path)).toBe(3);
    expect(await fileSize(folder)).toBeUndefined();
    expect(await fileSize(join(folder, 'absent'))).toBeUndefined();
  });

  it.each([
    ['ENOSPC', 'STORAGE_FULL'],
    ['EDQUOT', 'STORAGE_FULL'],
    ['EACCES', 'STORAGE_DENIED'],
    ['EPERM', 'STORAGE_DENIED'],
    ['EROFS', 'STORAGE_DENIED'],
    ['EIO', 'STORAGE_FAILED'],
  ])('that fails with %s is an error %s', (errno, code) => {
    const cause = Object.assign(new Error('why'), { code: errno });
    expect(toStorageError(cause, 'a/b')).toMatchObject({ code, message: 'cannot use a/b: why', cause });
  });

  it('that fails otherwise is an error too, and one of pixlake stays what it is', () => {
    expect(toStorageError(new Error('why'), 'a/b')).toMatchObject({ code: 'STORAGE_FAILED' });
    expect(toStorageError('why', 'a/b')).toMatchObject({ code: 'STORAGE_FAILED' });
    const own = new PixlakeError('MODEL_FAILED', 'x');
    expect(toStorageError(own, 'a/b')).toBe(own);
  });
});
