import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomFashionNet } from '../../src/model/built-in-models.ts';
import {
  addModel,
  checkModelName,
  listModelFiles,
  listModels,
  openBuiltIn,
  readModelSha256,
  resolveModel,
} from '../../src/model/lake-models.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { withFaults } from '../support/failing-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { TOY_CARD, TOY_MODEL, writeModel } from './toy-model.ts';

let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-models-'));
  store = openStore(join(folder, 'lake'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A model that is written on first use, as `fashionnet` is, but not of 750 MB. */
const RANDOM = randomFashionNet('random', 64, 'A narrow FashionNet');

describe('built-in models', () => {
  it('are the same for all who ask for one at the same time, and used as they are afterwards', async () => {
    const [first, second] = await Promise.all([openBuiltIn(store, RANDOM), openBuiltIn(store, RANDOM)]);
    const { ino, mtimeMs } = await stat(first.onnxPath);
    const third = await resolveModel(store, 'random');
    expect(await stat(third.onnxPath)).toMatchObject({ ino, mtimeMs });
    expect(first).toEqual(second);
    expect(first).toEqual(third);
    expect(first.card).toMatchObject({ name: 'random', trained: false, sha256: first.sha256 });
    const models = join(folder, 'lake', 'models', 'random');
    expect(first.onnxPath).toBe(join(models, 'random.onnx'));
    expect((await readdir(models)).toSorted()).toEqual(['random.json', 'random.onnx']);
  });

  it('say so when the lake cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(openBuiltIn(openStore(join(folder, 'file')), RANDOM)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
  });

  it.each([
    ['fashion-tiny', 'masterCategory'],
    ['fashionnet-small', 'category'],
  ])('include the trained %s that needs no lake to be there', async (name, head) => {
    const { card } = await resolveModel(store, name);
    expect(card).toMatchObject({ name, trained: true });
    expect(card.evaluation?.accuracy[head]).toBeGreaterThan(0.75);
    expect((await readdir(folder)).length).toBe(0);
  });
});

describe('a model of the user', () => {
  it('is added once, and found by name and by path', async () => {
    const files = await writeModel(folder);
    await addModel(store, files);
    await addModel(store, files);
    const text = await readFile(join(folder, 'lake', 'models', 'toy', 'toy.json'), 'utf8');
    expect(text).toBe(`${JSON.stringify(files.card, undefined, 2)}\n`);
    const { card, sha256 } = files;
    const onnxPath = join(folder, 'lake', 'models', 'toy', 'toy.onnx');
    expect(await resolveModel(store, 'toy')).toEqual({ card, sha256, onnxPath });
    expect(await readFile(onnxPath)).toEqual(await readFile(files.onnxPath));
    expect(await resolveModel(openStore(join(folder, 'elsewhere')), files.onnxPath)).toEqual(files);
    // Nothing temporary is left.
    expect((await keysOf(store)).filter((key) => !key.startsWith('models/toy/'))).toEqual([]);
    expect(await readdir(join(folder, 'lake', '.tmp'))).toEqual([]);
  });

  it('does not take the place of another one, nor another card of its own card', async () => {
    const files = await writeModel(folder);
    await addModel(store, files);
    const path = join(folder, 'lake', 'models', 'toy', 'toy.onnx');
    const bytes = await readFile(path);
    const other = await writeModel(folder, { ...TOY_MODEL, name: 'other' });
    await expect(addModel(store, other)).rejects.toMatchObject({
      code: 'MODEL_EXISTS',
      message: 'the lake already has another model named "toy"',
      remedy: expect.stringContaining('another name') as string,
    });
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

  it('is not added where its file is gone, and nothing temporary is left', async () => {
    const files = await writeModel(folder);
    await rm(files.onnxPath);
    await expect(addModel(store, files)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining(`cannot use ${files.onnxPath}`) as string,
    });
    expect(await keysOf(store)).toEqual(['models/toy/toy.json']);
    expect(await readdir(join(folder, 'lake', '.tmp'))).toEqual([]);
  });

  it('that comes with pixlake and was damaged is refused with the remedy', async () => {
    const { onnxPath } = await openBuiltIn(store, RANDOM);
    await truncate(onnxPath, 1000);
    await expect(resolveModel(store, 'random')).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
      remedy: expect.stringContaining('delete its folder'),
    });
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
});

describe('the list of models', () => {
  it('has those of the lake and the built-in ones by name, and what they are', async () => {
    await addModel(store, await writeModel(folder));
    await addModel(store, await writeModel(folder, TOY_MODEL, { name: 'alpha', trained: true }));
    const models = await listModels(store);
    expect(models.map(({ name, isBuiltIn, isTrained }) => [name, isBuiltIn, isTrained])).toEqual([
      ['alpha', false, true],
      ['fashion-tiny', true, true],
      ['fashionnet', true, false],
      ['fashionnet-small', true, true],
      ['toy', false, false],
    ]);
    expect(models.map(({ card }) => card?.name)).toEqual([
      'alpha',
      'fashion-tiny',
      undefined,
      'fashionnet-small',
      'toy',
    ]);
    expect(models[4]).toMatchObject({
      description: TOY_CARD.description,
      card: { sha256: expect.any(String) },
    });
  });

  it('has a model of the lake in place of the built-in one of its name', async () => {
    const files = await writeModel(folder, TOY_MODEL, { name: 'fashionnet-small', trained: false });
    await addModel(store, files);
    const [, , model] = await listModels(store);
    expect(model).toEqual({
      name: 'fashionnet-small',
      description: TOY_CARD.description,
      isTrained: false,
      isBuiltIn: true,
      card: files.card,
    });
    expect((await resolveModel(store, 'fashionnet-small')).sha256).toBe(files.sha256);
  });

  it('leaves out folders that are none, and stops at a card that cannot be read', async () => {
    await store.write('models/empty/other.txt', Buffer.from('x'));
    await store.write('models/no name/no name.json', Buffer.from('{}'));
    expect(await listModels(store)).toHaveLength(3);
    await store.write('models/bad/bad.json', Buffer.from('{}'));
    await expect(listModels(store)).rejects.toMatchObject({ code: 'MODEL_CARD_INVALID' });
  });
});

describe('a name of a model', () => {
  it('is checked: in the lake with a file, or built in', async () => {
    await addModel(store, await writeModel(folder));
    expect(await checkModelName(store, 'toy')).toBeUndefined();
    expect(await checkModelName(store, 'fashionnet')).toBeUndefined();
    for (const name of ['resnet', '../toy', join(folder, 'toy.onnx')])
      await expect(checkModelName(store, name)).rejects.toMatchObject({
        code: 'MODEL_NOT_FOUND',
        message: `no model "${name}" exists; available models: fashion-tiny, fashionnet, fashionnet-small, toy`,
      });
    await store.delete('models/toy/toy.onnx');
    await expect(checkModelName(store, 'toy')).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: `model "toy" has a card, but ${join(folder, 'lake/models/toy/toy.onnx')} no longer exists`,
    });
    expect.assertions(6);
  });

  it('is checked by its card where the lake has another model of a built-in name', async () => {
    const files = await writeModel(folder, TOY_MODEL, { name: 'fashionnet' });
    await addModel(store, files);
    await store.delete('models/fashionnet/fashionnet.onnx');
    await expect(checkModelName(store, 'fashionnet')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await store.write('models/fashionnet/fashionnet.json', Buffer.from('{}'));
    await expect(checkModelName(store, 'fashionnet')).rejects.toMatchObject({ code: 'MODEL_CARD_INVALID' });
  });

  it('has its files listed, the card first', async () => {
    await addModel(store, await writeModel(folder));
    await store.write('models/toy/notes.txt', Buffer.from('x'));
    const keys = (await listModelFiles(store, 'toy')).map(({ key }) => key);
    expect(keys[0]).toBe('models/toy/toy.json');
    expect(keys.toSorted()).toEqual(['models/toy/notes.txt', 'models/toy/toy.json', 'models/toy/toy.onnx']);
    // What an interrupted removal left.
    await store.delete('models/toy/toy.json');
    expect(await listModelFiles(store, 'toy')).toHaveLength(2);
    await expect(listModelFiles(store, 'fashionnet')).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: 'model "fashionnet" comes with pixlake and is not in the lake',
      remedy: 'only models of the lake can be removed',
    });
    for (const name of ['resnet', '..', ''])
      await expect(listModelFiles(store, name)).rejects.toMatchObject({
        code: 'MODEL_NOT_FOUND',
        message: expect.stringContaining(`no model "${name}" exists`) as string,
      });
    expect.assertions(7);
  });

  it('has the checksum of its card, as far as that can be read', async () => {
    const files = await writeModel(folder);
    await addModel(store, files);
    expect(await readModelSha256(store, 'toy')).toBe(files.sha256);
    expect(await readModelSha256(store, 'fashionnet')).toBeUndefined();
    await store.write('models/toy/toy.json', Buffer.from('{}'));
    expect(await readModelSha256(store, 'toy')).toBeUndefined();
    const broken = withFaults(store, { read: () => Promise.reject(new Error('no route')) });
    await expect(readModelSha256(broken, 'toy')).rejects.toThrow('no route');
    await expect(resolveModel(broken, 'toy')).rejects.toThrow('no route');
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
