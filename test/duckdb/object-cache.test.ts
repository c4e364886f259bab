import { access, cp, readdir, readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { countMissingBytes, linkCached } from '../../src/duckdb/object-cache.ts';
import { PixlakeError } from '../../src/errors.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectEntry, RemoteAccess } from '../../src/storage/object-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const store = openLocalStore('/nowhere/one');

/** An object whose bytes all are its last letter. */
const objectOf = (key: string, sizeBytes = 100, modifiedMs = 1): ObjectEntry => ({
  key,
  sizeBytes,
  modifiedMs,
});

interface Remote extends RemoteAccess {
  readonly downloads: string[];
}

type Fault = (key: string, count: number) => Error | undefined;

/** A remote store that makes up objects, and may fail to download them, by the number of downloads before. */
async function makeRemote({
  cacheBytes = 1e9,
  cacheDir,
  fault = () => undefined,
}: {
  cacheBytes?: number;
  cacheDir?: string;
  fault?: Fault;
} = {}): Promise<Remote> {
  const downloads: string[] = [];
  return {
    reader: 'cache',
    httpfsPath: undefined,
    cacheDir: cacheDir ?? (await makeTestFolder()),
    cacheBytes,
    downloads,
    connect: () => Promise.reject(new Error('not asked for')),
    signUrl: () => Promise.reject(new Error('not asked for')),
    async download(key, path, sizeBytes) {
      downloads.push(key);
      await writeFile(path, (key.at(-1) ?? '').repeat(sizeBytes));
      const failure = fault(key, downloads.length - 1);
      if (failure !== undefined) throw failure;
    },
  };
}

const link = async (remote: Remote, ...objects: readonly ObjectEntry[]): Promise<string[]> =>
  linkCached(store, remote, objects, await makeTestFolder());

const isMissing = async (remote: Remote, object: ObjectEntry): Promise<boolean> =>
  (await countMissingBytes(store, remote, [object])) > 0;

const entriesOf = async ({ cacheDir }: Remote): Promise<string[]> => {
  const names = (await readdir(join(cacheDir, 'objects'))).sort();
  return names.map((name) => join(cacheDir, 'objects', name));
};

const errno = (code: string): Error => Object.assign(new Error(`it is ${code}`), { code });

test('objects are downloaded once, and are files of their keys wherever they are linked', async () => {
  const remote = await makeRemote();
  const objects = [objectOf('t/p=1/a'), objectOf('t/b', 7)];
  expect(await countMissingBytes(store, remote, objects)).toBe(107);
  const folder = await makeTestFolder();
  const paths = await linkCached(store, remote, objects, folder);
  expect(paths.map((path) => path.slice(folder.length).replace(/^\/[0-9a-f]{16}\//u, ''))).toEqual([
    't/p=1/a',
    't/b',
  ]);
  expect(await Promise.all(paths.map((path) => readFile(path, 'utf8')))).toEqual([
    'a'.repeat(100),
    'b'.repeat(7),
  ]);
  expect(await countMissingBytes(store, remote, [...objects, objectOf('c', 3)])).toBe(3);
  expect(await link(remote, ...objects)).toHaveLength(2);
  expect(remote.downloads.sort()).toEqual(['t/b', 't/p=1/a']);
  expect(await readdir(join(remote.cacheDir, 'tmp'))).toEqual([]);
  expect(await link(remote)).toEqual([]);
});

test('objects of one key in two stores lie beside each other', async () => {
  const remote = await makeRemote();
  const folder = await makeTestFolder();
  const [one] = await linkCached(store, remote, [objectOf('a')], folder);
  const [other] = await linkCached(openLocalStore('/nowhere/two'), remote, [objectOf('a')], folder);
  expect(other).not.toBe(one);
  expect(remote.downloads).toEqual(['a', 'a']);
});

test.each([
  ['another size', objectOf('a', 101)],
  ['another time', objectOf('a', 100, 2)],
  ['another key', objectOf('b/a')],
])('an object with %s is another one', async (_what, object) => {
  const remote = await makeRemote();
  await link(remote, objectOf('a'));
  await link(remote, object);
  expect(remote.downloads).toEqual(['a', object.key]);
  expect(await isMissing(remote, objectOf('a'))).toBe(false);
});

test('eight are downloaded at once', async () => {
  const remote = await makeRemote();
  let now = 0;
  let most = 0;
  let open = (): void => undefined;
  const areEight = new Promise<void>((resolve) => {
    open = resolve;
  });
  const counting: Remote = {
    ...remote,
    async download(...args) {
      now += 1;
      most = Math.max(most, now);
      if (now === 8) open();
      await areEight;
      await remote.download(...args);
      now -= 1;
    },
  };
  await link(counting, ...Array.from({ length: 30 }, (_, index) => objectOf(String(index))));
  expect([most, remote.downloads.length]).toEqual([8, 30]);
});

describe('what another process has left in the cache', () => {
  const copyOf = async (remote: Remote): Promise<Remote> => {
    const cacheDir = await makeTestFolder();
    await cp(remote.cacheDir, cacheDir, { recursive: true });
    return makeRemote({ cacheDir });
  };

  test('is taken if it is whole', async () => {
    const first = await makeRemote();
    await link(first, objectOf('a'));
    const second = await copyOf(first);
    await link(second, objectOf('a'));
    expect(second.downloads).toEqual([]);
  });

  test.each<[string, (entry: string) => Promise<void>]>([
    ['other bytes', async (entry) => writeFile(entry, 'b'.repeat(100))],
    ['fewer bytes', async (entry) => truncate(entry, 99)],
    ['another checksum', async (entry) => writeFile(`${entry}.crc32`, 'x')],
  ])('is downloaded again if it has %s', async (_what, damage) => {
    const first = await makeRemote();
    await link(first, objectOf('a'));
    const second = await copyOf(first);
    const [entry = '', checksum] = await entriesOf(second);
    expect(checksum).toBe(`${entry}.crc32`);
    await damage(entry);
    const [path = ''] = await link(second, objectOf('a'));
    expect(second.downloads).toEqual(['a']);
    expect(await readFile(path, 'utf8')).toBe('a'.repeat(100));
    expect(await readFile(`${entry}.crc32`, 'utf8')).toMatch(/^[0-9a-f]{7,8}$/u);
  });

  test('is downloaded again if it was cut short, also by the process that wrote it', async () => {
    const remote = await makeRemote();
    await link(remote, objectOf('a'));
    const [entry = ''] = await entriesOf(remote);
    await truncate(entry, 99);
    await link(remote, objectOf('a'));
    expect(remote.downloads).toEqual(['a', 'a']);
    expect((await stat(entry)).size).toBe(100);
  });
});

describe('beyond its bound, the cache', () => {
  test('drops what was used longest ago, which stays where it is linked', async () => {
    const remote = await makeRemote({ cacheBytes: 250 });
    const [a, b, c] = [objectOf('a'), objectOf('b'), objectOf('c')];
    await link(remote, a);
    const [first = ''] = await entriesOf(remote);
    const [pathOfB = ''] = await link(remote, b);
    for (const entry of await entriesOf(remote)) await utimes(entry, 2, entry.startsWith(first) ? 1 : 2);
    await link(remote, a);
    await link(remote, c);
    expect([await isMissing(remote, a), await isMissing(remote, b), await isMissing(remote, c)]).toEqual([
      false,
      true,
      false,
    ]);
    expect(await entriesOf(remote)).toHaveLength(4);
    expect(await readFile(pathOfB, 'utf8')).toBe('b'.repeat(100));
    await link(remote, b);
    expect(remote.downloads).toEqual(['a', 'b', 'c', 'b']);
  });

  test.each<[string, number, readonly number[], number]>([
    ['nothing at its bound', 200, [100, 100], 2],
    ['down to nine tenths of it', 1000, [200, 450, 450], 2],
    ['no less than that', 200, [100, 100, 100], 1],
  ])('drops %s', async (_what, cacheBytes, sizes, keptCount) => {
    const remote = await makeRemote({ cacheBytes });
    for (const [index, size] of sizes.entries()) {
      const object = objectOf(String(index), size);
      await link({ ...remote, cacheBytes: index === sizes.length - 1 ? cacheBytes : 1e9 }, object);
      const found = await entriesOf(remote);
      // The later ones were used later, whatever the clock says.
      const used = await Promise.all(
        found.map(async (entry) => [entry, await readFile(entry, 'latin1')] as const),
      );
      for (const [entry, text] of used) if (/^\d+$/u.test(text)) await utimes(entry, 1, Number(text[0]) + 1);
    }
    const kept = (await entriesOf(remote)).filter((entry) => !entry.endsWith('.crc32'));
    expect(kept).toHaveLength(keptCount);
    expect(await isMissing(remote, objectOf(String(sizes.length - 1), sizes.at(-1)))).toBe(false);
  });

  test('drops nothing while all is there', async () => {
    const remote = await makeRemote();
    await link(remote, objectOf('a'));
    await link({ ...remote, cacheBytes: 10 }, objectOf('a'));
    expect(await isMissing(remote, objectOf('a'))).toBe(false);
  });
});

describe('a download', () => {
  const attempt = async (fault: Fault): Promise<[unknown, number, boolean]> => {
    const remote = await makeRemote({
      fault: (key, count) => (key === 'x' ? fault(key, count - 1) : undefined),
    });
    await link(remote, objectOf('a'));
    const outcome: unknown = await link(remote, objectOf('x')).then(
      () => 'done',
      (error: unknown) => error,
    );
    expect(await readdir(join(remote.cacheDir, 'tmp'))).toEqual([]);
    expect(await isMissing(remote, objectOf('x'))).toBe(outcome !== 'done');
    return [outcome, remote.downloads.length - 1, await isMissing(remote, objectOf('a'))];
  };

  test.each<[string, Error]>([
    ['the disk', errno('ENOSPC')],
    ['a quota', new PixlakeError('STORAGE_FULL', 'full')],
  ])('for which %s has no room makes some, and is tried three times', async (_what, error) => {
    expect(await attempt((_key, count) => (count < 2 ? error : undefined))).toEqual(['done', 3, true]);
    expect(await attempt(() => error)).toEqual([
      expect.objectContaining({
        code: 'STORAGE_FULL',
        message: expect.stringMatching(/^the cache in .* cannot hold x: (?:it is ENOSPC|full)$/u),
        cause: error,
        remedy: expect.stringContaining('PIXLAKE_CACHE'),
      }),
      3,
      true,
    ]);
  });

  test('whose file goes away under way is tried three times', async () => {
    const gone = errno('ENOENT');
    expect(await attempt((_key, count) => (count < 2 ? gone : undefined))).toEqual(['done', 3, false]);
    expect(await attempt(() => gone)).toEqual([
      expect.objectContaining({ code: 'STORAGE_FAILED', cause: gone }),
      3,
      false,
    ]);
  });

  test.each<[string, Error, string]>([
    ['is refused by the disk', errno('EACCES'), 'STORAGE_FAILED'],
    ['fails without a reason', new Error('no'), 'STORAGE_FAILED'],
    ['finds no object', new PixlakeError('OBJECT_NOT_FOUND', 'no x'), 'OBJECT_NOT_FOUND'],
  ])('that %s is not tried again', async (_what, error, code) => {
    expect(await attempt(() => error)).toEqual([expect.objectContaining({ code }), 1, false]);
  });
});

test('an object that is linked twice at one place is told', async () => {
  const remote = await makeRemote();
  const folder = await makeTestFolder();
  const [path = ''] = await linkCached(store, remote, [objectOf('a')], folder);
  await expect(access(path)).resolves.toBeUndefined();
  await expect(linkCached(store, remote, [objectOf('a')], folder)).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
  });
});
