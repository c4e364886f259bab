import { PixlakeError } from '../errors.ts';
import type { S3Connection } from './s3-client.ts';
import type { S3Options, S3Settings } from './s3-options.ts';

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

/** What a store offers if its objects are not files of this machine. */
export interface RemoteAccess extends Pick<S3Settings, 'reader' | 'httpfsPath' | 'cacheDir' | 'cacheBytes'> {
  /** Describes how another client reaches the same server. Contains credentials, so do not print it. */
  connect(): Promise<S3Connection>;
  /** Downloads an object of known size into a new local file and checks its bytes. @throws `OBJECT_NOT_FOUND` */
  download(key: string, localPath: string, sizeBytes: number): Promise<void>;
  /** Makes a link by which anyone can read the object for `expiresMs`. The object need not exist. */
  signUrl(key: string, expiresMs: number): Promise<string>;
}

/**
 * The one interface between pixlake and the place where bytes live. Objects appear whole or not at all; keys use forward slashes and never lead
 * out of the root (`OBJECT_KEY_INVALID`). Every method may fail with `STORAGE_FULL`, `STORAGE_DENIED` or `STORAGE_FAILED`.
 */
export interface ObjectStore {
  /** The root as the user would write it: a folder path or `s3://bucket/prefix`. */
  readonly uri: string;

  /** How to reach S3, if this store or one that it refers to lies there. */
  readonly s3: S3Options;

  /** `undefined` if {@link locate} returns local files. */
  readonly remote: RemoteAccess | undefined;

  /** The same store with another signal: when it aborts, requests end and throw its reason. An earlier signal no longer applies. */
  withSignal(signal: AbortSignal): ObjectStore;

  /** Reads an object, or a range of it. @throws `OBJECT_NOT_FOUND` */
  read(key: string, range?: ByteRange): Promise<Buffer>;

  /** Writes an object, replacing an existing one. */
  write(key: string, bytes: Uint8Array): Promise<void>;

  /**
   * Writes an object unless the key is taken, and returns whether it did. At most one of several concurrent writers gets `true`. If the winner's
   * response is lost and it retries, nobody does. `durable` waits until the bytes would survive a power loss. With `mayTear`, which is cheaper, a crash may leave the
   * beginning of the object: use it for objects that nobody reads before a later object names them.
   */
  writeIfAbsent(
    key: string,
    bytes: Uint8Array,
    options?: { readonly durable?: boolean; readonly mayTear?: boolean },
  ): Promise<boolean>;

  /** Moves a local file into the store, replacing an existing object. Fastest for files below {@link makeScratchDir}. */
  moveIn(key: string, localPath: string): Promise<void>;

  /** Describes an object; `undefined` if it does not exist. */
  stat(key: string): Promise<ObjectEntry | undefined>;

  /**
   * Lists all objects below a folder (`''` is the root) in no particular order. With `startAfter`, a store may leave out objects whose keys
   * sort before it.
   */
  list(folder: string, startAfter?: string): AsyncIterable<ObjectEntry>;

  /** Names of the folders directly below a folder, sorted. */
  listFolders(folder: string): Promise<string[]>;

  /** Removes an object. A missing object is not an error. */
  delete(key: string): Promise<void>;

  /** Removes objects and the folders that this leaves empty. Missing objects are not an error. */
  deleteMany(keys: readonly string[]): Promise<void>;

  /** The name of this object for DuckDB's readers: a local path or an `s3://` URI. */
  locate(key: string): string;

  /**
   * Makes a private local folder for temporary files; the caller removes it. If the store is read-only, the folder lies in the system's
   * temporary folder; with `isForWriting` the call fails instead.
   */
  makeScratchDir(options?: { readonly isForWriting?: boolean }): Promise<string>;

  /** The path of such a folder without making it, for callers that rarely need one. The caller removes it. */
  nameScratchDir(): Promise<string>;

  /**
   * Removes temporary files of dead processes and returns their number. Files of processes on other machines are removed if nobody
   * has touched them since `beforeMs`.
   */
  sweepTemporary(beforeMs: number): Promise<number>;
}

/** Refuses keys that are empty, absolute, not normalised, or that lead out of the root. @throws `OBJECT_KEY_INVALID` */
export function checkKey(key: string): void {
  // oxlint-disable-next-line no-control-regex -- control characters are what must be refused
  if (/(?:^|\/)\.{0,2}(?:\/|$)|[\\\u0000-\u001f]/u.test(key)) {
    throw new PixlakeError(
      'OBJECT_KEY_INVALID',
      `object key ${JSON.stringify(key)} is not a plain relative path`,
    );
  }
}
