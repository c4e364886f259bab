import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type DuckDbOptions, openDuckDb, sqlError } from '../../src/duckdb/open-duckdb.ts';
import { PixlakeError } from '../../src/errors.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test('what is interrupted is told from what fails', async () => {
  using db = await openDuckDb({ scratchDir: await makeTestFolder(), threads: 1 });
  const endless = db.run('SELECT count(*) FROM range(100000000000) a(x) WHERE x % 3 = 1');
  const ended = expect(endless).rejects.toMatchObject({ code: 'INTERRUPTED' });
  await sleep(50);
  db.connection.interrupt();
  await ended;
  await expect(db.run('SELECT nope')).rejects.toMatchObject({ code: 'SQL_FAILED' });
});

test('a folder that is only for what does not fit into memory is made when something does not', async () => {
  const folder = await makeTestFolder();
  const scratchDir = join(folder, 'spill');
  const db = await openDuckDb({ scratchDir, threads: 1, memoryBytes: 60_000_000, isSpillOnly: true });
  expect(await db.rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(await readdir(folder)).toEqual([]);
  await db.run('CREATE TABLE much AS SELECT range AS id, md5(range::VARCHAR) AS text FROM range(2000000)');
  expect(await readdir(scratchDir)).not.toEqual([]);
  expect(await db.rows('SELECT count(DISTINCT id) AS count FROM much')).toEqual([{ count: 2_000_000n }]);
  db[Symbol.dispose]();
});

test('a DuckDB has the settings that it is given, and loads nothing by itself', async () => {
  const folder = await makeTestFolder();
  const settingsOf = async (options: Omit<DuckDbOptions, 'scratchDir'>): Promise<unknown> => {
    using db = await openDuckDb({ ...options, scratchDir: folder });
    const names = ['threads', 'memory_limit', 'max_temp_directory_size', 'TimeZone', 'temp_directory'];
    const [found] = await db.rows<object>(
      `SELECT ${[...names, 'autoload_known_extensions', 'autoinstall_known_extensions'].map((name) => `current_setting('${name}')`).join(', ')}`,
    );
    return Object.values(found ?? {});
  };
  expect(await settingsOf({ threads: 3, memoryBytes: 300 * 1024 ** 2, spillBytes: 5 * 1024 ** 2 })).toEqual([
    3n,
    '300.0 MiB',
    '5.0 MiB',
    'UTC',
    join(folder, 'spill'),
    false,
    false,
  ]);
  const plain = await settingsOf({ isSpillOnly: true });
  expect(plain).toEqual([
    expect.any(BigInt),
    expect.any(String),
    expect.any(String),
    'UTC',
    folder,
    false,
    false,
  ]);
  expect(plain).not.toContain('300.0 MiB');
  expect(await readdir(folder)).toEqual([]);
});

test('tables are kept in memory, or in a file', async () => {
  const scratchDir = await makeTestFolder();
  using inMemory = await openDuckDb({ scratchDir });
  await inMemory.run('CREATE TABLE t AS SELECT 1 AS one');
  expect(await readdir(scratchDir)).toEqual([]);
  const onDisk = await openDuckDb({ scratchDir, onDisk: true });
  await onDisk.run('CREATE TABLE t AS SELECT 2 AS two');
  onDisk[Symbol.dispose]();
  await expect(onDisk.run('FROM t')).rejects.toMatchObject({ code: 'SQL_FAILED' });
  expect(await readdir(scratchDir)).toEqual(['staging.duckdb']);
  using again = await openDuckDb({ scratchDir, onDisk: true });
  expect(await again.rows('FROM t')).toEqual([{ two: 2 }]);
});

test('SQL is parsed and not run, and objects of a folder are found', async () => {
  using db = await openDuckDb({ scratchDir: '/nowhere' });
  expect(JSON.parse(await db.serialize("SELECT 'it''s'; FROM t"))).toMatchObject({
    error: false,
    statements: [{ node: { type: 'SELECT_NODE' } }, {}],
  });
  await expect(db.rows('SELECT nope')).rejects.toMatchObject({ name: 'PixlakeError', code: 'SQL_FAILED' });
  const object = { key: 'a/b', sizeBytes: 1, modifiedMs: 1 };
  expect(await db.locate(openLocalStore('/lake'), [object])).toEqual(['/lake/a/b']);
});

test.each([
  ['Out of Memory Error: could not allocate block', 'QUERY_OUT_OF_MEMORY', 'ask for less at once'],
  ['std::bad_alloc', 'QUERY_OUT_OF_MEMORY', 'ask for less at once'],
  ['Error: Out of Memory Error', 'SQL_FAILED', undefined],
  ['IO Error: Could not write: No space left on device', 'STORAGE_FULL', undefined],
  ['write failed: ENOSPC', 'STORAGE_FULL', undefined],
  ['IO Error: Cannot open file "/x": No such file or directory', 'OBJECT_NOT_FOUND', 'pixlake vacuum'],
  ['IO Error: No files found that match the pattern "/x"', 'OBJECT_NOT_FOUND', 'pixlake verify'],
  ['IO Error: Cannot open file "/x": Permission denied', 'SQL_FAILED', undefined],
  ['HTTP Error: Unable to connect (HTTP 400 Bad Request)', 'STORAGE_DENIED', '--s3-reader cache'],
  ['HTTP Error: Unable to connect (HTTP 401)', 'STORAGE_DENIED', '--s3-reader cache'],
  ['HTTP Error: Unable to connect (HTTP 403 Forbidden)', 'STORAGE_DENIED', '--s3-reader cache'],
  ['HTTP Error: Unable to connect (HTTP 404 Not Found)', 'OBJECT_NOT_FOUND', 'pixlake vacuum'],
  ['HTTP Error: Unable to connect (HTTP 500)', 'STORAGE_FAILED', undefined],
  ['HTTP Error: Unable to connect (HTTP 4031)', 'STORAGE_FAILED', undefined],
  ['HTTP Error: no answer', 'STORAGE_FAILED', undefined],
  ['Conversion Error: (HTTP 403)', 'SQL_FAILED', undefined],
  [
    'Binder Error: Referenced column "Men" not found in FROM clause!\n\nLINE 1: SELECT 1 FROM t WHERE gender = "Men"',
    'SQL_FAILED',
    "single quotes: 'Men'",
  ],
  [
    'Binder Error: Referenced column "x" not found in FROM clause!\n\nLINE 1: SELECT x FROM t',
    'SQL_FAILED',
    undefined,
  ],
  ['INTERRUPT Error: Interrupted!', 'INTERRUPTED', undefined],
  ['Error: INTERRUPT Error', 'SQL_FAILED', undefined],
  ['Conversion Error: Could not convert string', 'SQL_FAILED', undefined],
])('%s is %s', (message, code, remedy) => {
  const cause = new Error(`${message}\n\nPossible solutions:\n* SET x`);
  expect(sqlError(cause)).toMatchObject({ code, message, cause });
  expect(sqlError(cause).remedy ?? '').toContain(remedy ?? '');
  expect(sqlError(cause).remedy === undefined).toBe(remedy === undefined);
});

test('an error of pixlake stays what it is', () => {
  const error = new PixlakeError('TABLE_NOT_FOUND', 'Out of Memory Error');
  expect(sqlError(error)).toBe(error);
  expect(sqlError('HTTP Error: (HTTP 404)').code).toBe('OBJECT_NOT_FOUND');
});
