import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunningQuery } from '../../src/catalog/query-lake.ts';
import { openLakehouse } from '../../src/index.ts';
import { QueryResult } from '../../src/lakehouse/query-result.ts';
import { makeTestFolder } from '../support/pixlake.ts';

async function openEmptyLake(): Promise<ReturnType<typeof openLakehouse>> {
  const lakehouse = openLakehouse({ lake: join(await makeTestFolder(), 'lake') });
  // Attaching makes the lake.
  await lakehouse.tables.attach('none', await makeTestFolder()).catch(() => undefined);
  return lakehouse;
}

test.each<[sql: string, value: unknown]>([
  ['NULL', null],
  ['true', true],
  ['count(*)', 1],
  ['9007199254740991::BIGINT', 9_007_199_254_740_991],
  ['9007199254740993::BIGINT', 9_007_199_254_740_993n],
  ['-9007199254740993::HUGEINT', -9_007_199_254_740_993n],
  ['sum(3)', 3],
  ['1.25::DECIMAL(5, 2)', 1.25],
  ["'nan'::DOUBLE", Number.NaN],
  ["'inf'::FLOAT", Number.POSITIVE_INFINITY],
  ['0.1::FLOAT', 0.1],
  [String.raw`'\x00\xFF'::BLOB`, Uint8Array.of(0, 255)],
  ["DATE '2024-02-29'", '2024-02-29'],
  ["TIMESTAMPTZ '2024-02-29 12:30:00.000001+02'", '2024-02-29T10:30:00.000001Z'],
  ['[1, 2, NULL]', [1, 2, null]],
  ["{'a': 1, 'b': [9007199254740993]}", { a: 1, b: [9_007_199_254_740_993n] }],
  ["map {'x': 1}", { x: 1 }],
  ["map {{'x': 9007199254740993}: 1}", { '{"x":"9007199254740993"}': 1 }],
])('%s is a plain value', async (sql, value) => {
  const lakehouse = await openEmptyLake();
  await using result = await lakehouse.query(`SELECT ${sql} AS value`);
  expect(result.columns.map(({ name }) => name)).toEqual(['value']);
  const [row] = await result.toArray();
  // A Buffer would equal no Uint8Array.
  expect(row).toEqual({ value });
});

test('rows stream as objects, and columns tell their SQL type', async () => {
  const lakehouse = await openEmptyLake();
  await using result = await lakehouse.query('SELECT i AS id, i % 2 = 0 AS even FROM range(5000) t(i)');
  expect(result.columns).toEqual([
    { name: 'id', type: 'BIGINT' },
    { name: 'even', type: 'BOOLEAN' },
  ]);
  let next = 0;
  for await (const row of result.rows()) {
    expect(row).toEqual({ id: next, even: next % 2 === 0 });
    next += 1;
  }
  expect(next).toBe(5000);
});

test('a result is encoded in the formats of the command line', async () => {
  const lakehouse = await openEmptyLake();
  await using result = await lakehouse.query('SELECT 1 AS a');
  const pieces: string[] = [];
  for await (const piece of result.encode('csv')) pieces.push(String(piece));
  expect(pieces.join('')).toBe('a\n1\n');
});

test('a result that is disposed ends its query, and waits for that', async () => {
  const order: string[] = [];
  const query = {
    tables: [],
    batches: { columns: [] },
    async [Symbol.asyncDispose]() {
      await new Promise(setImmediate);
      order.push('ended');
    },
  };
  await new QueryResult(query as unknown as RunningQuery)[Symbol.asyncDispose]();
  expect(order).toEqual(['ended']);
});
