import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DuckDb, openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { guardSelect, guardText, splitExplain } from '../../src/sql/guard-select.ts';
import { parseSelect } from '../../src/sql/parse-select.ts';

let db: DuckDb;
beforeAll(async () => {
  db = await openDuckDb({ scratchDir: '/nowhere', threads: 1 });
});
afterAll(() => db[Symbol.dispose]());

const refused = expect.objectContaining({ code: 'SQL_REFUSED', remedy: expect.stringContaining('SELECT') });

describe('a text is refused that has', () => {
  test.each<[string, string, string]>([
    ['too many bytes', 'é', 'é'.repeat(8 * 1024)],
    ['too many comments of a line', '--', '--\n'.repeat(100)],
    ['too many comments of a block', '/*', '/**/'.repeat(50) + '--\n'.repeat(50)],
  ])('%s, by one', (_what, piece, allowed) => {
    expect(guardText(allowed)).toBeUndefined();
    expect(() => guardText(allowed + piece)).toThrow(refused);
  });

  test('half a character', () => {
    expect(guardText("SELECT '😀'")).toBeUndefined();
    expect(() => guardText("SELECT '\ud83d'")).toThrow(refused);
  });
});

describe('EXPLAIN', () => {
  test.each([
    ['SELECT 1', false, 'SELECT 1'],
    ['EXPLAIN SELECT 1', true, 'SELECT 1'],
    [' /* a */ explain\n-- b\nFROM t', true, 'FROM t'],
    ['EXPLAIN EXPLAIN SELECT 1', true, 'EXPLAIN SELECT 1'],
    ['EXPLAINS', false, 'EXPLAINS'],
    ['"explain" SELECT 1', false, '"explain" SELECT 1'],
    ['SELECT explain', false, 'SELECT explain'],
    ['(SELECT 1)', false, '(SELECT 1)'],
    ['analyze t', false, 'analyze t'],
    ['EXPLAIN', true, 'EXPLAIN'],
    ['EXPLAIN reanalyze', true, 'reanalyze'],
    ['', false, ''],
  ])('%j: %j, and the rest is %j', (text, isExplained, sql) => {
    expect(splitExplain(text)).toEqual({ isExplained, sql });
  });

  test.each(['EXPLAIN ANALYZE SELECT 1', 'explain analyse SELECT 1', 'EXPLAIN (FORMAT json) SELECT 1'])(
    '%s is refused',
    (sql) => {
      expect(() => splitExplain(sql)).toThrow(refused);
    },
  );

  test('of a text that is too long is not looked for far into it', () => {
    expect(splitExplain(`${' '.repeat(16 * 1024)}EXPLAIN SELECT 1`).isExplained).toBe(false);
  });
});

const guard = async (sql: string): Promise<unknown> => parseSelect(db, sql, guardSelect);

describe('untrusted SQL may contain', () => {
  test.each([
    'SELECT 1',
    'FROM images',
    'FROM runs.crops JOIN errors.crops USING (id)',
    'FROM RUNS.crops',
    'FROM images@v3, runs.crops@v2',
    `FROM images AT (TIMESTAMP => '2020-01-01')`,
    'WITH a AS (FROM t), "b c-1" AS (FROM a) FROM "b c-1"',
    'WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r WHERE x < 3) FROM r',
    'FROM t UNION ALL FROM u EXCEPT FROM v',
    'SELECT DISTINCT ON (x) x, y FROM t ORDER BY x LIMIT 3 OFFSET 1',
    'SELECT x FROM t LIMIT 10%',
    'SELECT x FROM t ORDER BY ALL',
    'SELECT COLUMNS(*) FROM t',
    'SELECT * EXCLUDE (x) FROM t',
    'SELECT #1 FROM t',
    'SELECT x COLLATE NOCASE FROM t',
    'SELECT CASE WHEN x BETWEEN 1 AND 2 THEN 1 END FROM t',
    'SELECT list_transform([1], lambda x: x + 1)',
    'SELECT CAST(x AS DECIMAL(5,2)), x::VARCHAR[], x::INTEGER[3], x::STRUCT(a INTEGER) FROM t',
    `SELECT 'a'::ENUM('a', 'b')`,
    'SELECT sum(x) OVER (PARTITION BY y ORDER BY z ROWS 1 PRECEDING) FROM t',
    'SELECT Count(*), MAX(x) FROM t',
    'SELECT main.lower(x) FROM t',
    'SELECT $year',
    'SELECT ?1',
    'SELECT * FROM range(3), unnest([1]), generate_series(1, 2)',
    'SELECT user_name, t.user, t.current_user FROM t',
    'SELECT EXISTS (FROM t), (SELECT 1), x IN (FROM t) FROM t',
    'VALUES (1), (2)',
    'DESCRIBE t',
    'SUMMARIZE t',
    'DESCRIBE SELECT 1',
    'PIVOT t ON x IN (1) USING sum(y)',
    'UNPIVOT t ON x, y',
    'FROM t TABLESAMPLE 10%',
  ])('%s', async (sql) => {
    await expect(guard(sql)).resolves.toHaveProperty('tree');
  });
});

describe('untrusted SQL is refused for', () => {
  test.each<[string, string]>([
    [`FROM read_csv('/etc/passwd')`, 'the function read_csv is not allowed'],
    [`FROM READ_CSV('/etc/passwd')`, 'the function read_csv is not allowed'],
    [`FROM glob('*')`, 'the function glob is not allowed'],
    ['FROM duckdb_settings()', 'the function duckdb_settings is not allowed'],
    [`FROM range((SELECT size FROM read_text('x')))`, 'the function read_text is not allowed'],
    [`FROM range(getenv('HOME')::INT)`, 'the function getenv is not allowed'],
    [`SELECT getenv('HOME')`, 'the function getenv is not allowed'],
    [`SELECT lower(getenv('HOME'))`, 'the function getenv is not allowed'],
    [`SELECT [1, getenv('HOME')]`, 'the function getenv is not allowed'],
    [`SELECT x FROM t ORDER BY getenv('HOME')`, 'the function getenv is not allowed'],
    [`WITH a AS (SELECT getenv('HOME')) FROM a`, 'the function getenv is not allowed'],
    [`SELECT sum(x) OVER (ORDER BY getenv('HOME')) FROM t`, 'the function getenv is not allowed'],
    [`SELECT nth_value_of(x) OVER () FROM t`, 'the function nth_value_of is not allowed'],
    ['SELECT system.main.lower(x) FROM t', 'the function lower is not allowed'],
    ['SELECT other.lower(x) FROM t', 'the function lower is not allowed'],
    ['FROM other.range(3)', 'the function range is not allowed'],
    ['SELECT range FROM lower(1)', 'the function lower is not allowed'],
    ['SELECT current_user', 'current_user is not allowed'],
    ['SELECT USER', 'user is not allowed'],
    ['SELECT x FROM t WHERE current_database = 1', 'current_database is not allowed'],
    ['FROM other.main.t', 'the catalog other is not allowed'],
    ['FROM main.t', 'the schema main is not allowed'],
    ['FROM information_schema.tables', 'the schema information_schema is not allowed'],
    ['FROM other.t@v1', 'the schema other is not allowed'],
    ['SELECT x::other.mood FROM t', 'types with a schema are not allowed'],
    [`WITH "x.csv" AS (SELECT 1) FROM t`, 'a WITH clause may not be named "x.csv"'],
    [`WITH "/x" AS (SELECT 1) FROM t`, 'a WITH clause may not be named "/x"'],
    ['WITH duckdb_x AS (SELECT 1) FROM t', 'a WITH clause may not be named "duckdb_x"'],
    ['WITH PG_x AS (SELECT 1) FROM t', 'a WITH clause may not be named "PG_x"'],
    ['FROM (WITH pragma_x AS (SELECT 1) FROM t)', 'a WITH clause may not be named "pragma_x"'],
    ['WITH a AS (SELECT 1), sqlite_x AS (SELECT 1) FROM t', 'a WITH clause may not be named "sqlite_x"'],
    ['SHOW TABLES', 'SHOW is not allowed; use DESCRIBE with a table'],
    ['SELECT x FROM (SHOW TABLES)', 'SHOW is not allowed; use DESCRIBE with a table'],
  ])('%s: %s', async (sql, message) => {
    const refusal: unknown = await guard(sql).catch((error: unknown) => error);
    expect(refusal).toEqual(refused);
    expect(String(refusal).toLowerCase()).toContain(message.toLowerCase());
  });

  test.each([
    ['a kind of node that it does not know', { type: 'NEW_NODE' }, 'NEW_NODE is not allowed'],
    [
      'a modifier that it does not know',
      { modifiers: [{ type: 'NEW_MODIFIER' }] },
      'NEW_MODIFIER is not allowed',
    ],
    ['a class of expressions that it does not know', { class: 'NEW', type: 'X' }, 'NEW is not allowed'],
    [
      'a type of another catalog',
      { type: 'UNBOUND_TYPE_INFO', catalog: 'x' },
      'types with a schema are not allowed',
    ],
    [
      'a function of another catalog',
      { class: 'FUNCTION', function_name: 'lower', schema: '', catalog: 'x' },
      'the function lower is not allowed',
    ],
  ])('%s', (_what, node, message) => {
    expect(() => guardSelect({ node: [node] })).toThrow(message);
  });

  test.each<[string, number, (count: number) => string]>([
    ['sources', 7, (count) => `${'FROM ('.repeat(count)}FROM t${')'.repeat(count)}`],
    ['values', 7, (count) => `SELECT ${'(SELECT '.repeat(count)}1${')'.repeat(count)}`],
    ['WITH clauses', 7, (count) => `${'WITH a AS ('.repeat(count)}SELECT 1${') SELECT 1'.repeat(count)}`],
  ])('queries in %s in one another, by one more than %i', async (_what, count, sqlOf) => {
    await expect(guard(sqlOf(count))).resolves.toHaveProperty('tree');
    await expect(guard(sqlOf(count + 1))).rejects.toEqual(refused);
  });

  const nestedIn = (count: number, wrap: (inner: unknown) => unknown): unknown =>
    Array.from({ length: count }).reduce<unknown>((inner) => wrap(inner), []);

  test.each<[string, number, (inner: unknown) => unknown]>([
    ['lists', 200, (inner) => [inner]],
    ['nodes', 200, (inner) => ({ inner })],
    [
      'table functions',
      100,
      (inner) => ({ type: 'TABLE_FUNCTION', function: { function_name: 'range', schema: '', inner } }),
    ],
    ['expressions with a query', 8, (inner) => ({ class: 'SUBQUERY', inner })],
    ['sources with a query', 8, (inner) => ({ type: 'SUBQUERY', inner })],
    ['WITH clauses', 8, (inner) => ({ cte_map: { inner } })],
  ])('%s in one another, by one more than %i', (_what, count, wrap) => {
    expect(guardSelect(nestedIn(count, wrap))).toBeUndefined();
    expect(() => guardSelect(nestedIn(count + 1, wrap))).toThrow(refused);
  });

  test.each([
    ['types of values', { id: 'NEW_TYPE', type: 'NEW_TYPE' }],
    ['the order of terms', { type: 'DESCENDING', null_order: 'NULLS_LAST' }],
    ['constants', { class: 'CONSTANT', value: { type: 'NEW_NODE' } }],
    ['names of functions without a schema', { class: 'FUNCTION', function_name: 'LOWER', schema: '' }],
  ])('none of %s', (_what, node) => {
    expect(guardSelect({ node: [node] })).toBeUndefined();
  });
});
