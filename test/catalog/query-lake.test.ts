import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { queryLake, queryToParquet, type QueryOptions } from '../../src/catalog/query-lake.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { DeltaTable, duckDb } from '../support/delta-table.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

let store: ObjectStore;
let folder: string;
/** Folders that were named for what does not fit into memory. */
let scratchDirs: string[];

beforeEach(async () => {
  folder = await makeTestFolder();
  const table = await DeltaTable.begin();
  table.protocol().metadata({ id: 'long' });
  await table.addRows('a.parquet', 'SELECT range AS id FROM range(3)');
  await table.commit();
  await table.addRows('b.parquet', 'SELECT range + 3 AS id FROM range(3)');
  await table.commit();
  scratchDirs = [];
  store = withFaults(table.store, {
    async nameScratchDir() {
      const path = await table.store.nameScratchDir();
      // As DuckDB does when it needs it.
      await mkdir(path, { recursive: true });
      scratchDirs.push(path);
      return path;
    },
  });
});

const left = (): string[] => scratchDirs.filter((path) => existsSync(path));

async function ask(sql: string, options: QueryOptions = {}): Promise<unknown[][]> {
  await using query = await queryLake(store, sql, options);
  const rows: unknown[][] = [];
  for await (const batch of query.batches) rows.push(...batch.getRows());
  return rows;
}

describe('a query', () => {
  test('gives its rows and the tables that it reads, and leaves nothing behind', async () => {
    const query = await queryLake(store, 'SELECT id FROM t WHERE id < 2 ORDER BY id; -- end');
    expect(
      query.tables.map(({ reference, snapshot, isAttached }) => [reference, snapshot.version, isAttached]),
    ).toEqual([[{ schema: '', name: 't' }, 1, false]]);
    expect(query.batches.columns.map(({ name }) => name)).toEqual(['id']);
    expect(left()).toHaveLength(1);
    await query[Symbol.asyncDispose]();
    expect(left()).toEqual([]);
  });

  test('takes a limit, a version, and a wish to be explained', async () => {
    expect(await ask('SELECT id FROM t ORDER BY id DESC -- end', { limit: 2 })).toEqual([[5n], [4n]]);
    expect(await ask('SELECT id FROM t', { limit: 0 })).toEqual([]);
    expect(await ask('SELECT count(*) FROM t', { at: 'v0' })).toEqual([[3n]]);
    const [plan] = await ask('SELECT id FROM t', { isExplained: true, limit: 1 });
    expect(plan?.[0]).toBe('physical_plan');
    expect(String(plan?.[1])).toMatch(/LIMIT/u);
    expect(left()).toEqual([]);
  });

  test.each<[string, QueryOptions, string]>([
    ['FROM t', { limit: -1 }, 'ARGUMENT_INVALID'],
    ['FROM t', { limit: 1.5 }, 'ARGUMENT_INVALID'],
    ['FROM t', { at: 'noon' }, 'ARGUMENT_INVALID'],
    ['FROM t', { urlExpiresMs: 1000 }, 'ARGUMENT_INVALID'],
    ['FROM none', {}, 'TABLE_NOT_FOUND'],
    ['SELECT nope FROM t', {}, 'SQL_FAILED'],
    ['DROP TABLE t', {}, 'SQL_NOT_SELECT'],
  ])('%s with %j is refused, and leaves nothing behind', async (sql, options, code) => {
    await expect(ask(sql, options)).rejects.toMatchObject({ code });
    expect(left()).toEqual([]);
  });
});

describe('a query into a Parquet file', () => {
  test('writes the rows, compressed, and says how many', async () => {
    const path = join(folder, "it's.parquet");
    await writeFile(path, 'old');
    expect(await queryToParquet(store, 'SELECT id FROM t ORDER BY id DESC -- end', path, { limit: 4 })).toBe(
      4,
    );
    const file = `'${path.replaceAll("'", "''")}'`;
    expect(await duckDb(`FROM ${file}`)).toEqual([[5n], [4n], [3n], [2n]]);
    expect(await duckDb(`SELECT DISTINCT compression FROM parquet_metadata(${file})`)).toEqual([['ZSTD']]);
    expect(await queryToParquet(store, 'FROM t', path, { at: '0' })).toBe(3);
    expect([await readdir(folder), left()]).toEqual([["it's.parquet"], []]);
  });

  test('that fails leaves the old file, and nothing else', async () => {
    const path = join(folder, 'x.parquet');
    await writeFile(path, 'old');
    const failing = `SELECT CASE WHEN id = 5 THEN error('bad') ELSE id END AS id FROM t`;
    await expect(queryToParquet(store, failing, path)).rejects.toMatchObject({ code: 'SQL_FAILED' });
    await expect(queryToParquet(store, 'FROM none', path)).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
    expect([await readFile(path, 'utf8'), await readdir(folder), left()]).toEqual(['old', ['x.parquet'], []]);
  });

  test('that cannot be written is told as such, before the query runs or after', async () => {
    const endless = 'SELECT sum(a.range) FROM range(10000000000) a, range(10000000000) b';
    const nowhere = join(folder, 'none/x.parquet');
    await expect(queryToParquet(store, endless, nowhere)).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining(`cannot write ${nowhere}: ENOENT`),
    });
    const taken = join(folder, 'taken');
    await mkdir(join(taken, 'x'), { recursive: true });
    await expect(queryToParquet(store, 'FROM t', taken)).rejects.toMatchObject({ code: 'OUTPUT_FAILED' });
    expect([await readdir(folder), left()]).toEqual([['taken'], []]);
  });
});
