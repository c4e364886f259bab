import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attachTable } from '../../src/catalog/attach-table.ts';
import { type DuckDb, openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { parseSelect } from '../../src/sql/parse-select.ts';
import { queryLake, type QueryOptions } from '../../src/catalog/query-lake.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { writeDataFiles } from '../../src/duckdb/write-data-files.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { type DeltaStruct, deltaField } from '../../src/table/delta-schema.ts';
import { NONE } from '../../src/table/file-predicate.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { commitChange } from '../support/commit-change.ts';
import { writeRunFolder } from '../support/run-folder.ts';

const ID: DeltaStruct = { type: 'struct', fields: [deltaField('id', 'long')] };

let root: string;
let store: ObjectStore;
let db: DuckDb;

/** `tables/t` gets one row with the version's number at each version; from version 2 on there is a column `note`. */
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  store = openStore(join(root, 'lake'));
  db = await openDuckDb({ scratchDir: root, threads: 1 });
  const withNote: DeltaStruct = { ...ID, fields: [...ID.fields, deltaField('note', 'string')] };
  for (let version = 0; version < 4; version++) {
    const schema = version < 2 ? ID : withNote;
    await append(store, 'tables/t', schema, `SELECT ${version}::BIGINT AS id, 'n${version}' AS note`);
  }
  await append(store, 'runs/crops/run_id=a/manifest', ID, 'SELECT 10::BIGINT AS id');
  await append(store, 'runs/crops/run_id=a/manifest', ID, 'SELECT 11::BIGINT AS id');
  await writeRunFolder(store, 'runs/crops/run_id=a', { plannedMs: 1, isFinished: true });
});

afterAll(async () => {
  db[Symbol.dispose]();
  await rm(root, { recursive: true, force: true });
});

async function append(
  target: ObjectStore,
  folder: string,
  schema: DeltaStruct,
  query: string,
): Promise<void> {
  const names = schema.fields.map(({ name }) => name).join(', ');
  const added = await writeDataFiles(db, target, {
    query: `SELECT ${names} FROM (${query})`,
    schema,
    partitionColumns: [],
    folder,
    scratchDir: root,
  });
  await commitChange(target, {
    folder,
    base: await readSnapshot(target, folder),
    schema,
    partitionColumns: [],
    added,
    removed: [],
    reads: NONE,
    operation: 'WRITE',
    parameters: {},
    metrics: {},
    software: 'test',
  });
}

async function ask(sql: string, options: QueryOptions = {}): Promise<unknown[][]> {
  await using query = await queryLake(store, sql, options);
  const rows: unknown[][] = [];
  for await (const batch of query.batches) rows.push(...batch.getRows());
  return rows;
}

describe('a query on an older version', () => {
  test.each<[string, unknown]>([
    ['SELECT count(*) FROM t', 4n],
    ['SELECT count(*) FROM t@v1', 2n],
    ['SELECT count(*) FROM T@V1', 2n],
    ['SELECT count(*) FROM t@v1 AS x WHERE x.id > 0', 1n],
    ['SELECT count(*) FROM t@v1 WHERE t.id > 0', 1n],
    ['SELECT count(*) FROM "t"@v1', 2n],
    ['SELECT count(*) FROM "t@v1"', 2n],
    ['SELECT count(*) FROM t AT (VERSION => 1)', 2n],
    ['SELECT count(*) FROM t /* here */ at ( version => 1 ) WHERE t.id = 0', 1n],
    ['SELECT count(*) FROM t AS x AT (VERSION => 1) WHERE x.id = 0', 1n],
    [`SELECT 'é😀 t@v1' || count(*) FROM t AT (VERSION => 1)`, 'é😀 t@v12'],
    [`SELECT count(*) FROM t AT (TIMESTAMP => '2999-01-01')`, 4n],
    [`SELECT count(*) FROM t AT (TIMESTAMP => TIMESTAMP '2999-01-01 00:00:00')`, 4n],
    ['SELECT count(*) FROM runs.crops', 2n],
    ['SELECT count(*) FROM runs.crops@v0', 1n],
    ['SELECT count(*) FROM runs."crops" AT (VERSION => 0)', 1n],
    ['SELECT count(*) FROM (FROM t EXCEPT SELECT id, note FROM t@v2)', 1n],
    ['SELECT count(*) FROM t@v0, t@v1, t', 8n],
    ['WITH old AS (FROM t@v1), x AS (FROM t@v3) SELECT count(*) FROM old JOIN x USING (id)', 2n],
    ['SELECT (SELECT max(id) FROM t@v2)', 2n],
  ])('%s gives %s', async (sql, wanted) => {
    expect(await ask(sql)).toEqual([[wanted]]);
  });

  test('has the columns of that version', async () => {
    expect(await ask('SELECT * FROM t@v1 ORDER BY id')).toEqual([[0n], [1n]]);
    expect(await ask('FROM t ORDER BY id')).toEqual([
      [0n, null],
      [1n, null],
      [2n, 'n2'],
      [3n, 'n3'],
    ]);
    await expect(ask('SELECT note FROM t@v1')).rejects.toMatchObject({ code: 'SQL_FAILED' });
  });

  test('finds null in files that are older than the column, as a whole and by condition', async () => {
    expect(await ask('SELECT id FROM t WHERE note IS NULL ORDER BY id')).toEqual([[0n], [1n]]);
    expect(await ask(`SELECT id FROM t WHERE note = 'n3'`)).toEqual([[3n]]);
  });

  test('takes the version of the option for tables without one of their own', async () => {
    expect(await ask('SELECT count(*) FROM t', { at: '0' })).toEqual([[1n]]);
    expect(await ask('SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM t@v2)', { at: 'v0' })).toEqual([
      [1n, 3n],
    ]);
    await expect(ask('FROM t', { at: 'noon' })).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
    await expect(ask('FROM t', { at: '2001-01-01' })).rejects.toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
  });

  test.each([
    ['SELECT * FROM t@v9', 'SNAPSHOT_NOT_FOUND'],
    ['SELECT * FROM none@v1', 'TABLE_NOT_FOUND'],
    ['SELECT * FROM t AT (VERSION => 1 + 1)', 'SQL_SYNTAX'],
    [`SELECT * FROM t AT (TIMESTAMP => now())`, 'SQL_SYNTAX'],
    [`SELECT * FROM t AT (TIMESTAMP => 'noon')`, 'ARGUMENT_INVALID'],
    ['SELECT * FROM t@v', 'SQL_SYNTAX'],
    ['SELECT * FROM t AT (VERSION => -1)', 'ARGUMENT_INVALID'],
  ])('%s is refused with %s', async (sql, code) => {
    await expect(ask(sql)).rejects.toMatchObject({ code });
  });

  test('leaves the rest of the text as it is', async () => {
    const twice = parseSelect(db, `SELECT 't@v1', "a@v1" -- t@v1\nFROM t AT (VERSION => 1) x@v2;`);
    await expect(twice).rejects.toMatchObject({ code: 'SQL_SYNTAX' });
    const { sql } = await parseSelect(db, `SELECT 't@v1' -- t@v1\nFROM t AS x AT (VERSION => 1) ;`);
    expect(sql).toBe(`SELECT 't@v1' -- t@v1\nFROM "@v1"."t" AS x`);
  });
});

describe('an attached table', () => {
  test('of Delta is read at any version, and only read', async () => {
    const others = openStore(join(root, 'others'));
    await append(others, 'clicks', ID, 'SELECT 5::BIGINT AS id');
    await append(others, 'clicks', ID, 'SELECT 6::BIGINT AS id');
    expect(await attachTable(store, 'clicks', join(root, 'others/clicks/'))).toMatchObject({
      format: 'delta',
    });
    expect(await ask('SELECT id FROM clicks ORDER BY id')).toEqual([[5n], [6n]]);
    expect(await ask('SELECT id FROM clicks@v0')).toEqual([[5n]]);
    await expect(attachTable(store, 'clicks', join(root, 'others/clicks'))).rejects.toMatchObject({
      code: 'TABLE_EXISTS',
    });
    await expect(attachTable(store, 't', join(root, 'others/clicks'))).rejects.toMatchObject({
      code: 'TABLE_EXISTS',
    });
    await rm(join(root, 'others'), { recursive: true });
    await expect(ask('FROM clicks')).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
  });

  test('of plain Parquet files has their partitions, types and later files', async () => {
    const folder = join(root, 'plain');
    const write = (query: string, path: string): Promise<void> =>
      db.run(`COPY (${query}) TO ${quoteText(join(folder, path))} (FORMAT parquet)`);
    await mkdir(join(folder, 'day=2020-01-01/city=S%C3%A3o%20Paulo'), { recursive: true });
    await mkdir(join(folder, '_hidden'), { recursive: true });
    const row = `1 AS id, TIMESTAMP '2020-01-01 10:00:00' AS at, MAP {'a': [1]} AS m, 1.5::DECIMAL(5,2) AS price`;
    await write(`SELECT ${row}`, 'day=2020-01-01/city=S%C3%A3o%20Paulo/a.parquet');
    await write(`SELECT 9 AS id`, '_hidden/x.parquet');
    expect(await attachTable(store, 'plain', folder)).toMatchObject({
      format: 'parquet',
      partitionColumns: ['day', 'city'],
    });
    await write(`SELECT 2 AS id, 'new' AS later`, 'day=2020-01-01/city=S%C3%A3o%20Paulo/b.parquet');
    expect(
      await ask(
        `SELECT id, "at"::VARCHAR, m::VARCHAR, price::VARCHAR, day::VARCHAR, typeof(day), city FROM plain ORDER BY id`,
      ),
    ).toEqual([
      [1, '2020-01-01 10:00:00', '{a=[1]}', '1.50', '2020-01-01', 'DATE', 'São Paulo'],
      [2, null, null, null, '2020-01-01', 'DATE', 'São Paulo'],
    ]);
    expect(await ask(`SELECT count(*) FROM plain WHERE city = 'Lima'`)).toEqual([[0n]]);
    await expect(ask('FROM plain@v1')).rejects.toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
  });

  test('may be one Parquet file', async () => {
    await db.run(`COPY (SELECT 7 AS id) TO ${quoteText(join(root, 'one.parquet'))} (FORMAT parquet)`);
    await attachTable(store, 'one', join(root, 'one.parquet'));
    expect(await ask('FROM one')).toEqual([[7]]);
  });

  test('must be there and must be one', async () => {
    await expect(attachTable(store, 'x', join(root, 'nothing'))).rejects.toMatchObject({
      code: 'TABLE_NOT_FOUND',
    });
    await expect(attachTable(store, '../x', root)).rejects.toMatchObject({ code: 'TABLE_NAME_INVALID' });
  });
});
