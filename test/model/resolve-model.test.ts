import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveModel } from '../../src/model/resolve-model.ts';
import { TOY_MODEL, writeModel } from './toy-model.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-models-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('the built-in model', () => {
  it('is written once when several ask for it at the same time, and used as it is afterwards', async () => {
    const models = join(folder, 'models');
    const [first, second] = await Promise.all([
      resolveModel('fashionnet', models),
      resolveModel('fashionnet', models),
    ]);
    const third = await resolveModel('fashionnet', models);
    expect(first).toEqual(second);
    expect(first).toEqual(third);
    expect(first.card).toMatchObject({ name: 'fashionnet', trained: false, sha256: first.sha256 });
    expect(first.onnxPath).toBe(join(models, 'fashionnet', 'fashionnet.onnx'));
    expect(await readdir(models)).toEqual(['fashionnet']);
    expect((await readdir(join(models, 'fashionnet'))).toSorted()).toEqual([
      'fashionnet.json',
      'fashionnet.onnx',
    ]);
  });

  it('is not used when its file was damaged', async () => {
    const { onnxPath } = await resolveModel('fashionnet', folder);
    const bytes = await readFile(onnxPath);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(onnxPath, bytes);
    await expect(resolveModel('fashionnet', folder)).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
      message: expect.stringContaining(onnxPath),
      remedy: expect.stringContaining('delete the folder'),
    });
  });

  it('says so when the models folder cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(resolveModel('fashionnet', join(folder, 'file'))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
  });
});

describe('a model of the user', () => {
  it('is found by name and by path', async () => {
    await mkdir(join(folder, 'toy'));
    const files = await writeModel(join(folder, 'toy'));
    expect(await resolveModel('toy', folder)).toEqual(files);
    expect(await resolveModel(files.onnxPath, join(folder, 'elsewhere'))).toEqual(files);
  });

  it('is refused when the file is not the one of the card', async () => {
    const { onnxPath } = await writeModel(folder);
    await truncate(onnxPath, 30);
    await expect(resolveModel(onnxPath, folder)).rejects.toMatchObject({ code: 'MODEL_MISMATCH' });
  });

  it('needs its card and its file', async () => {
    await mkdir(join(folder, 'toy'));
    const { onnxPath } = await writeModel(join(folder, 'toy'));
    await rm(onnxPath);
    await expect(resolveModel('toy', folder)).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining(onnxPath),
    });
    await writeFile(join(folder, 'bare.onnx'), 'x');
    await expect(resolveModel(join(folder, 'bare.onnx'), folder)).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining('bare.json does not exist'),
    });
  });

  it('is refused when its card is not JSON, or not a card, or far too long', async () => {
    const { onnxPath } = await writeModel(folder, TOY_MODEL);
    const cardPath = join(folder, 'toy.json');
    for (const content of ['{"name": ', '"toy"', '{}']) {
      await writeFile(cardPath, content);
      await expect(resolveModel(onnxPath, folder)).rejects.toMatchObject({
        code: 'MODEL_CARD_INVALID',
        message: expect.stringContaining(cardPath),
      });
    }
    await truncate(cardPath, 1024 ** 3);
    await expect(resolveModel(onnxPath, folder)).rejects.toMatchObject({
      code: 'MODEL_CARD_INVALID',
      message: expect.stringContaining('more than 16 MiB'),
    });
  });
});

describe('a name that is no model', () => {
  it('is answered with the names there are', async () => {
    await mkdir(join(folder, 'toy'));
    await mkdir(join(folder, 'empty'));
    await writeModel(join(folder, 'toy'));
    await expect(resolveModel('resnet', folder)).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: 'there is no model "resnet"; there are: fashionnet, toy',
    });
  });

  it.each([
    '',
    '..',
    '../models/toy',
    'toy/toy',
    'missing.onnx',
    '/missing/toy.onnx',
    'toy\0.onnx',
    '/etc/passwd',
  ])('is not looked for outside of the folder: %j', async (name) => {
    await mkdir(join(folder, 'toy'));
    await writeModel(join(folder, 'toy'));
    await expect(resolveModel(name, join(folder, 'toy'))).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });
});
