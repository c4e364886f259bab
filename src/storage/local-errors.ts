import { type ErrorCode, messageOf, PixlakeError } from '../errors.ts';

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'OBJECT_NOT_FOUND',
  ENOTDIR: 'OBJECT_NOT_FOUND',
  ENOSPC: 'STORAGE_FULL',
  EDQUOT: 'STORAGE_FULL',
  EACCES: 'STORAGE_DENIED',
  EPERM: 'STORAGE_DENIED',
  EROFS: 'STORAGE_DENIED',
};

/** Runs work on a file and turns its failure into a pixlake error. @throws `STORAGE_…`, `OBJECT_NOT_FOUND` */
export async function guard<T>(path: string, verb: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw wrap(error, path, verb);
  }
}

/** Turns an error of the operating system into a pixlake error. */
export function wrap(error: unknown, path: string, verb: string): PixlakeError {
  if (error instanceof PixlakeError) return error;
  const code = CODES[systemCode(error) ?? ''] ?? 'STORAGE_FAILED';
  return new PixlakeError(code, `cannot ${verb} ${path}: ${messageOf(error)}`, { cause: error });
}

/** Whether the operating system denied a write. */
export function isReadOnly(error: unknown): boolean {
  return CODES[systemCode(error) ?? ''] === 'STORAGE_DENIED';
}

/** Whether the file or folder does not exist. */
export function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** The code of an error of the operating system, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
