import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createViews } from '../../src/catalog/lake-tables.ts';
import { type DuckDb, openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { parseSelect } from '../../src/sql/parse-select.ts';
import { selectSnapshot } from '../../src/catalog/table-view.ts';
import { writeDataFiles } from '../../src/duckdb/write-data-files.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { type DeltaStruct, deltaField } from '../../src/table/delta-schema.ts';
import { NONE } from '../../src/table/file-predicate.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { commitChange } from '../support/commit-change.ts';

const schema: DeltaStruct = {
  type: 'struct',
  fields: [
    deltaField('id', 'long'),
    deltaField('kind', 'string'),
    deltaField('name', 'string'),
    deltaField('score', 'double'),
    deltaField('price', 'decimal(6,2)'),
    deltaField('day', 'date'),
    deltaField('moment', 'timestamp'),
  ],
};

const BATCHES = ['t', 'u'].flatMap((table) =>
  Array.from({ length: 10 }, (_, batch) => [table, batch] as const),
);

let folder: string;
let store: ObjectStore;
let db: DuckDb;
let other: DuckDb;

/** Forty small files whose values overlap, with nulls, NaN, long texts and partitions that are null; `u` is the same as `t`. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  store = openStore(folder);
  db = await openDuckDb({ scratchDir: folder, threads: 1 });
  other = await openDuckDb({ scratchDir: folder, threads: 1 });
  for (const [table, batch] of BATCHES) {
    const added = await writeDataFiles(db, store, {
      query: `
        SELECT (${batch} * 7 + i)::BIGINT AS id,
               CASE (i + ${batch}) % 4 WHEN 0 THEN 'a b' WHEN 1 THEN 'ü%' WHEN 2 THEN 'z' END AS kind,
               CASE WHEN ${batch} = 3 THEN NULL ELSE chr((97 + ${batch} * 2 + i % 3)::INTEGER) || repeat('x', i * 20) END AS name,
               CASE WHEN i = 5 AND ${batch} % 3 = 0 THEN 'nan'::DOUBLE ELSE (${batch} - 5) * 1.5 + i / 7 END AS score,
               (${batch} * 3.33 + i)::DECIMAL(6,2) AS price,
               DATE '2020-01-01' + (${batch} * 10 + i)::INTEGER AS day,
               TIMESTAMPTZ '2020-01-01 00:00:00+00' + INTERVAL (${batch} * 1000 + i) MILLISECOND + INTERVAL (i) MICROSECOND AS moment
        FROM range(12) AS r(i)`,
      schema,
      partitionColumns: ['kind'],
      folder: `tables/${table}`,
      scratchDir: folder,
    });
    await commitChange(store, {
      folder: `tables/${table}`,
      base: await readSnapshot(store, `tables/${table}`),
      schema,
      partitionColumns: ['kind'],
      added,
      removed: [],
      reads: NONE,
      operation: 'WRITE',
      parameters: {},
      metrics: {},
      software: 'test',
    });
  }
  const whole = await readSnapshot(store, 'tables/t');
  if (whole === undefined) throw new Error('there is no table');
  await other.run(`CREATE TABLE t AS ${await selectSnapshot(other, store, whole)}`);
  await other.run('CREATE TABLE u AS FROM t');
});

afterAll(async () => {
  db[Symbol.dispose]();
  other[Symbol.dispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a query on the pruned table and on a copy that knows no files, and says how many files the first read. */
async function compareBoth(
  sql: string,
): Promise<{ readonly readCount: number; readonly fileCount: number; readonly rowCount: number }> {
  const parsed = await parseSelect(db, sql);
  const tables = await createViews(db, store, parsed);
  const text = `SELECT t::VARCHAR AS row FROM (${parsed.sql}\n) AS t ORDER BY ALL`;
  const unpruned = await other.rows(text);
  expect(await db.rows(text), sql).toEqual(unpruned);
  const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);
  return {
    readCount: sum(tables.map(({ readFiles }) => readFiles.length)),
    fileCount: sum(tables.map(({ snapshot }) => snapshot.files.length)),
    rowCount: unpruned.length,
  };
}

const literals: Readonly<Record<string, fc.Arbitrary<string>>> = {
  id: fc.oneof(
    fc.integer({ min: -2, max: 80 }).map(String),
    fc.constantFrom('3.5', '9007199254740993', '1e1'),
  ),
  kind: fc.constantFrom(`'a b'`, `'ü%'`, `'z'`, `''`, `'A'`, 'NULL'),
  name: fc.oneof(
    fc.constantFrom(`'a'`, `'c'`, `'k'`, `'zz'`, `'é'`, `''`),
    fc.integer({ min: 0, max: 60 }).map((count) => `'c${'x'.repeat(count)}'`),
  ),
  score: fc.oneof(
    fc.integer({ min: -60, max: 60 }).map((sevenths) => String(sevenths / 7)),
    fc.constantFrom(`'nan'`, `'inf'`),
  ),
  price: fc.oneof(
    fc.integer({ min: 0, max: 45 }).map(String),
    fc.constantFrom('3.33', '9.99', '33.300', '0.01', '1e300'),
  ),
  day: fc
    .integer({ min: 0, max: 130 })
    .map((days) => new Date(Date.UTC(2020, 0, 1 + days)).toISOString().slice(0, 10))
    .chain((day) => fc.constantFrom(`'${day}'`, `DATE '${day}'`, `TIMESTAMP '${day} 00:00:00'`)),
  moment: fc
    .tuple(fc.nat(9), fc.integer({ min: -2, max: 14 }))
    .map(([batch, ms]) => batch * 1000 + ms)
    .map((ms) => new Date(Date.UTC(2020, 0, 1) + ms).toISOString())
    .chain((time) =>
      fc.constantFrom(
        `'${time.replace('T', ' ').replace('Z', '')}'`,
        `TIMESTAMPTZ '${time.replace('Z', '003+00')}'`,
        `TIMESTAMP '${time.replace('Z', '')}'`,
        `DATE '2020-01-01'`,
      ),
    ),
};

const comparison = fc.constantFrom('=', '<>', '<', '<=', '>', '>=');

const leaf = fc.constantFrom(...Object.keys(literals)).chain((column) => {
  const literal = literals[column] ?? fc.constant('NULL');
  const textual = column === 'name' || column === 'kind';
  return fc.oneof(
    fc.tuple(comparison, literal).map(([sign, value]) => `${column} ${sign} ${value}`),
    fc.tuple(comparison, literal).map(([sign, value]) => `${value} ${sign} t.${column}`),
    fc.array(literal, { minLength: 1, maxLength: 3 }).map((list) => `${column} IN (${list.join(', ')})`),
    fc.array(literal, { minLength: 1, maxLength: 3 }).map((list) => `${column} NOT IN (${list.join(', ')})`),
    fc.tuple(literal, literal).map(([low, high]) => `${column} BETWEEN ${low} AND ${high}`),
    fc.constantFrom(`${column} IS NULL`, `${column} IS NOT NULL`, `${column} IS DISTINCT FROM NULL`),
    textual
      ? fc
          .constantFrom(`LIKE 'c%'`, `LIKE 'a_b'`, `NOT LIKE 'c%'`, `ILIKE 'C%'`, `LIKE '%x'`, `^@ 'cx'`)
          .map((end) => `${column} ${end}`)
      : fc.constant(`${column} IS NOT NULL`),
  );
});

const condition = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.tuple(tie('node'), fc.constantFrom('AND', 'OR'), tie('node')).map((parts) => `(${parts.join(' ')})`),
    tie('node').map((node) => `NOT (${node})`),
  ),
})).node;

describe('pruning', () => {
  test('property: never changes a result, whatever the condition', async () => {
    let prunedCount = 0;
    await fc.assert(
      fc.asyncProperty(condition, async (where) => {
        const { readCount, fileCount, rowCount } = await compareBoth(`SELECT * FROM t WHERE ${where}`);
        if (readCount < fileCount && rowCount > 0) prunedCount += 1;
      }),
      { seed: 7, numRuns: 200 },
    );
    // A pruning that never rules anything out would pass the comparison as well, and one of no rows has none to lose.
    expect(prunedCount).toBeGreaterThan(35);
  });

  test.each([
    'SELECT a.id, b.id FROM t a LEFT JOIN u b ON a.id = b.id AND b.id > 3 WHERE b.id IS NULL OR b.id < 9',
    'SELECT a.id, b.id FROM t a LEFT JOIN u b ON a.id = b.id + 1 WHERE b.name IS NULL',
    'SELECT a.id, b.id FROM t a RIGHT JOIN u b ON a.id = b.id + 60 WHERE a.id IS NULL',
    'SELECT a.id, b.id FROM t a FULL JOIN u b ON a.id = b.id + 60 WHERE a.id IS NULL AND b.id < 20',
    'SELECT a.id, (SELECT max(id) FROM t WHERE id < a.id) AS less FROM t a WHERE a.id = 20',
    'SELECT * FROM t WHERE id = 3 UNION ALL SELECT * FROM t WHERE id = 70',
    'WITH few AS (SELECT * FROM t WHERE id < 5) SELECT few.id, t.id FROM few, t WHERE t.id = 66',
    'SELECT id FROM t WHERE id > (SELECT avg(id) FROM t)',
    'SELECT id FROM t ANTI JOIN (SELECT id FROM t WHERE id > 5) USING (id)',
    "SELECT a.name FROM t AS a (id, name, kind) WHERE a.name = 'z'",
    'SELECT a.id, b.id FROM t a ASOF JOIN u b ON a.id >= b.id WHERE b.name IS NULL',
    'SELECT a.id, b.id FROM t a POSITIONAL JOIN u b WHERE b.id > 60',
    "SELECT id AS kind FROM t WHERE kind = 'z'",
    'SELECT count(*) FROM t TABLESAMPLE reservoir(60 ROWS) REPEATABLE (3) WHERE id > 60',
    'SELECT count(*) FROM t WHERE id > 60 USING SAMPLE reservoir(60 ROWS) REPEATABLE (3)',
    'SELECT count(*) FILTER (WHERE id = 3), count(*) FROM t',
    'SELECT id FROM t GROUP BY id HAVING id = 5',
    'SELECT id, row_number() OVER (ORDER BY id) AS n FROM t QUALIFY n = 5',
  ])('does not change the result of %s', async (sql) => {
    expect((await compareBoth(sql)).rowCount).toBeGreaterThan(0);
  });

  test.each<[string, number]>([
    [`SELECT * FROM t WHERE kind = 'z'`, 10],
    [`SELECT * FROM t WHERE kind IS NULL AND id < 7`, 1],
    [`SELECT * FROM t WHERE id = 71`, 4],
    [`SELECT x.id FROM t x JOIN range(3) r ON true WHERE x.id = 71`, 4],
    [`SELECT * FROM t WHERE day = DATE '2020-01-01'`, 1],
    [`SELECT * FROM t WHERE name LIKE 'a%' AND kind = 'z'`, 1],
    [`SELECT * FROM t WHERE kind LIKE 'a_b'`, 10],
  ])('leaves few files of 40 for %s', async (sql, readCount) => {
    expect(await compareBoth(sql)).toMatchObject({ readCount, fileCount: 40 });
  });
});
