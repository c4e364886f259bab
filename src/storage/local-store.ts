import { readFileSync } from 'node:fs';
import {
  access,
  constants,
  copyFile,
  link,
  mkdir,
  open,
  opendir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { PixlakeError } from '../errors.ts';
import { guard, isMissing, isReadOnly, systemCode, wrap } from './local-errors.ts';
import { createAtOnce, syncPath } from './local-files.ts';
import { type ByteRange, checkKey, type ObjectEntry, type ObjectStore } from './object-store.ts';
import { removeEmptyFolders } from './remove-empty-folders.ts';
import type { S3Options } from './s3-options.ts';
import { sweepFolder } from './sweep-folder.ts';
import {
  keepAlive,
  makeTemporaryFolder,
  sweepOnce,
  systemTemporaryPath,
  temporaryName,
} from './temporary-folder.ts';

/** Temporary files lie inside the root, on the same file system, so renaming them into place is atomic. */
const SCRATCH = '.tmp';

/** Opens a folder as an object store. The first write makes the folder. `isBlocking` as for `openStore`. */
export function openLocalStore(root: string, s3: S3Options = {}, isBlocking = false): ObjectStore {
  return new LocalStore(resolve(root), s3, isBlocking);
}

class LocalStore implements ObjectStore {
  readonly uri: string;
  readonly s3: S3Options;
  readonly remote = undefined;
  readonly #isBlocking: boolean;
  readonly #madeFolders = new Set<string>();

  constructor(root: string, s3: S3Options, isBlocking: boolean) {
    this.uri = root;
    this.s3 = s3;
    this.#isBlocking = isBlocking;
  }

  /** Reads and writes of local files are too short to be worth aborting. */
  withSignal(): ObjectStore {
    return this;
  }

  async read(key: string, range?: ByteRange): Promise<Buffer> {
    const path = this.locate(key);
    try {
      if (range === undefined) return this.#isBlocking ? readFileSync(path) : await readFile(path);
      await using file = await open(path, 'r');
      const { buffer, bytesRead } = await file.read(
        Buffer.allocUnsafe(range.length),
        0,
        range.length,
        range.start,
      );
      return buffer.subarray(0, bytesRead);
    } catch (error) {
      throw wrap(error, path, 'read');
    }
  }

  async write(key: string, bytes: Uint8Array): Promise<void> {
    const path = this.locate(key);
    await guard(path, 'write', async () => {
      const temporary = await this.#writeTemporary(bytes, false);
      await this.#inFolderOf(path, () => rename(temporary, path));
    });
  }

  async writeIfAbsent(
    key: string,
    bytes: Uint8Array,
    { durable = false, mayTear = false }: { readonly durable?: boolean; readonly mayTear?: boolean } = {},
  ): Promise<boolean> {
    const path = this.locate(key);
    if (mayTear) return this.#create(path, bytes);
    return guard(path, 'write', async () => {
      const temporary = await this.#writeTemporary(bytes, durable);
      try {
        // link(2) is atomic and fails when the name is taken, which rename(2) does not.
        await this.#inFolderOf(path, () => link(temporary, path));
      } catch (error) {
        if (systemCode(error) === 'EEXIST') return false;
        throw error;
      } finally {
        await rm(temporary, { force: true });
      }
      if (durable) await syncPath(dirname(path));
      return true;
    });
  }

  /** Writes a new file in place and returns whether it is new. */
  async #create(path: string, bytes: Uint8Array): Promise<boolean> {
    const created = this.#isBlocking ? createAtOnce(path, bytes) : undefined;
    if (created !== undefined) return created;
    return guard(path, 'write', async () => {
      try {
        await this.#inFolderOf(path, () => writeFile(path, bytes, { flag: 'wx' }));
        return true;
      } catch (error) {
        if (systemCode(error) === 'EEXIST') return false;
        throw error;
      }
    });
  }

  async moveIn(key: string, localPath: string): Promise<void> {
    const path = this.locate(key);
    await guard(path, 'write', async () => {
      await syncPath(localPath);
      try {
        await this.#inFolderOf(path, () => rename(localPath, path));
      } catch (error) {
        if (systemCode(error) !== 'EXDEV') throw error;
        const temporary = this.#nameTemporary();
        await this.#inFolderOf(temporary, () => copyFile(localPath, temporary));
        await syncPath(temporary);
        await this.#inFolderOf(path, () => rename(temporary, path));
        await rm(localPath);
      }
    });
  }

  async stat(key: string): Promise<ObjectEntry | undefined> {
    const path = this.locate(key);
    try {
      const stats = await stat(path);
      return stats.isFile() ? { key, sizeBytes: stats.size, modifiedMs: stats.mtimeMs } : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw wrap(error, path, 'read');
    }
  }

  async *list(folder: string): AsyncIterable<ObjectEntry> {
    const path = folder === '' ? this.uri : this.locate(folder);
    const prefix = folder === '' ? '' : `${folder}/`;
    let entries;
    try {
      entries = await opendir(path);
    } catch (error) {
      if (isMissing(error)) return;
      throw wrap(error, path, 'list');
    }
    for await (const entry of entries) {
      const key = `${prefix}${entry.name}`;
      if (key === SCRATCH) continue;
      if (entry.isDirectory()) yield* this.list(key);
      else if (entry.isFile()) {
        const found = await this.stat(key);
        if (found) yield found;
      }
    }
  }

  async listFolders(folder: string): Promise<string[]> {
    const path = this.locate(folder);
    try {
      const entries = await readdir(path, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
        .sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw wrap(error, path, 'list');
    }
  }

  async deleteMany(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.delete(key);
    await removeEmptyFolders(new Set(keys.map((key) => dirname(this.locate(key)))), this.uri);
  }

  async delete(key: string): Promise<void> {
    const path = this.locate(key);
    await guard(path, 'delete', () => rm(path, { force: true }));
  }

  locate(key: string): string {
    checkKey(key);
    // `checkKey` has refused everything that would need normalizing.
    return `${this.uri}${sep}${key}`;
  }

  async makeScratchDir({ isForWriting = false }: { readonly isForWriting?: boolean } = {}): Promise<string> {
    const root = join(this.uri, SCRATCH);
    const path = join(root, temporaryName());
    await sweepOnce(root);
    try {
      await this.#mkdir(path);
      keepAlive(path);
      return path;
    } catch (error) {
      if (isForWriting || !isReadOnly(error)) throw wrap(error, path, 'write');
      return makeTemporaryFolder();
    }
  }

  async nameScratchDir(): Promise<string> {
    const root = join(this.uri, SCRATCH);
    await sweepOnce(root);
    try {
      await access(root, constants.W_OK);
      return join(root, temporaryName());
    } catch {
      return systemTemporaryPath();
    }
  }

  async sweepTemporary(beforeMs: number): Promise<number> {
    const root = join(this.uri, SCRATCH);
    return guard(root, 'delete', () => sweepFolder(root, beforeMs));
  }

  #nameTemporary(): string {
    return join(this.uri, SCRATCH, temporaryName());
  }

  async #writeTemporary(bytes: Uint8Array, durable: boolean): Promise<string> {
    const path = this.#nameTemporary();
    try {
      await this.#inFolderOf(path, async () => {
        await using file = await open(path, 'wx');
        await file.writeFile(bytes);
        if (durable) await file.sync();
      });
      return path;
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async #inFolderOf(path: string, place: () => Promise<void>): Promise<void> {
    const folder = dirname(path);
    await this.#makeFolder(folder);
    try {
      await place();
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      // Another process removed the folder since it was made, so make it again.
      this.#madeFolders.delete(folder);
      await this.#makeFolder(folder);
      await place();
    }
  }

  async #makeFolder(path: string): Promise<void> {
    if (this.#madeFolders.has(path)) return;
    await this.#mkdir(path);
    if (this.#madeFolders.size > 10_000) this.#madeFolders.clear();
    this.#madeFolders.add(path);
  }

  async #mkdir(path: string): Promise<void> {
    try {
      await mkdir(path, { recursive: true });
    } catch (error) {
      const code = systemCode(error);
      // An object that is taken is another thing than a folder that cannot be made.
      if (code === 'EEXIST' || code === 'ENOTDIR')
        throw new PixlakeError(
          'STORAGE_FAILED',
          `cannot write below ${path}: a file is where a folder belongs`,
        );
      // Node also reports this on a read-only file system. The next line throws the real reason.
      if (code === 'ENOENT') await access(this.uri, constants.W_OK);
      throw error;
    }
  }
}
