import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addModel, listModels, resolveModel } from '../../src/model/lake-models.ts';
import { ModelLibrary } from '../../src/model/model-library.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { drawJpeg } from '../support/catalogue.ts';
import { TOY_MODEL, TOY_OUTPUT, writeModel } from './toy-model.ts';

let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-models-'));
  store = openStore(join(folder, 'lake'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('built-in models', () => {
  it('are the same for all who ask for one at the same time, and used as they are afterwards', async () => {
    const [first, second] = await Promise.all([
      resolveModel(store, 'fashionnet-small'),
      resolveModel(store, 'fashionnet-small'),
    ]);
    const { ino, mtimeMs } = await stat(first.onnxPath);
    const third = await resolveModel(store, 'fashionnet-small');
    expect(await stat(third.onnxPath)).toMatchObject({ ino, mtimeMs });
    expect(first).toEqual(second);
    expect(first).toEqual(third);
    expect(first.card).toMatchObject({ name: 'fashionnet-small', trained: false, sha256: first.sha256 });
    const models = join(folder, 'lake', 'models', 'fashionnet-small');
    expect(first.onnxPath).toBe(join(models, 'fashionnet-small.onnx'));
    expect((await readdir(models)).toSorted()).toEqual(['fashionnet-small.json', 'fashionnet-small.onnx']);
  });

  it('say so when the lake cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(resolveModel(openStore(join(folder, 'file')), 'fashionnet-small')).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
  });

  it('include a trained one that needs no lake to be there', async () => {
    const { card } = await resolveModel(store, 'fashion-tiny');
    expect(card).toMatchObject({ name: 'fashion-tiny', trained: true });
    expect(card.evaluation?.accuracy['masterCategory']).toBeGreaterThan(0.9);
    expect((await readdir(folder)).length).toBe(0);
  });
});

describe('a model of the user', () => {
  it('is added, listed, shown, verified, and found by name and by path', async () => {
    const files = await writeModel(folder);
    const library = new ModelLibrary(store);
    expect(await library.add(files.onnxPath)).toEqual(files.card);
    expect(await library.add(files.onnxPath)).toEqual(files.card);
    expect(await library.show('toy')).toEqual(files.card);
    expect((await listModels(store)).map(({ name, isBuiltIn }) => [name, isBuiltIn])).toEqual([
      ['fashion-tiny', true],
      ['fashionnet', true],
      ['fashionnet-small', true],
      ['toy', false],
    ]);
    expect(await library.verify(['toy'])).toEqual([{ name: 'toy', problem: undefined }]);
    expect((await resolveModel(store, 'toy')).sha256).toBe(files.sha256);
    expect(await resolveModel(openStore(join(folder, 'elsewhere')), files.onnxPath)).toEqual(files);
  });

  it('does not take the place of another one, nor another card of its own card', async () => {
    const files = await writeModel(folder);
    await addModel(store, files);
    const path = join(folder, 'lake', 'models', 'toy', 'toy.onnx');
    const bytes = await readFile(path);
    const other = await writeModel(folder, { ...TOY_MODEL, name: 'other' });
    await expect(addModel(store, other)).rejects.toMatchObject({ code: 'MODEL_EXISTS' });
    const card = { ...files.card, description: 'says something else' };
    await expect(addModel(store, { ...files, card })).rejects.toMatchObject({ code: 'MODEL_EXISTS' });
    expect(await readFile(path)).toEqual(bytes);
  });

  it('that was added by half is completed', async () => {
    const files = await writeModel(folder);
    await addModel(store, files);
    await rm(join(folder, 'lake', 'models', 'toy', 'toy.onnx'));
    await addModel(store, files);
    expect((await resolveModel(store, 'toy')).sha256).toBe(files.sha256);
  });

  it('that comes with pixlake and was damaged is refused with the remedy', async () => {
    const { onnxPath } = await resolveModel(store, 'fashionnet-small');
    await truncate(onnxPath, 1000);
    await expect(resolveModel(store, 'fashionnet-small')).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
      remedy: expect.stringContaining('delete its folder'),
    });
  });

  it('is not added when its card does not fit', async () => {
    const { onnxPath } = await writeModel(folder, TOY_MODEL, {
      outputs: [{ ...TOY_OUTPUT, labels: ['a', 'b'], topK: 2 }],
    });
    await expect(new ModelLibrary(store).add(onnxPath)).rejects.toMatchObject({ code: 'MODEL_MISMATCH' });
    expect((await listModels(store)).map(({ name }) => name)).not.toContain('toy');
  });

  it('is found damaged by verify', async () => {
    await addModel(store, await writeModel(folder));
    const path = join(folder, 'lake', 'models', 'toy', 'toy.onnx');
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill(0, 20, 30));
    expect(await new ModelLibrary(store).verify()).toEqual(
      expect.arrayContaining([
        { name: 'toy', problem: expect.objectContaining({ code: 'MODEL_MISMATCH' }) },
        { name: 'fashion-tiny', problem: undefined },
      ]),
    );
  });

  it('is refused when the file is not the one of the card', async () => {
    const { onnxPath } = await writeModel(folder);
    await truncate(onnxPath, 30);
    await expect(resolveModel(store, onnxPath)).rejects.toMatchObject({ code: 'MODEL_MISMATCH' });
  });

  it('needs its card and its file', async () => {
    await addModel(store, await writeModel(folder));
    const path = join(folder, 'lake', 'models', 'toy', 'toy.onnx');
    await rm(path);
    await expect(resolveModel(store, 'toy')).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining(path),
    });
    await writeFile(join(folder, 'bare.onnx'), 'x');
    await expect(resolveModel(store, join(folder, 'bare.onnx'))).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining('bare.json does not exist'),
    });
  });

  it('is refused when its card is not JSON, or not a card, or far too long', async () => {
    const { onnxPath } = await writeModel(folder, TOY_MODEL);
    const cardPath = join(folder, 'toy.json');
    for (const content of ['{"name": ', '"toy"', '{}']) {
      await writeFile(cardPath, content);
      await expect(resolveModel(store, onnxPath)).rejects.toMatchObject({
        code: 'MODEL_CARD_INVALID',
        message: expect.stringContaining(cardPath),
      });
    }
    await truncate(cardPath, 1024 ** 3);
    await expect(resolveModel(store, onnxPath)).rejects.toMatchObject({
      code: 'MODEL_CARD_INVALID',
      message: expect.stringContaining('more than 16 MiB'),
    });
  });

  it('labels image files, and tells which it could not', async () => {
    const { onnxPath } = await writeModel(folder);
    const image = join(folder, 'image.jpg');
    await writeFile(image, await drawJpeg(3));
    const broken = join(folder, 'broken.jpg');
    await writeFile(broken, 'no image');
    const results: unknown[] = [];
    const paths = [image, broken, join(folder, 'absent.jpg')];
    for await (const result of new ModelLibrary(store).label(onnxPath, paths, { threads: 1 }))
      results.push(result);
    expect(results).toMatchObject([
      { path: image, predictions: [{ kind: 'labels', column: 'toy' }], problem: undefined },
      { path: broken, problem: { code: 'IMAGE_UNSUPPORTED' } },
      { problem: { code: 'IMAGE_MISSING' } },
    ]);
  });
});

describe('a name that is no model', () => {
  it('is answered with the names there are', async () => {
    await addModel(store, await writeModel(folder));
    await mkdir(join(folder, 'lake', 'models', 'empty'));
    await expect(resolveModel(store, 'resnet')).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: 'no model "resnet" exists; available models: fashion-tiny, fashionnet, fashionnet-small, toy',
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
    await addModel(store, await writeModel(folder));
    await expect(resolveModel(store, name)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });
});
