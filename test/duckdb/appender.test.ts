import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AppendableType, AppendableValue } from '../../src/duckdb/appendable.ts';
import { openAppender } from '../../src/duckdb/appender.ts';
import { type DuckDb, openDuckDb } from '../../src/duckdb/open-duckdb.ts';

let scratchDir: string;
let db: DuckDb;

beforeAll(async () => {
  scratchDir = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  db = await openDuckDb({ scratchDir, threads: 1 });
});

afterAll(async () => {
  db[Symbol.dispose]();
  await rm(scratchDir, { recursive: true, force: true });
});

/** Appends rows to a table made for them and reads them back in order, everything as JSON of DuckDB. */
async function roundTrip(
  types: readonly AppendableType[],
  rows: readonly (readonly AppendableValue[])[],
): Promise<unknown[]> {
  await db.run(
    `CREATE OR REPLACE TABLE appended (${types.map((type, index) => `c${index} ${type}`).join(', ')})`,
  );
  const appender = await openAppender(db, 'appended', types);
  for (const row of rows) appender.append(row);
  appender.close();
  const found = await db.rows<{ row: string }>(
    'SELECT to_json(appended)::VARCHAR AS row FROM appended ORDER BY rowid',
  );
  return found.map(({ row }) => Object.values(JSON.parse(row) as object));
}

const TYPES = ['BIGINT', 'INTEGER', 'DOUBLE', 'FLOAT', 'BOOLEAN', 'VARCHAR', 'VARCHAR[]', 'FLOAT[]'] as const;

it('appends values of every type, nulls, empty lists and text with any character', async () => {
  const rows = [
    [7n, -3, 0.1, 0.5, true, 'a\0b "é" 😀', ['x', '', 'longer than twelve bytes'], [0.25, -1]],
    [null, null, null, null, null, null, null, null],
    [2 ** 40, 2 ** 31 - 1, -0.5, 0, false, '', [], []],
  ];
  expect(await roundTrip(TYPES, rows)).toEqual([[7, ...(rows[0]?.slice(1) ?? [])], rows[1], rows[2]]);
});

it('appends columns without lists value by value', async () => {
  const rows = [
    [7n, -3, 0.1, 0.5, true, 'a\0b "é" 😀'],
    [null, null, null, null, null, null],
    [2 ** 40, 2 ** 31 - 1, -0.5, 0, false, ''],
  ];
  expect(await roundTrip(TYPES.slice(0, 6), rows)).toEqual([
    [7, ...(rows[0]?.slice(1) ?? [])],
    rows[1],
    rows[2],
  ]);
  const many = Array.from({ length: 45_000 }, (_value, index) => [index, `row ${index}`]);
  expect(await roundTrip(['BIGINT', 'VARCHAR'], many)).toEqual(many);
});

it.each([
  ['many short rows', 25_000, 1],
  ['few long rows', 40, 70_000],
])('keeps the order of %s that take several chunks', async (_, rowCount, length) => {
  const scores = Array.from({ length }, (_value, index) => index % 8);
  const rows = Array.from({ length: rowCount }, (_value, index) => [index, index % 3 === 0 ? null : scores]);
  await roundTrip(['BIGINT', 'FLOAT[]'], rows);
  const [counts] = await db.rows(
    'SELECT count(*)::INTEGER AS total, count_if(c0 = rowid)::INTEGER AS "inOrder", count_if(c1 IS NULL = (c0 % 3 = 0))::INTEGER AS right, sum(list_sum(c1)) AS sum FROM appended',
  );
  const filled = rows.filter(([, list]) => list !== null).length;
  const sum = filled * scores.reduce((total, score) => total + score, 0);
  expect(counts).toEqual({ total: rowCount, inOrder: rowCount, right: rowCount, sum });
});

it('refuses a number that a column cannot hold', async () => {
  await expect(roundTrip(['INTEGER'], [[2 ** 31]])).rejects.toMatchObject({ code: 'SQL_FAILED' });
  await expect(roundTrip(['BIGINT'], [[1.5]])).rejects.toMatchObject({ code: 'SQL_FAILED' });
});

it('hands over the rows so far from time to time', async () => {
  await db.run('CREATE OR REPLACE TABLE appended (a BIGINT)');
  await db.run('CREATE OR REPLACE TABLE lists (a FLOAT[], b VARCHAR[])');
  const countOf = async (table: string): Promise<unknown> =>
    (await db.rows<{ n: number }>(`SELECT count(*)::INTEGER AS n FROM ${table}`))[0]?.n;
  const plain = await openAppender(db, 'appended', ['BIGINT']);
  const lists = await openAppender(db, 'lists', ['FLOAT[]', 'VARCHAR[]']);
  const append = (count: number): void => {
    for (let row = 0; row < count; row++) {
      plain.append([row]);
      lists.append([null, []]);
    }
  };
  append(19_999);
  expect(await countOf('appended')).toBe(0);
  append(2);
  expect([await countOf('appended'), await countOf('lists')]).toEqual([20_000, 20_000]);
  plain.close();
  lists.close();
  expect([await countOf('appended'), await countOf('lists')]).toEqual([20_001, 20_001]);
});

it('tells what the end of a table refuses', async () => {
  await db.run('CREATE OR REPLACE TABLE once (a BIGINT PRIMARY KEY)');
  const appender = await openAppender(db, 'once', ['BIGINT']);
  appender.append([1]);
  appender.append([1]);
  expect(() => appender.close()).toThrow(expect.objectContaining({ code: 'SQL_FAILED' }));
});
