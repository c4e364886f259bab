import { readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { log } from '../../src/config.ts';
import { ObjectLocator } from '../../src/duckdb/object-locator.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectEntry, ObjectStore, RemoteAccess } from '../../src/storage/object-store.ts';
import type { S3Connection } from '../../src/storage/s3-client.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const CONNECTION: S3Connection = {
  keyId: 'the key',
  secret: "the 'secret'",
  sessionToken: undefined,
  expiresMs: undefined,
  region: 'eu-1',
  endpoint: undefined,
  usesTls: true,
  isPathStyle: false,
};

const objectOf = (key: string, sizeBytes = 10): ObjectEntry => ({ key, sizeBytes, modifiedMs: 1 });
const uriOf = (key: string): string => `s3://bucket/lake/${key}`;

let downloads: string[];
let connectCount: number;
let scratchDir: string;
let cacheDir: string;

beforeEach(async () => {
  downloads = [];
  connectCount = 0;
  scratchDir = await makeTestFolder();
  cacheDir = await makeTestFolder();
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** A store on S3 whose objects are made up. */
function makeStore(remote: Partial<RemoteAccess> = {}, connection: Partial<S3Connection> = {}): ObjectStore {
  return withFaults(openLocalStore('/nowhere'), {
    uri: 's3://bucket/lake',
    locate: uriOf,
    remote: {
      reader: 'auto',
      httpfsPath: undefined,
      cacheDir,
      cacheBytes: 100,
      async connect() {
        connectCount += 1;
        return { ...CONNECTION, ...connection };
      },
      async download(key, path, sizeBytes) {
        downloads.push(key);
        await writeFile(path, 'x'.repeat(sizeBytes));
      },
      signUrl: () => Promise.reject(new Error('not asked for')),
      ...remote,
    },
  });
}

/** A DuckDB that only notes what it is told, and refuses some of it. */
function makeLocator(
  options: { isConfined?: boolean } = {},
  refuses = /^never$/u,
): { locator: ObjectLocator; statements: string[] } {
  const statements: string[] = [];
  const run = async (sql: string): Promise<void> => {
    statements.push(sql);
    if (refuses.test(sql)) throw new Error(`no ${sql}\nand more`);
  };
  return { locator: new ObjectLocator(run, scratchDir, options), statements };
}

const SECRET = /^CREATE OR REPLACE SECRET lake_[0-9a-f]{16} \(TYPE s3, PROVIDER config, /u;

test('objects of a folder are its files', async () => {
  const { locator, statements } = makeLocator();
  expect(await locator.locate(openLocalStore('/lake'), [objectOf('a/b'), objectOf('c')])).toEqual([
    '/lake/a/b',
    '/lake/c',
  ]);
  expect(statements).toEqual([]);
});

describe('objects on S3 are read from the cache', () => {
  test.each<[string, Partial<RemoteAccess>, { isConfined?: boolean }, number]>([
    ['if that is the setting', { reader: 'cache' }, {}, 101],
    ['if they are no more than it holds', { reader: 'auto' }, {}, 100],
    ['if DuckDB has no network', { reader: 'auto' }, { isConfined: true }, 101],
  ])('%s', async (_when, remote, options, sizeBytes) => {
    const { locator, statements } = makeLocator(options);
    const [path = ''] = await locator.locate(makeStore(remote), [objectOf('t/a', sizeBytes)]);
    expect(path.startsWith(join(scratchDir, 'objects'))).toBe(true);
    expect((await stat(path)).size).toBe(sizeBytes);
    expect([downloads, statements, connectCount]).toEqual([['t/a'], [], 0]);
  });

  test('under one path each, as long as DuckDB is open', async () => {
    const { locator } = makeLocator();
    const store = makeStore();
    const [a, b] = [objectOf('a'), objectOf('b')];
    const [pathOfA] = await locator.locate(store, [a]);
    const [pathOfB, again] = await locator.locate(store, [b, { ...a, modifiedMs: 2 }]);
    expect([again, await locator.locate(store, [a, b])]).toEqual([pathOfA, [pathOfA, pathOfB]]);
    expect(downloads).toEqual(['a', 'b']);
    expect(await locator.locate(store, [])).toEqual([]);
  });

  test('if they lie in it already, however many they are', async () => {
    const all = [objectOf('a', 60), objectOf('b', 60)];
    await makeLocator().locator.locate(makeStore({ cacheBytes: 1000 }), all);
    scratchDir = await makeTestFolder();
    const { locator, statements } = makeLocator();
    const paths = await locator.locate(makeStore(), all);
    expect(paths.filter((path) => path.startsWith(scratchDir))).toHaveLength(2);
    expect([statements, downloads.length]).toEqual([[], 2]);
  });
});

describe('objects on S3 are read by httpfs', () => {
  test.each<[string, Partial<RemoteAccess>, { isConfined?: boolean }, number]>([
    ['if that is the setting', { reader: 'httpfs' }, {}, 1],
    ['if that is the setting, even of a confined DuckDB', { reader: 'httpfs' }, { isConfined: true }, 1],
    ['if they are more than the cache holds', {}, {}, 101],
    ['if they are more than a gibibyte', { cacheBytes: 1e12 }, {}, 1024 ** 3 + 1],
  ])('%s', async (_when, remote, options, sizeBytes) => {
    const { locator, statements } = makeLocator(options);
    const store = makeStore(remote);
    expect(await locator.locate(store, [objectOf('a', sizeBytes)])).toEqual([uriOf('a')]);
    expect(statements).toEqual(['LOAD httpfs', expect.stringMatching(SECRET)]);
    expect(await locator.locate(store, [objectOf('b', sizeBytes), objectOf('a')])).toEqual([
      uriOf('b'),
      uriOf('a'),
    ]);
    expect([statements.length, connectCount, downloads]).toEqual([2, 1, []]);
  });

  test.each<[Partial<S3Connection>, string]>([
    [
      {},
      "KEY_ID 'the key', SECRET 'the ''secret''', REGION 'eu-1', USE_SSL true, URL_STYLE 'vhost', SCOPE 's3://bucket/lake/')",
    ],
    [
      { sessionToken: 'token', endpoint: 'host:1', usesTls: false, isPathStyle: true },
      "KEY_ID 'the key', SECRET 'the ''secret''', SESSION_TOKEN 'token', REGION 'eu-1', ENDPOINT 'host:1', USE_SSL false, URL_STYLE 'path', SCOPE 's3://bucket/lake/')",
    ],
  ])('with the credentials of the store: %j', async (connection, secret) => {
    const { locator, statements } = makeLocator();
    await locator.locate(makeStore({ reader: 'httpfs' }, connection), [objectOf('a')]);
    expect(statements[1]?.replace(SECRET, '')).toBe(secret);
  });

  test.each([
    ['soon', 4, 2],
    ['later', 60, 1],
  ])('with credentials that are renewed if they end %s', async (_when, minutes, count) => {
    const { locator } = makeLocator();
    const store = makeStore({ reader: 'httpfs' }, { expiresMs: Date.now() + minutes * 60_000 });
    await locator.locate(store, [objectOf('a')]);
    await locator.locate(store, [objectOf('b')]);
    expect(connectCount).toBe(count);
  });

  test('which says nothing of credentials that it does not take', async () => {
    const { locator } = makeLocator({}, /SECRET/u);
    const locating = locator.locate(makeStore({ reader: 'httpfs' }), [objectOf('a')]);
    const error: unknown = await locating.catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'SQL_FAILED',
      message: 'DuckDB does not accept the credentials for s3://bucket/lake',
    });
    expect(error).not.toHaveProperty('cause');
  });
});

describe('the extension httpfs', () => {
  const more = [objectOf('a', 101)];

  test('is loaded from its file if that is given, and from nowhere else', async () => {
    const { locator, statements } = makeLocator();
    await locator.locate(makeStore({ httpfsPath: "/it's" }), more);
    expect(statements).toEqual(["LOAD '/it''s'", expect.stringMatching(SECRET)]);
    const broken = makeLocator({}, /^LOAD/u);
    await expect(broken.locator.locate(makeStore({ httpfsPath: '/x' }), more)).rejects.toMatchObject({
      code: 'HTTPFS_UNAVAILABLE',
      message: "DuckDB's httpfs extension cannot be loaded: no LOAD '/x'",
      remedy: expect.stringContaining('PIXLAKE_HTTPFS'),
    });
    expect(broken.statements).toEqual(["LOAD '/x'"]);
  });

  test('is installed if DuckDB does not have it', async () => {
    let isInstalled = false;
    const statements: string[] = [];
    const locator = new ObjectLocator(async (sql) => {
      statements.push(sql);
      if (sql === 'INSTALL httpfs') isInstalled = true;
      if (sql === 'LOAD httpfs' && !isInstalled) throw new Error('not installed');
    }, scratchDir);
    expect(await locator.locate(makeStore(), more)).toEqual([uriOf('a')]);
    expect(statements.slice(0, -1)).toEqual(['LOAD httpfs', 'INSTALL httpfs', 'LOAD httpfs']);
    expect(await readdir(cacheDir)).toEqual([]);
  });

  test('that is not available leaves the cache, and is not asked for again for a day', async () => {
    const warn = vi.spyOn(log, 'warn').mockImplementation(() => undefined);
    const store = makeStore({ cacheDir: join(cacheDir, 'new') });
    const ask = async (): Promise<string[]> => {
      const { locator, statements } = makeLocator({}, /httpfs/u);
      const [path] = await locator.locate(store, [objectOf('a', 101 + downloads.length)]);
      expect(path).toContain(scratchDir);
      // Once for each DuckDB.
      await locator.locate(store, [objectOf('b', 1e3)]);
      scratchDir = await makeTestFolder();
      return statements;
    };
    expect(await ask()).toEqual(['LOAD httpfs', 'INSTALL httpfs']);
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/extension is not available: no INSTALL httpfs$/u)],
    ]);
    expect(await ask()).toEqual(['LOAD httpfs']);
    const marker = join(cacheDir, 'new/httpfs-unavailable');
    const agoSeconds = (hours: number): number => Date.now() / 1000 - hours * 3600;
    await utimes(marker, 1, agoSeconds(23));
    expect(await ask()).toEqual(['LOAD httpfs']);
    await utimes(marker, 1, agoSeconds(25));
    expect(await ask()).toEqual(['LOAD httpfs', 'INSTALL httpfs']);
    expect(warn).toHaveBeenCalledTimes(2);
  });

  test('that is not available is an error where it is the setting, each time', async () => {
    await writeFile(join(cacheDir, 'httpfs-unavailable'), '');
    const { locator, statements } = makeLocator({}, /httpfs/u);
    await expect(locator.locate(makeStore({ reader: 'httpfs' }), [objectOf('a')])).rejects.toMatchObject({
      code: 'HTTPFS_UNAVAILABLE',
      message: "DuckDB's httpfs extension cannot be loaded: no INSTALL httpfs",
      remedy: expect.stringContaining('--s3-reader cache'),
    });
    expect(statements).toEqual(['LOAD httpfs', 'INSTALL httpfs']);
  });
});
