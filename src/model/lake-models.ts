import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { log } from '../config.ts';
import { PixlakeError } from '../errors.ts';
import type { ObjectEntry, ObjectStore } from '../storage/object-store.ts';
import { BUILT_IN_MODELS, type BuiltInModel } from './built-in-models.ts';
import { isModelName, type ModelCard } from './model-card.ts';
import { checkFile, fileSize, type ModelFiles, parseCard, readModel, toStorageError } from './model-files.ts';

/** Folder of the models in a lake. */
const MODELS_FOLDER = 'models';

/** A model that can be used by name. */
export interface ModelSummary {
  readonly name: string;
  readonly description: string;
  readonly isTrained: boolean;
  readonly isBuiltIn: boolean;
  /** `undefined` for a built-in model that has not been written yet. */
  readonly card: ModelCard | undefined;
}

/**
 * Finds a model by name, in the lake or else among the built-in ones, or by the path of an `.onnx` file with its card next to
 * it. Models of a remote lake are downloaded once into the local cache. The bytes are checked against the card.
 *
 * @throws `MODEL_NOT_FOUND` naming the available models, `MODEL_CARD_INVALID`, `MODEL_MISMATCH`, `STORAGE_…`
 */
export async function resolveModel(store: ObjectStore, nameOrPath: string): Promise<ModelFiles> {
  if (nameOrPath.endsWith('.onnx') && (await fileSize(nameOrPath)) !== undefined)
    return readModel(resolve(nameOrPath));
  if (isModelName(nameOrPath)) {
    const card = await readLakeCard(store, nameOrPath);
    if (card !== undefined) return fetchModel(store, nameOrPath, card);
    const builtIn = BUILT_IN_MODELS.find(({ name }) => name === nameOrPath);
    if (builtIn !== undefined) return openBuiltIn(store, builtIn);
  }
  throw await modelNotFound(store, nameOrPath);
}

/**
 * Checks that a model of this name exists: in the lake with a valid card and a file, or built in. The bytes of
 * the file are checked only when the model is loaded.
 *
 * @throws `MODEL_NOT_FOUND`, `MODEL_CARD_INVALID`, `STORAGE_…`
 */
export async function checkModelName(store: ObjectStore, name: string): Promise<void> {
  if (!isModelName(name)) throw await modelNotFound(store, name);
  const hasCard = (await readLakeCard(store, name)) !== undefined;
  if (hasCard && (await store.stat(onnxKey(name))) === undefined) throw modelFileGone(store, name);
  if (!hasCard && !BUILT_IN_MODELS.some((model) => model.name === name))
    throw await modelNotFound(store, name);
}

async function modelNotFound(store: ObjectStore, nameOrPath: string): Promise<PixlakeError> {
  const names = new Set(BUILT_IN_MODELS.map(({ name }) => name));
  for (const name of await store.listFolders(MODELS_FOLDER))
    if (isModelName(name) && (await store.stat(cardKey(name))) !== undefined) names.add(name);
  return new PixlakeError(
    'MODEL_NOT_FOUND',
    `no model "${nameOrPath}" exists; available models: ${[...names].sort().join(', ')}`,
    {
      remedy: 'use one of these names, or the path of an .onnx file with a model card next to it',
    },
  );
}

function modelFileGone(store: ObjectStore, name: string): PixlakeError {
  return new PixlakeError(
    'MODEL_NOT_FOUND',
    `model "${name}" has a card, but ${store.locate(onnxKey(name))} no longer exists`,
  );
}

/** All models of a lake and all built-in models, by name. */
export async function listModels(store: ObjectStore): Promise<ModelSummary[]> {
  const found = new Map<string, ModelSummary>();
  for (const builtIn of BUILT_IN_MODELS) {
    const { name, description, isTrained } = builtIn;
    const card = 'onnxPath' in builtIn ? (await readModel(builtIn.onnxPath)).card : undefined;
    found.set(name, { name, description, isTrained, isBuiltIn: true, card });
  }
  for (const name of await store.listFolders(MODELS_FOLDER)) {
    if (!isModelName(name)) continue;
    const card = await readLakeCard(store, name);
    if (card === undefined) continue;
    const { description, trained: isTrained } = card;
    found.set(name, { name, description, isTrained, isBuiltIn: found.has(name), card });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Adds a model to the lake, with the name in its card. Adding the same model again changes nothing, but completes an interrupted addition.
 *
 * @throws `MODEL_EXISTS` if the lake has another model or card with that name; `STORAGE_…`
 */
export async function addModel(store: ObjectStore, { card, onnxPath }: ModelFiles): Promise<void> {
  const { name } = card;
  // The card is written first: the process that writes it owns the name.
  const text = Buffer.from(`${JSON.stringify(card, undefined, 2)}\n`);
  if (!(await store.writeIfAbsent(cardKey(name), text))) {
    const known = await readLakeCard(store, name);
    if (JSON.stringify(known) !== JSON.stringify(card)) throw modelExists(name);
  }
  if ((await store.stat(onnxKey(name))) !== undefined) return;
  const scratchDir = await store.makeScratchDir();
  try {
    const copy = join(scratchDir, 'model.onnx');
    await copyFile(onnxPath, copy).catch((error: unknown) => Promise.reject(toStorageError(error, onnxPath)));
    await store.moveIn(onnxKey(name), copy);
  } finally {
    await rm(scratchDir, { recursive: true, force: true });
  }
}

/**
 * Lists the objects of a model in the lake, its card first, because a model exists only with its card. Leftovers of an interrupted removal count too.
 *
 * @throws `MODEL_NOT_FOUND`
 */
export async function listModelFiles(store: ObjectStore, name: string): Promise<ObjectEntry[]> {
  const entries: ObjectEntry[] = [];
  if (isModelName(name))
    for await (const entry of store.list(`${MODELS_FOLDER}/${name}`)) entries.push(entry);
  if (entries.length > 0) return entries.sort((a) => (a.key === cardKey(name) ? -1 : 1));
  if (!BUILT_IN_MODELS.some((model) => model.name === name)) throw await modelNotFound(store, name);
  throw new PixlakeError('MODEL_NOT_FOUND', `model "${name}" comes with pixlake and is not in the lake`, {
    remedy: 'only models of the lake can be removed',
  });
}

/** The sha256 in the card of a model in the lake; `undefined` if the card is missing or cannot be read. */
export async function readModelSha256(store: ObjectStore, name: string): Promise<string | undefined> {
  try {
    return (await readLakeCard(store, name))?.sha256;
  } catch (error) {
    if (error instanceof PixlakeError && error.code === 'MODEL_CARD_INVALID') return undefined;
    throw error;
  }
}

function modelExists(name: string): PixlakeError {
  return new PixlakeError('MODEL_EXISTS', `the lake already has another model named "${name}"`, {
    remedy: 'set another name in the card, because runs refer to models by name and checksum',
  });
}

async function readLakeCard(store: ObjectStore, name: string): Promise<ModelCard | undefined> {
  try {
    return parseCard((await store.read(cardKey(name))).toString('utf8'), store.locate(cardKey(name)));
  } catch (error) {
    if (error instanceof PixlakeError && error.code === 'OBJECT_NOT_FOUND') return undefined;
    throw error;
  }
}

async function fetchModel(store: ObjectStore, name: string, card: ModelCard): Promise<ModelFiles> {
  const key = onnxKey(name);
  const { remote } = store;
  const entry = await store.stat(key);
  if (entry === undefined) throw modelFileGone(store, name);
  if (remote === undefined) return checkFile(card, store.locate(key));
  const path = join(remote.cacheDir, MODELS_FOLDER, `${card.sha256}.onnx`);
  const cached = await checkFile(card, path).catch(() => undefined);
  if (cached !== undefined) return cached;
  await writeWhole(path, (temporary) => remote.download(key, temporary, entry.sizeBytes));
  return checkFile(card, path);
}

/** A model that comes with pixlake. One that is written on first use lands in the lake, or in the local cache of a remote lake. */
export async function openBuiltIn(store: ObjectStore, model: BuiltInModel): Promise<ModelFiles> {
  if ('onnxPath' in model) return readModel(model.onnxPath);
  const { name, write } = model;
  const { remote } = store;
  const folder =
    remote === undefined
      ? store.locate(`${MODELS_FOLDER}/${name}`)
      : join(remote.cacheDir, MODELS_FOLDER, name);
  const onnxPath = join(folder, `${name}.onnx`);
  const cardPath = join(folder, `${name}.json`);
  if ((await fileSize(cardPath)) !== undefined) return readModel(onnxPath);
  log.warn(`writing model ${name} to ${onnxPath}, once`);
  let card = '';
  await writeWhole(onnxPath, async (temporary) => {
    card = `${JSON.stringify(await write(temporary), undefined, 2)}\n`;
  });
  await writeWhole(cardPath, (temporary) => writeFile(temporary, card, { flush: true }));
  return readModel(onnxPath);
}

/** Renaming makes a file appear whole. If several processes write the same file, any of them may win. */
async function writeWhole(path: string, write: (temporary: string) => Promise<unknown>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await write(temporary);
    await rename(temporary, path);
  } catch (error) {
    throw toStorageError(error, path);
  } finally {
    // A leftover is harmless, and must not hide why the file could not be written.
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

function onnxKey(name: string): string {
  return `${MODELS_FOLDER}/${name}/${name}.onnx`;
}

function cardKey(name: string): string {
  return `${MODELS_FOLDER}/${name}/${name}.json`;
}
