import { constants, type FileHandle, open } from 'node:fs/promises';
import { messageOf, PixlakeError } from '../errors.ts';

/** Result of reading a file: its bytes, or the reason why it cannot be read. */
export type FileContent =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'tooLarge'; readonly sizeBytes: number }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Nobody trains on larger images, and several of them would not fit into memory. */
export const MAX_IMAGE_BYTES = 256 * 1024 * 1024;

/** Failures of this process or machine, not of a file. */
const OWN_FAILURES = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOENT: 'it vanished',
  ENOTDIR: 'it vanished',
  EISDIR: 'it is a folder',
  EIO: 'the device reports an error',
  ELOOP: 'it is a link',
  ENAMETOOLONG: 'its path is too long',
  ENXIO: 'it is a special file',
};

/** Why a file or folder cannot be read, in a few words. @throws `STORAGE_FAILED` if the file is not the cause */
export function describeFailure(error: unknown, path: string): string {
  if (error instanceof PixlakeError) throw error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!OWN_FAILURES.has(code)) return REASONS[code] ?? messageOf(error);
  throw new PixlakeError('STORAGE_FAILED', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
}

/** Reads a regular file of at most {@link MAX_IMAGE_BYTES} that does not change meanwhile. Never waits for a pipe, never follows a link. */
export async function readWholeFile(path: string): Promise<FileContent> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const before = await file.stat();
    if (!before.isFile()) return unreadable(before.isDirectory() ? 'it is a folder' : 'it is a special file');
    if (before.size > MAX_IMAGE_BYTES) return { kind: 'tooLarge', sizeBytes: before.size };
    const bytes = await readBytes(file, before.size);
    const after = await file.stat();
    const isSame = bytes !== undefined && after.size === before.size && after.mtimeMs === before.mtimeMs;
    return isSame ? { kind: 'bytes', bytes } : unreadable('it changed while it was read');
  } catch (error) {
    return unreadable(describeFailure(error, path));
  }
}

/** Reads the given number of bytes; `undefined` if the file has become shorter. */
async function readBytes(file: FileHandle, sizeBytes: number): Promise<Buffer | undefined> {
  const buffer = Buffer.allocUnsafe(sizeBytes);
  let length = 0;
  while (length < sizeBytes) {
    const { bytesRead } = await file.read(buffer, length, sizeBytes - length, length);
    if (bytesRead === 0) return undefined;
    length += bytesRead;
  }
  return buffer;
}

function unreadable(reason: string): FileContent {
  return { kind: 'unreadable', reason };
}
