import { hashFile } from '../storage/hash-file.ts';
import { readFile, stat } from 'node:fs/promises';
import { type ErrorCode, messageOf, PixlakeError } from '../errors.ts';
import { type ModelCard, parseModelCard } from './model-card.ts';

/** A model whose file matches its card. */
export interface ModelFiles {
  readonly card: ModelCard;
  readonly onnxPath: string;
  readonly sha256: string;
}

const MAX_CARD_BYTES = 16 * 1024 ** 2;

const CODE_OF_ERRNO: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'STORAGE_FULL',
  EDQUOT: 'STORAGE_FULL',
  EACCES: 'STORAGE_DENIED',
  EPERM: 'STORAGE_DENIED',
  EROFS: 'STORAGE_DENIED',
};

/**
 * Reads the card of a model file, by default the one with its name next to it, and checks that the file matches it.
 * @throws MODEL_NOT_FOUND, MODEL_CARD_INVALID, MODEL_MISMATCH, STORAGE_DENIED, STORAGE_FAILED
 */
export async function readModel(
  onnxPath: string,
  cardPath = onnxPath.replace(/\.onnx$/u, '.json'),
): Promise<ModelFiles> {
  if ((await fileSize(cardPath)) === undefined) {
    throw new PixlakeError('MODEL_NOT_FOUND', `${onnxPath} has no model card: ${cardPath} does not exist`, {
      remedy: 'write a model card next to the .onnx file',
    });
  }
  const card = parseCard(await readCardFile(cardPath), cardPath);
  if ((await fileSize(onnxPath)) === undefined)
    throw new PixlakeError(
      'MODEL_NOT_FOUND',
      `the card of model "${card.name}" has no file ${onnxPath} next to it`,
    );
  return checkFile(card, onnxPath);
}

/** Checks that a file matches the sha256 of its card. @throws MODEL_MISMATCH */
export async function checkFile(card: ModelCard, onnxPath: string): Promise<ModelFiles> {
  const sha256 = await hashModel(onnxPath);
  if (sha256 === card.sha256) return { card, onnxPath, sha256 };
  throw new PixlakeError(
    'MODEL_MISMATCH',
    `${onnxPath} has sha256 ${sha256}, but its card states ${card.sha256}`,
    {
      remedy:
        'download the model again, or correct the card if you changed the file; for a built-in model, delete its folder',
    },
  );
}

/** Parses the text of a model card. @throws MODEL_CARD_INVALID */
export function parseCard(json: string, source: string): ModelCard {
  try {
    return parseModelCard(JSON.parse(json), source);
  } catch (error) {
    if (error instanceof PixlakeError) throw error;
    throw new PixlakeError('MODEL_CARD_INVALID', `model card ${source}: not JSON: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function readCardFile(path: string): Promise<string> {
  const sizeBytes = await fileSize(path);
  if (sizeBytes !== undefined && sizeBytes > MAX_CARD_BYTES)
    throw new PixlakeError(
      'MODEL_CARD_INVALID',
      `model card ${path}: ${sizeBytes} bytes is more than 16 MiB`,
    );
  return readFile(path, 'utf8').catch((error: unknown) => Promise.reject(toStorageError(error, path)));
}

/** SHA-256 of a file, as hex. @throws STORAGE_FAILED, STORAGE_DENIED */
export async function hashModel(path: string): Promise<string> {
  return hashFile(path).catch((error: unknown) => Promise.reject(toStorageError(error, path)));
}

/** The size of a file in bytes; `undefined` if it does not exist. */
export async function fileSize(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

/** Turns a failure with a file into a pixlake error. */
export function toStorageError(error: unknown, path: string): PixlakeError {
  if (error instanceof PixlakeError) return error;
  const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
  const code = CODE_OF_ERRNO[errno] ?? 'STORAGE_FAILED';
  return new PixlakeError(code, `cannot use ${path}: ${messageOf(error)}`, { cause: error });
}
