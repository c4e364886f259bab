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

/** What a store offers whose objects are not files of this machine. */
export interface RemoteAccess extends Pick<S3Settings, 'reader' | 'httpfsPath' | 'cacheDir' | 'cacheBytes'> {
  /** Tells how others may reach the same server; not to be printed. */
  connect(): Promise<S3Connection>;
  /** Fetches an object of a known size into a new local file, and checks its bytes. @throws `OBJECT_NOT_FOUND` */
  download(key: string, localPath: string, sizeBytes: number): Promise<void>;
  /** Makes a link that lets anyone read the object for so many ms; the object need not exist. */
  signUrl(key: string, expiresMs: number): Promise<string>;
}

/**
 * The one seam between pixlake and where bytes live. Objects appear whole or not at all; keys use forward slashes and never climb
 * out of the root (`OBJECT_KEY_INVALID`). Every method may fail with `STORAGE_FULL`, `STORAGE_DENIED` or `STORAGE_FAILED`.
 */
export interface ObjectStore {
  /** The root as the user would write it: a folder path or `s3://bucket/prefix`. */
  readonly uri: string;

  /** How S3 is reached, should this store or one that it refers to lie there. */
  readonly s3: S3Options;

  /** `undefined` where {@link locate} gives files of this machine. */
  readonly remote: RemoteAccess | undefined;

  /** The same store, whose requests end when this signal does, and not by one of before: they then throw its reason. */
  withSignal(signal: AbortSignal): ObjectStore;

  /** Reads an object, or a range of it. @throws `OBJECT_NOT_FOUND` */
  read(key: string, range?: ByteRange): Promise<Buffer>;

  /** Writes an object, replacing one of that key. */
  write(key: string, bytes: Uint8Array): Promise<void>;

  /**
   * Writes an object unless the key is taken, and says whether it did. At most one of several concurrent writers gets `true`. If the winner's
   * response is lost and it retries, nobody does. `durable` waits until the bytes would survive a power loss. With `mayTear` a crash may leave the
   * beginning of the object, which is cheaper: for objects that nobody reads before another one, written later, tells of them.
   */
  writeIfAbsent(
    key: string,
    bytes: Uint8Array,
    options?: { readonly durable?: boolean; readonly mayTear?: boolean },
  ): Promise<boolean>;

  /** Moves a local file, best one below {@link makeScratchDir}, into the store; replaces an object of that key. */
  moveIn(key: string, localPath: string): Promise<void>;

  /** Describes an object, or gives `undefined` where there is none. */
  stat(key: string): Promise<ObjectEntry | undefined>;

  /**
   * Lists all objects below a folder (`''` is the root) in no particular order, but those whose keys sort before `startAfter`, which
   * a store may list all the same.
   */
  list(folder: string, startAfter?: string): AsyncIterable<ObjectEntry>;

  /** Names of the folders directly below a folder, sorted. */
  listFolders(folder: string): Promise<string[]>;

  /** Removes an object; one that is not there is no error. */
  delete(key: string): Promise<void>;

  /** Removes objects, and the folders that this leaves empty; objects that are not there are no error. */
  deleteMany(keys: readonly string[]): Promise<void>;

  /** What DuckDB's readers take for this object: a local path or an `s3://` URI. */
  locate(key: string): string;

  /**
   * Makes a private local folder for temporary files; the caller removes it. It lies in the system's temporary folder if the store cannot be
   * written, unless it is for writing to the store, which then fails at once.
   */
  makeScratchDir(options?: { readonly isForWriting?: boolean }): Promise<string>;

  /** The path of such a folder that does not exist yet, in a folder that does: for what is rarely needed. The caller removes it. */
  nameScratchDir(): Promise<string>;

  /**
   * Removes temporary files of processes that died, and tells how many. Those of processes that are not visible from this machine go if nobody
   * has touched them since `beforeMs`.
   */
  sweepTemporary(beforeMs: number): Promise<number>;
}

/** Refuses keys that are empty, absolute, not normalised or that climb out of the root. @throws `OBJECT_KEY_INVALID` */
export function checkKey(key: string): void {
  // oxlint-disable-next-line no-control-regex -- control characters are just what must not pass
  if (/(?:^|\/)\.{0,2}(?:\/|$)|[\\\u0000-\u001f]/u.test(key)) {
    throw new PixlakeError(
      'OBJECT_KEY_INVALID',
      `object key ${JSON.stringify(key)} is not a plain relative path`,
    );
  }
}
