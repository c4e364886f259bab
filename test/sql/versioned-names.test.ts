import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DuckDb, openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { parseSelect } from '../../src/sql/parse-select.ts';
import { collectTableNodes, quoteVersionedNames, splitVersion } from '../../src/sql/versioned-names.ts';

let db: DuckDb;
beforeAll(async () => {
  db = await openDuckDb({ scratchDir: '/nowhere', threads: 1 });
});
afterAll(() => db[Symbol.dispose]());

test('a name and its version are split at the last @', () => {
  expect(splitVersion('images')).toEqual({ text: 'images' });
  expect(splitVersion('images@v3')).toEqual({ text: 'images', asOf: { kind: 'version', version: 3 } });
  expect(splitVersion('a@v1@v2')).toEqual({ text: 'a@v1', asOf: { kind: 'version', version: 2 } });
  expect(splitVersion('@1970-01-01T00:00:00Z')).toEqual({ text: '', asOf: { kind: 'time', timeMs: 0 } });
  expect(() => splitVersion('images@x')).toThrow(expect.objectContaining({ code: 'ARGUMENT_INVALID' }));
});

test.each([
  ['FROM t@v1', 'FROM "t@v1"'],
  ['FROM T@V12;', 'FROM "T@v12";'],
  ['FROM "a ""b"""@v2 x', 'FROM "a ""b""@v2" x'],
  ['FROM runs.crops@v0, t', 'FROM runs."crops@v0", t'],
  // Not the name of a table and its version.
  ['FROM t @v1', 'FROM t @v1'],
  ['FROM t@ v1', 'FROM t@ v1'],
  ['FROM t@x1', 'FROM t@x1'],
  ['FROM t@v1x', 'FROM t@v1x'],
  ['FROM t@xv1', 'FROM t@xv1'],
  ['FROM t@v', 'FROM t@v'],
  ['SELECT 1, @v1', 'SELECT 1, @v1'],
  ['SELECT (@v1)', 'SELECT (@v1)'],
  ['FROM t#v1', 'FROM t#v1'],
  [`SELECT 'a'@v1`, `SELECT 'a'@v1`],
  [`SELECT 't@v1' -- t@v1`, `SELECT 't@v1' -- t@v1`],
])('%s is read as %s', (sql, quoted) => {
  expect(quoteVersionedNames(sql)).toBe(quoted);
});

test('the tables of a tree come in the order of the text', () => {
  const table = (name: string, at: number): object => ({
    type: 'BASE_TABLE',
    table_name: name,
    query_location: at,
  });
  const tree = { from: [table('c', 30), { type: 'JOIN', left: table('a', 9) }], other: table('b', 10) };
  expect(collectTableNodes(tree).map(({ table_name: name }) => name)).toEqual(['a', 'b', 'c']);
  expect(collectTableNodes(null)).toEqual([]);
});

const sqlOf = async (sql: string): Promise<string> => (await parseSelect(db, sql)).sql;

describe('a version is replaced by the schema of its view', () => {
  test.each([
    ['FROM t@v1', 'FROM "@v1"."t"'],
    ['FROM t@v1 AS x, t', 'FROM "@v1"."t" AS x, t'],
    ['FROM runs.crops@v2', 'FROM "runs@v2"."crops"'],
    ['FROM runs . /* here */ "crops"@v2 x', 'FROM "runs@v2"."crops" x'],
    ['FROM t AT (VERSION => 3)', 'FROM "@v3"."t" '],
    ['FROM t at(version=>3) WHERE "at" > 1', 'FROM "@v3"."t"  WHERE "at" > 1'],
    ['FROM t AT (VERSION => 3) JOIN u USING (id)', 'FROM "@v3"."t"  JOIN u USING (id)'],
    ['FROM t AS x AT (VERSION => 3), (SELECT 1)', 'FROM "@v3"."t" AS x , (SELECT 1)'],
    [
      `FROM t AT (TIMESTAMP => '1970-01-02'), u AT (VERSION => 1)`,
      'FROM "@1970-01-02T00:00:00.000Z"."t" , "@v1"."u" ',
    ],
    [`FROM t AT (TIMESTAMP => CAST('1970-01-02' AS TIMESTAMP))`, 'FROM "@1970-01-02T00:00:00.000Z"."t" '],
    [`SELECT 'é😀' FROM t@v1`, `SELECT 'é😀' FROM "@v1"."t"`],
    ['FROM t@v1 UNION ALL FROM t@v1', 'FROM "@v1"."t" UNION ALL FROM "@v1"."t"'],
  ])('%s: %s', async (sql, resolved) => {
    expect(await sqlOf(sql)).toBe(resolved);
  });

  test('and the tables of the query say which', async () => {
    const { tables } = await parseSelect(db, 'FROM t@v1, runs.crops AT (VERSION => 2), u');
    expect(tables.map(({ reference, viewName }) => ({ ...reference, viewName }))).toEqual([
      { schema: '', name: 't', asOf: { kind: 'version', version: 1 }, viewName: ['@v1', 't'] },
      {
        schema: 'runs',
        name: 'crops',
        asOf: { kind: 'version', version: 2 },
        viewName: ['runs@v2', 'crops'],
      },
      { schema: '', name: 'u', viewName: ['', 'u'] },
    ]);
  });

  test.each([
    'FROM t AT (VERSION => 1 + 1)',
    `FROM t AT (VERSION => '1')`,
    'FROM t AT (TIMESTAMP => 1)',
    'FROM t AT (TIMESTAMP => now())',
    'FROM t@v1 AT (TIMESTAMP => now())',
  ])('which has to be a constant: not %s', async (sql) => {
    await expect(sqlOf(sql)).rejects.toMatchObject({ code: 'SQL_SYNTAX' });
  });
});
