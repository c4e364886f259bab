import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  access,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { messageOf, PixlakeError } from '../errors.ts';
import type { ObjectEntry, ObjectStore, RemoteAccess } from '../storage/object-store.ts';
import { temporaryName } from '../storage/temporary-folder.ts';

/** Objects downloaded at once; each may be downloaded in several ranges. */
const CONCURRENCY = 8;

/** Downloads of one object before the cache gives up: another process may evict it, or the disk may have to be cleared. */
const ATTEMPTS = 3;

/** Share of the maximum size that is kept when clearing, so not every download clears. */
const CLEARED_SHARE = 0.9;

/** Cached files that this process has checked. */
const intact = new Set<string>();

/**
 * Provides objects of a remote store as local files below `folder`, under their keys. They are downloaded once into the cache, which all
 * processes of a user share. Entries are named by their contents, appear whole by renaming, and are linked into `folder`, so an entry that
 * is evicted stays readable for those who use it.
 *
 * @throws `STORAGE_FULL` if the disk cannot hold them, `OBJECT_NOT_FOUND`, storage errors
 */
export async function linkCached(
  store: ObjectStore,
  remote: RemoteAccess,
  objects: readonly ObjectEntry[],
  folder: string,
): Promise<string[]> {
  const root = join(folder, hashOf([store.uri]).slice(0, 16));
  const paths = objects.map(({ key }) => join(root, key));
  const queue = objects.entries();
  let fetchedBytes = 0;
  const workOff = async (): Promise<void> => {
    for (const [index, object] of queue) {
      const bytes = await linkOne(store, remote, object, paths[index] ?? '');
      fetchedBytes += bytes;
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, objects.length) }, workOff));
  if (fetchedBytes > 0) await clear(remote.cacheDir, remote.cacheBytes);
  return paths;
}

/** Bytes of the objects that are not in the cache. */
export async function countMissingBytes(
  store: ObjectStore,
  { cacheDir }: RemoteAccess,
  objects: readonly ObjectEntry[],
): Promise<number> {
  let missingBytes = 0;
  for (const object of objects) {
    const isThere = await access(entryOf(cacheDir, store, object)).then(
      () => true,
      () => false,
    );
    if (!isThere) missingBytes += object.sizeBytes;
  }
  return missingBytes;
}

/** Returns the number of bytes that had to be downloaded. */
async function linkOne(
  store: ObjectStore,
  remote: RemoteAccess,
  object: ObjectEntry,
  path: string,
): Promise<number> {
  const { key, sizeBytes } = object;
  await mkdir(dirname(path), { recursive: true });
  const entry = entryOf(remote.cacheDir, store, object);
  let last: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const isCached = await isIntact(entry, sizeBytes);
      if (!isCached) await fetchEntry(remote, key, sizeBytes, entry);
      await link(entry, path);
      // The time of the last use, which decides about eviction.
      const now = new Date();
      await utimes(entry, now, now);
      return isCached ? 0 : sizeBytes;
    } catch (error) {
      last = error;
      if (errnoOf(error) === 'ENOSPC' || isFull(error)) await clear(remote.cacheDir, 0);
      else if (errnoOf(error) !== 'ENOENT') throw toStorageError(error, key, remote);
    }
  }
  throw toStorageError(last, key, remote);
}

async function fetchEntry(
  remote: RemoteAccess,
  key: string,
  sizeBytes: number,
  entry: string,
): Promise<void> {
  const partial = join(remote.cacheDir, 'tmp', temporaryName());
  await mkdir(dirname(partial), { recursive: true });
  await mkdir(dirname(entry), { recursive: true });
  try {
    await remote.download(key, partial, sizeBytes);
    await writeFile(`${partial}.crc32`, await checksumOf(partial));
    await rename(`${partial}.crc32`, `${entry}.crc32`);
    await rename(partial, entry);
    intact.add(entry);
  } finally {
    await rm(partial, { force: true });
    await rm(`${partial}.crc32`, { force: true });
  }
}

/** Whether an entry exists and is undamaged; a damaged one is removed. */
async function isIntact(entry: string, sizeBytes: number): Promise<boolean> {
  const stats = await stat(entry).catch(() => undefined);
  if (stats === undefined) return false;
  const checksum = await readFile(`${entry}.crc32`, 'utf8').catch(() => undefined);
  if (stats.size === sizeBytes && checksum !== undefined) {
    if (intact.has(entry) || (await checksumOf(entry)) === checksum) {
      intact.add(entry);
      return true;
    }
  }
  await removeEntry(entry);
  return false;
}

async function checksumOf(path: string): Promise<string> {
  let checksum = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 ** 2 }))
    checksum = crc32(chunk as Buffer, checksum);
  return checksum.toString(16);
}

/** Evicts the least recently used entries until the rest has at most `maxBytes`. */
async function clear(cacheDir: string, maxBytes: number): Promise<void> {
  const folder = entryFolder(cacheDir);
  const entries: { path: string; sizeBytes: number; usedMs: number }[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.endsWith('.crc32')) continue;
    const path = join(folder, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined) entries.push({ path, sizeBytes: stats.size, usedMs: stats.mtimeMs });
  }
  let total = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (total <= maxBytes) return;
  for (const { path, sizeBytes } of entries.sort((a, b) => a.usedMs - b.usedMs)) {
    if (total <= maxBytes * CLEARED_SHARE) return;
    await removeEntry(path);
    total -= sizeBytes;
  }
}

async function removeEntry(entry: string): Promise<void> {
  intact.delete(entry);
  await rm(entry, { force: true });
  await rm(`${entry}.crc32`, { force: true });
}

/** The path of an object in the cache. An object that is replaced gets another entry. */
function entryOf(cacheDir: string, store: ObjectStore, { key, sizeBytes, modifiedMs }: ObjectEntry): string {
  return join(entryFolder(cacheDir), hashOf([store.uri, key, sizeBytes, modifiedMs]));
}

function entryFolder(cacheDir: string): string {
  return join(cacheDir, 'objects');
}

function hashOf(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function toStorageError(error: unknown, key: string, { cacheDir }: RemoteAccess): PixlakeError {
  if (error instanceof PixlakeError && !isFull(error)) return error;
  const hasNoRoom = isFull(error) || errnoOf(error) === 'ENOSPC';
  return new PixlakeError(
    hasNoRoom ? 'STORAGE_FULL' : 'STORAGE_FAILED',
    `the cache in ${cacheDir} cannot hold ${key}: ${messageOf(error)}`,
    { cause: error, remedy: 'free some space there, or set PIXLAKE_CACHE to a folder on a larger disk' },
  );
}

function isFull(error: unknown): boolean {
  return error instanceof PixlakeError && error.code === 'STORAGE_FULL';
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
