import { afterAll, beforeAll, expect, test } from 'vitest';
import { findVolatility, hasTotalOrder, VOLATILE_FUNCTIONS } from '../../src/sql/find-volatility.ts';
import { type DuckDb, openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { parseSelect } from '../../src/sql/parse-select.ts';
import { makeTestFolder } from '../support/pixlake.ts';

let db: DuckDb;
beforeAll(async () => {
  db = await openDuckDb({ scratchDir: '/nowhere' });
});
afterAll(() => db[Symbol.dispose]());

const reasonsOf = async (sql: string): Promise<readonly string[]> =>
  findVolatility((await parseSelect(db, sql)).tree, 'id').reasons;

test.each([
  'SELECT * FROM images',
  'SELECT DISTINCT id, gender FROM images',
  'SELECT id, count(*) AS n, max(year) FROM images JOIN other USING (id) GROUP BY id',
  'SELECT id, avg(price) FROM images GROUP BY id',
  'SELECT * FROM images ORDER BY year, id LIMIT 10',
  'SELECT * FROM images ORDER BY ALL LIMIT 10',
  'SELECT id, year FROM images ORDER BY 2, 1 LIMIT 10',
  'SELECT DISTINCT ON (gender) * FROM images ORDER BY gender, id',
  'SELECT id, list(tag ORDER BY tag) FROM tags GROUP BY id',
  'SELECT id, row_number() OVER (PARTITION BY gender ORDER BY year, images.id) FROM images',
  'SELECT id FROM images, range(3)',
  'SELECT id, sum(n) OVER (ORDER BY year) FROM images',
  'SELECT id, sum(n) OVER (ORDER BY year, id ROWS 1 PRECEDING) FROM images',
  'SELECT id, sum(n) OVER (ORDER BY year GROUPS 1 PRECEDING) FROM images',
  'SELECT id, rank() OVER (ORDER BY year) FROM images',
  "SELECT id, string_agg(tag, ',' ORDER BY tag) FROM tags GROUP BY id",
  'SELECT kind AS id, list(tag ORDER BY year, id) FROM tags GROUP BY kind',
  'SELECT id, list(tag) OVER (ORDER BY id) FROM tags',
  'SELECT id, age(born, died) FROM images',
  'SELECT id FROM images ORDER BY ID LIMIT 10',
  'SELECT kind AS id FROM images ORDER BY 1 LIMIT 10',
  '(SELECT id FROM images UNION SELECT id FROM others) ORDER BY id LIMIT 10',
  'SELECT i.id FROM images AS i WHERE i.user = 1 AND i.current_date = 2',
  'SELECT id FROM images, generate_series(1, 3), unnest([1])',
  'SELECT id, list_sort(list(tag)) FROM tags GROUP BY id',
  'SELECT id, list(tag ORDER BY id) OVER () FROM tags',
  "SELECT id, string_agg(tags.tag, ',' ORDER BY year, tags.tag) FROM tags GROUP BY id",
  'SELECT id, first_value(year) OVER (ORDER BY id) FROM images',
  'SELECT id, sum(n) OVER () FROM images',
])('the rows of %s follow from the snapshots', async (sql) => {
  expect(await reasonsOf(sql)).toEqual([]);
});

test.each([
  ['SELECT id FROM images WHERE random() < 0.5', 'it calls random()'],
  ['SELECT id, uuid() AS u FROM images', 'it calls uuid()'],
  ['SELECT id FROM images WHERE day < current_date', 'it uses current_date'],
  ["SELECT id FROM images WHERE day < now() - INTERVAL '1 day'", 'it calls now()'],
  ['SELECT id FROM images LIMIT 10', 'its LIMIT has no ORDER BY id'],
  ['SELECT id FROM images ORDER BY year LIMIT 10', 'its LIMIT has no ORDER BY id'],
  ['SELECT id FROM images LIMIT 10%', 'its LIMIT has no ORDER BY id'],
  ['SELECT * FROM (SELECT id FROM images LIMIT 5) ORDER BY id', 'its LIMIT has no ORDER BY id'],
  ['WITH few AS (SELECT id FROM images LIMIT 5) SELECT * FROM few', 'its LIMIT has no ORDER BY id'],
  ['SELECT id FROM images USING SAMPLE 10', 'it draws a sample'],
  ['SELECT id FROM images TABLESAMPLE 10%', 'it draws a sample'],
  ['SELECT DISTINCT ON (gender) id FROM images', 'its DISTINCT ON has no ORDER BY id'],
  ['SELECT id, any_value(tag) FROM tags GROUP BY id', 'any_value() has no ORDER BY'],
  ['SELECT id, list(tag) FROM tags GROUP BY id', 'list() has no ORDER BY'],
  ['SELECT id, row_number() OVER () AS n FROM images', 'row_number() has no ORDER BY id'],
  ['SELECT id, lag(year) OVER (ORDER BY year) FROM images', 'lag() has no ORDER BY id'],
  ['SELECT kind AS id, first(tag ORDER BY year) FROM tags GROUP BY kind', 'first() has no ORDER BY id'],
  [
    "SELECT kind AS id, string_agg(tag, ',' ORDER BY year) FROM tags GROUP BY kind",
    'string_agg() has no ORDER BY id',
  ],
  ['SELECT id, list(tag) OVER (ORDER BY year) FROM tags', 'list() has no ORDER BY'],
  ['SELECT id, sum(n) OVER (ORDER BY year ROWS 1 PRECEDING) FROM images', 'sum() has no ORDER BY id'],
  [
    'SELECT id, max(n) OVER (ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM images',
    'max() has no ORDER BY id',
  ],
  ['SELECT id FROM images POSITIONAL JOIN others', 'its POSITIONAL JOIN depends on the order of rows'],
  [
    'SELECT id FROM images ASOF JOIN others ON images.year >= others.year',
    'its ASOF JOIN depends on the order of rows',
  ],
  ['SELECT id, age(born) FROM images', 'it calls age()'],
  ["SELECT id, current_setting('threads') FROM images", 'it calls current_setting()'],
  ["SELECT id FROM read_csv('ids.csv')", 'it reads other data by read_csv()'],
  ['SELECT id FROM images ORDER BY 2 LIMIT 10', 'its LIMIT has no ORDER BY id'],
  ['SELECT year, id FROM images ORDER BY 1 LIMIT 10', 'its LIMIT has no ORDER BY id'],
  ["SELECT id FROM images ORDER BY 'id' LIMIT 10", 'its LIMIT has no ORDER BY id'],
  ['SELECT id FROM images ORDER BY id.year LIMIT 10', 'its LIMIT has no ORDER BY id'],
  ['SELECT id FROM images UNION SELECT id FROM others LIMIT 10', 'its LIMIT has no ORDER BY id'],
  ['SELECT id FROM images WHERE USER = 1', 'it uses USER'],
  ['SELECT id FROM images WHERE RANDOM() < 1', 'it calls random()'],
  ['SELECT id, list_sort(list_concat(list(tag), [1])) FROM tags GROUP BY id', 'list() has no ORDER BY'],
  [
    "SELECT id, string_agg(tag || 'x', ',' ORDER BY year || 'x') FROM tags GROUP BY id",
    'string_agg() has no ORDER BY id',
  ],
  [
    "SELECT id, string_agg(tags.tag, ',' ORDER BY others.tag) FROM tags, others GROUP BY id",
    'string_agg() has no ORDER BY id',
  ],
  [
    'SELECT id, max(n) OVER (ORDER BY year ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING) FROM images',
    'max() has no ORDER BY id',
  ],
  [
    'SELECT id, max(n) OVER (ORDER BY year ROWS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING) FROM images',
    'max() has no ORDER BY id',
  ],
])('%s is volatile, and why is said', async (sql, reason) => {
  expect(await reasonsOf(sql)).toEqual([reason]);
});

test('each reason is said once', async () => {
  expect(
    await reasonsOf('SELECT id, random() AS a, random() AS b FROM images TABLESAMPLE 10% LIMIT 5'),
  ).toEqual(['its LIMIT has no ORDER BY id', 'it calls random()', 'it draws a sample']);
});

test('every function that DuckDB calls volatile is known', async () => {
  const folder = await makeTestFolder();
  using fresh = await openDuckDb({ scratchDir: folder });
  const rows = await fresh.rows<{ name: string }>(
    "SELECT DISTINCT function_name AS name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'",
  );
  expect(rows.length).toBeGreaterThan(10);
  expect(rows.map(({ name }) => name).filter((name) => !VOLATILE_FUNCTIONS.has(name))).toEqual([]);
});

test('sums are told apart, since threads add floats in any order', async () => {
  const addsNumbers = async (sql: string): Promise<boolean> =>
    findVolatility((await parseSelect(db, sql)).tree, 'id').addsNumbers;
  expect(await addsNumbers('SELECT id, avg(price) FROM images GROUP BY id')).toBe(true);
  expect(await addsNumbers('SELECT id, sum(price) OVER () FROM images')).toBe(true);
  expect(await addsNumbers('SELECT id, max(year) FROM images GROUP BY id HAVING SUM(price) > 1')).toBe(true);
  expect(await addsNumbers('SELECT id, max(price) FROM images GROUP BY id')).toBe(false);
});

test('an outer ORDER BY that holds the id is a total order', async () => {
  const isTotal = async (sql: string): Promise<boolean> =>
    hasTotalOrder((await parseSelect(db, sql)).tree, 'id');
  expect(await isTotal('SELECT * FROM images ORDER BY year, id')).toBe(true);
  expect(await isTotal('SELECT * FROM images ORDER BY year')).toBe(false);
  expect(await isTotal('SELECT * FROM images')).toBe(false);
  expect(await isTotal('FROM (SELECT * FROM images ORDER BY id)')).toBe(false);
  expect([undefined, null, {}].map((tree) => hasTotalOrder(tree, 'id'))).toEqual([false, false, false]);
});
