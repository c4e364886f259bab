import { PixlakeError } from '../errors.ts';

/** One stored object: `key` relative to the store's root with forward slashes, `sizeBytes`, modification time in ms. */
export interface ObjectEntry {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** A byte range: `length` bytes from `start`. */
export interface ByteRange {
  readonly start: number;
  readonly length: number;
}

/**
 * The one seam between pixlake and where bytes live. Objects appear whole or not at all; keys use forward slashes and never climb
 * out of the root (`OBJECT_KEY_INVALID`). Every method may fail with `STORAGE_FULL`, `STORAGE_DENIED` or `STORAGE_FAILED`.
 */
export interface ObjectStore {
  /** The root as the user would write it: a folder path or `s3://bucket/prefix`. */
  readonly uri: string;

  /** Reads an object, or a range of it. @throws `OBJECT_NOT_FOUND` */
  read(key: string, range?: ByteRange): Promise<Buffer>;

  /** Writes an object, replacing one of that key. */
  write(key: string, bytes: Uint8Array): Promise<void>;

  /**
   * Writes an object unless the key is taken and says whether it did; of several concurrent writers exactly one is told `true`.
   * `durable` waits until the bytes would survive a power loss.
   */
  writeIfAbsent(key: string, bytes: Uint8Array, options?: { readonly durable?: boolean }): Promise<boolean>;

  /** Moves a local file, best one below {@link makeScratchDir}, into the store; replaces an object of that key. */
  moveIn(key: string, localPath: string): Promise<void>;

  /** Describes an object, or gives `undefined` where there is none. */
  stat(key: string): Promise<ObjectEntry | undefined>;

  /** Lists all objects below a folder (`''` is the root) in no particular order. */
  list(folder: string): AsyncIterable<ObjectEntry>;

  /** Names of the folders directly below a folder, sorted. */
  listFolders(folder: string): Promise<string[]>;

  /** Removes an object; one that is not there is no error. */
  delete(key: string): Promise<void>;

  /** What DuckDB's readers take for this object: a local path or an `s3://` URI. */
  locate(key: string): string;

  /** Makes a private local folder for temporary files; the caller removes it. */
  makeScratchDir(): Promise<string>;

  /** Removes temporary files that nobody has touched since `beforeMs`, left by processes that died, and tells how many. */
  sweepTemporary(beforeMs: number): Promise<number>;
}

/** Refuses keys that are empty, absolute, not normalised or that climb out of the root. @throws `OBJECT_KEY_INVALID` */
export function checkKey(key: string): void {
  const parts = key.split('/');
  // oxlint-disable-next-line no-control-regex -- control characters are just what must not pass
  if (parts.some((part) => part === '' || part === '.' || part === '..') || /[\\\u0000-\u001f]/u.test(key)) {
    throw new PixlakeError(
      'OBJECT_KEY_INVALID',
      `object key ${JSON.stringify(key)} is not a plain relative path`,
    );
  }
}
