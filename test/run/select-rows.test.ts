import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { DuckDb } from '../../src/duckdb/open-duckdb.ts';
import { findQueriedTable } from '../../src/catalog/find-table.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import { openSelection, type Selection, type SelectRows } from '../../src/run/select-rows.ts';
import { parseTableName } from '../../src/sql/table-reference.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { openTestDb, useLake } from '../support/run-in-process.ts';

const lake = useLake(2);

test.each([
  ['', 'SQL_EMPTY', 2],
  ['SELECT 1 AS id; SELECT 2 AS id', 'SQL_MULTIPLE_STATEMENTS', 2],
  ['DELETE FROM images', 'SQL_NOT_SELECT', 2],
  ['SELECT id FROM images WHERE', 'SQL_SYNTAX', 2],
  ['SELECT nothing FROM images', 'SQL_FAILED', 3],
  ['SELECT CAST(gender AS INTEGER) AS id FROM images', 'SQL_FAILED', 3],
  ['SELECT id FROM nowhere', 'TABLE_NOT_FOUND', 3],
  ['SELECT id FROM images WHERE id < 0', 'PLAN_EMPTY', 3],
  ['SELECT gender FROM images', 'PLAN_ID_MISSING', 3],
  ['SELECT id FROM images UNION ALL SELECT id FROM images', 'PLAN_ID_DUPLICATE', 3],
  ['SELECT NULL::BIGINT AS id FROM images', 'PLAN_ID_DUPLICATE', 3],
  ['SELECT 1 AS id', 'PLAN_SOURCE_MISSING', 3],
])('SQL that cannot be run is refused before anything is written: %s', async (sql, code, exitCode) => {
  await expect(lake.current.lakehouse.run({ name: 'refused', sql })).rejects.toMatchObject({
    code,
    exitCode,
  });
  expect(await readdir(join(lake.current.uri, 'runs')).catch(() => [])).not.toContain('refused');
});

describe('the rows of a run', () => {
  async function open(
    spec: Partial<RunSpec>,
    selectRows?: SelectRows,
  ): Promise<{ readonly db: DuckDb; readonly selection: Selection; readonly scratchDir: string }> {
    const db = await openTestDb();
    onTestFinished(() => db[Symbol.dispose]());
    const scratchDir = await makeTestFolder();
    const run = parseRunSpec({ name: 'r', sql: 'SELECT id, year FROM images', ...spec }, 'test');
    const selection = await openSelection(db, lake.current.store, run, scratchDir, selectRows);
    return { db, selection, scratchDir };
  }

  test('are those of its SQL on the newest snapshots, with their columns and tables', async () => {
    const { db, selection } = await open({ sql: 'SELECT id, year FROM images ORDER BY id;' });
    expect(await db.rows(selection.sql)).toEqual([
      { id: 1n, year: 2008 },
      { id: 2n, year: 2009 },
    ]);
    expect(selection.columns.map(({ name, type }) => `${name} ${type.toString()}`)).toEqual([
      'id BIGINT',
      'year INTEGER',
    ]);
    expect(selection.tables.map(({ reference }) => reference.name)).toEqual(['images']);
    expect(selection.source.reference.name).toBe('images');
    expect([selection.volatileBecause, selection.needsOneThread]).toEqual([[], false]);
  });

  /** Stands for the sandbox: writes a row, and knows what the SQL read. */
  const sandbox =
    (asked: string[], tree: unknown = {}): SelectRows =>
    async (sql, path) => {
      asked.push(sql, path);
      using db = await openTestDb();
      await db.run(`COPY (SELECT 7 AS id, 'x' AS word) TO ${quoteText(path)} (FORMAT parquet)`);
      return { tables: [await findQueriedTable(lake.current.store, parseTableName('images'))], tree };
    };

  test('are those that a sandbox gives where the SQL is untrusted', async () => {
    const asked: string[] = [];
    const { db, selection, scratchDir } = await open({ sql: 'SELECT anything' }, sandbox(asked));
    expect(asked).toEqual(['SELECT anything', join(scratchDir, 'selected.parquet')]);
    expect(await db.rows(selection.sql)).toEqual([{ id: 7, word: 'x' }]);
    expect(selection.columns.map(({ name }) => name)).toEqual(['id', 'word']);
    expect([selection.volatileBecause, selection.needsOneThread]).toEqual([[], false]);
  });

  test.each<[string, Partial<RunSpec>, readonly string[], boolean]>([
    ['random rows', { sql: 'SELECT id FROM images WHERE random() < 2' }, ['random()'], true],
    [
      'the first rows of no order',
      { limit: 1 },
      ['--limit uses the first rows, but the SQL has no ORDER BY id'],
      true,
    ],
    ['the first rows of an order', { sql: 'SELECT id FROM images ORDER BY id', limit: 1 }, [], false],
    ['a sum of numbers', { sql: 'SELECT id, sum(year / 3) AS n FROM images GROUP BY id' }, [], true],
    ['a count', { sql: 'SELECT id, count(*) AS n FROM images GROUP BY id' }, [], false],
  ])('are told to be the same each time or not: %s', async (_, spec, reasons, needsOneThread) => {
    const { selection } = await open(spec);
    expect(selection.volatileBecause).toHaveLength(reasons.length);
    for (const [index, reason] of reasons.entries())
      expect(selection.volatileBecause[index]).toContain(reason);
    expect(selection.needsOneThread).toBe(needsOneThread);
    expect.assertions(2 + reasons.length);
  });

  test('depend on the threads of the sandbox where it adds numbers', async () => {
    const { db } = await open({});
    const tree: unknown = JSON.parse(
      await db.serialize('SELECT id, sum(year / 3) AS n FROM images GROUP BY id'),
    );
    const { selection } = await open({ sql: 'SELECT anything' }, sandbox([], tree));
    expect(selection.volatileBecause).toEqual(['it adds numbers, whose order depends on threads']);
    expect(selection.needsOneThread).toBe(true);
  });

  test.each<[string, Partial<RunSpec>, string]>([
    ['has no id', { idColumn: 'key' }, 'PLAN_ID_MISSING'],
    ['has no box', { cropColumns: ['l', 't', 'w', 'h'] }, 'PLAN_CROP_INVALID'],
    [
      'has a box of no numbers',
      { sql: "SELECT id, 1 AS l, 1 AS t, 1 AS w, 'h' AS h FROM images", cropColumns: ['l', 't', 'w', 'h'] },
      'PLAN_CROP_INVALID',
    ],
    ['reads no table', { sql: 'SELECT 1 AS id' }, 'PLAN_SOURCE_MISSING'],
    ['cannot be bound', { sql: 'SELECT nothing FROM images' }, 'SQL_FAILED'],
  ])('are refused where the SQL %s', async (_, spec, code) => {
    await expect(open(spec)).rejects.toMatchObject({ code });
  });
});
