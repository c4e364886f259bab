import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type ErrorCode, messageOf, PixlakeError } from '../errors.ts';
import { fashionNetCard, writeFashionNet } from './fashionnet.ts';
import { isModelName, type ModelCard, parseModelCard } from './model-card.ts';

/** A model whose file is known to be the one that its card describes. */
export interface ModelFiles {
  readonly card: ModelCard;
  readonly onnxPath: string;
  readonly sha256: string;
}

const BUILT_IN = 'fashionnet';
const MAX_CARD_BYTES = 16 * 1024 ** 2;

const WRITE_CODES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'STORAGE_FULL',
  EDQUOT: 'STORAGE_FULL',
  EACCES: 'STORAGE_DENIED',
  EPERM: 'STORAGE_DENIED',
  EROFS: 'STORAGE_DENIED',
};

/**
 * Finds a model by the name of a folder in `modelsDir` or by the path of an `.onnx` file with its card beside it.
 * The built-in `fashionnet` is written into `modelsDir` at its first use.
 * @throws MODEL_NOT_FOUND naming what was looked for and which models there are.
 * @throws MODEL_CARD_INVALID if the card cannot be used.
 * @throws MODEL_MISMATCH if the file is not the one whose sha256 the card states.
 * @throws STORAGE_FULL, STORAGE_DENIED, STORAGE_FAILED if files cannot be read or the built-in model cannot be written.
 */
export async function resolveModel(nameOrPath: string, modelsDir: string): Promise<ModelFiles> {
  if (nameOrPath.endsWith('.onnx') && (await fileSize(nameOrPath)) !== undefined) {
    return readModel(resolve(nameOrPath));
  }
  if (!isModelName(nameOrPath)) throw await notFound(nameOrPath, modelsDir);
  const folder = resolve(modelsDir, nameOrPath);
  if (nameOrPath === BUILT_IN) await writeBuiltIn(folder, modelsDir);
  if ((await fileSize(join(folder, `${nameOrPath}.json`))) === undefined)
    throw await notFound(nameOrPath, modelsDir);
  return readModel(join(folder, `${nameOrPath}.onnx`));
}

async function readModel(onnxPath: string): Promise<ModelFiles> {
  const card = await readCard(onnxPath.replace(/\.onnx$/u, '.json'), onnxPath);
  if ((await fileSize(onnxPath)) === undefined) {
    throw new PixlakeError(
      'MODEL_NOT_FOUND',
      `the card of model "${card.name}" has no file ${onnxPath} beside it`,
    );
  }
  const sha256 = await hashFile(onnxPath);
  if (sha256 !== card.sha256) {
    throw new PixlakeError(
      'MODEL_MISMATCH',
      `${onnxPath} has sha256 ${sha256}, but its card states ${card.sha256}`,
      {
        remedy:
          card.name === BUILT_IN
            ? 'delete the folder of the model; it is written again at the next use'
            : 'fetch the model again, or correct the card if the file was changed on purpose',
      },
    );
  }
  return { card, onnxPath, sha256 };
}

async function readCard(path: string, onnxPath: string): Promise<ModelCard> {
  const sizeBytes = await fileSize(path);
  if (sizeBytes === undefined) {
    throw new PixlakeError('MODEL_NOT_FOUND', `${onnxPath} has no model card: ${path} does not exist`, {
      remedy: 'write a model card beside the .onnx file',
    });
  }
  if (sizeBytes > MAX_CARD_BYTES) {
    throw new PixlakeError(
      'MODEL_CARD_INVALID',
      `model card ${path}: ${sizeBytes} bytes is more than 16 MiB`,
    );
  }
  const content = await readFile(path, 'utf8').catch((error: unknown) =>
    Promise.reject(storageError(error, path)),
  );
  return parseModelCard(parseJson(content, path), path);
}

function parseJson(content: string, path: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new PixlakeError('MODEL_CARD_INVALID', `model card ${path}: not JSON: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Card and file appear together, by renaming a finished folder; of several processes the first wins, the others use its model. */
async function writeBuiltIn(folder: string, modelsDir: string): Promise<void> {
  if ((await fileSize(join(folder, `${BUILT_IN}.json`))) !== undefined) return;
  const temporary = resolve(modelsDir, `.${BUILT_IN}-${randomUUID()}`);
  try {
    await mkdir(temporary, { recursive: true });
    const sha256 = await writeFashionNet(join(temporary, `${BUILT_IN}.onnx`));
    const card = `${JSON.stringify(fashionNetCard(sha256), undefined, 2)}\n`;
    await writeFile(join(temporary, `${BUILT_IN}.json`), card, { flush: true });
    await rename(temporary, folder);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error))) throw storageError(error, folder);
  } finally {
    // What is left over is hidden and harmless; it must not hide why the folder could not be written.
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function notFound(nameOrPath: string, modelsDir: string): Promise<PixlakeError> {
  const names = new Set([BUILT_IN]);
  for (const name of await readdir(modelsDir).catch(() => [])) {
    if (isModelName(name) && (await fileSize(join(modelsDir, name, `${name}.json`))) !== undefined)
      names.add(name);
  }
  return new PixlakeError(
    'MODEL_NOT_FOUND',
    `there is no model "${nameOrPath}"; there are: ${[...names].sort().join(', ')}`,
    {
      remedy: `give one of these names, or the path of an .onnx file with a model card of the same name beside it`,
    },
  );
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 ** 2 }), hash).catch((error: unknown) =>
    Promise.reject(storageError(error, path)),
  );
  return hash.digest('hex');
}

/** The size of a file in bytes; undefined if there is no such file. */
async function fileSize(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

function storageError(error: unknown, path: string): PixlakeError {
  if (error instanceof PixlakeError) return error;
  const code = WRITE_CODES[errnoOf(error)] ?? 'STORAGE_FAILED';
  return new PixlakeError(code, `cannot use ${path}: ${messageOf(error)}`, { cause: error });
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
