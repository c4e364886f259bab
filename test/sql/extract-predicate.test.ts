import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DuckDb, openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { parseSelect } from '../../src/sql/parse-select.ts';
import type { Comparison, FilePredicate, Literal } from '../../src/table/file-predicate.ts';

let db: DuckDb;
beforeAll(async () => {
  db = await openDuckDb({ scratchDir: '/nowhere', threads: 1 });
});
afterAll(() => db[Symbol.dispose]());

const any: FilePredicate = { kind: 'any' };
const and = (...parts: FilePredicate[]): FilePredicate => ({ kind: 'and', parts });
const or = (...parts: FilePredicate[]): FilePredicate => ({ kind: 'or', parts });
const starts = (column: string, prefix: string): FilePredicate => ({ kind: 'startsWith', column, prefix });

const toLiteral = (value: number | string | boolean | Literal): Literal => {
  if (typeof value === 'object') return value;
  if (typeof value === 'number') return { kind: 'number', value };
  return typeof value === 'string' ? { kind: 'string', value } : { kind: 'boolean', value };
};

const is = (
  column: string,
  comparison: Comparison,
  value: number | string | boolean | Literal,
): FilePredicate => ({ kind: 'compare', column, comparison, literal: toLiteral(value) });

/** Predicates of the tables of a query, by their names. */
async function predicatesOf(sql: string): Promise<Record<string, FilePredicate>> {
  const { tables } = await parseSelect(db, sql);
  return Object.fromEntries(tables.map(({ reference, predicate }) => [reference.name, predicate]));
}

describe('of the one table of a query, files are skipped by', () => {
  test.each<[string, FilePredicate]>([
    ['x = 1', is('x', '=', 1)],
    ['x <> 1', is('x', '<>', 1)],
    ['x < 1', is('x', '<', 1)],
    ['x <= 1', is('x', '<=', 1)],
    ['x > 1', is('x', '>', 1)],
    ['x >= 1', is('x', '>=', 1)],
    ['1 = x', is('x', '=', 1)],
    ['1 <> x', is('x', '<>', 1)],
    ['1 < x', is('x', '>', 1)],
    ['1 <= x', is('x', '>=', 1)],
    ['1 > x', is('x', '<', 1)],
    ['1 >= x', is('x', '<=', 1)],
    ['t.x = 1', is('x', '=', 1)],
    ['T.X = 1', is('X', '=', 1)],
    ['x = 1.25', is('x', '=', 1.25)],
    ['x = 1e3', is('x', '=', 1000)],
    ['x = 3000000000', is('x', '=', 3_000_000_000)],
    [`x = 'it''s'`, is('x', '=', "it's")],
    ['x = true', is('x', '=', true)],
    ['x = false', is('x', '=', false)],
    [`x = DATE '2020-01-31'`, is('x', '=', { kind: 'date', value: '2020-01-31' })],
    [`x > TIMESTAMP '1970-01-02'`, is('x', '>', { kind: 'timestamp', value: 86_400_000 })],
    [`x > TIMESTAMPTZ '1970-01-01 00:00:01Z'`, is('x', '>', { kind: 'timestamp', value: 1000 })],
    ['x BETWEEN 1 AND 2', and(is('x', '>=', 1), is('x', '<=', 2))],
    ['x BETWEEN 1 AND y', and(is('x', '>=', 1), any)],
    ['x IN (1, 2)', or(is('x', '=', 1), is('x', '=', 2))],
    [`x IN ('a')`, or(is('x', '=', 'a'))],
    ['x IN (1, y)', or(is('x', '=', 1), any)],
    ['x IS NULL', { kind: 'isNull', column: 'x' }],
    ['x IS NOT NULL', { kind: 'isNotNull', column: 'x' }],
    ['x + 1 IS NULL', any],
    [`x LIKE 'ab%'`, starts('x', 'ab')],
    [`x LIKE 'a_b%'`, starts('x', 'a')],
    [`x LIKE 'ab%c\nd%'`, starts('x', 'ab')],
    [`x LIKE '%b'`, starts('x', '')],
    [`prefix(x, 'a%')`, starts('x', 'a%')],
    [`starts_with(x, 'a_')`, starts('x', 'a_')],
    [`x ^@ 'ab'`, starts('x', 'ab')],
    ['x = 1 AND y = 2 AND f(z)', and(is('x', '=', 1), is('y', '=', 2), any)],
    ['x = 1 OR y = 2', or(is('x', '=', 1), is('y', '=', 2))],
    ['x = 1 AND (y = 2 OR z = 3)', and(is('x', '=', 1), or(is('y', '=', 2), is('z', '=', 3)))],
    // What statistics do not answer.
    ['NOT (x = 1)', is('x', '<>', 1)],
    ['NOT (x = 1 AND y = 2)', any],
    ['x NOT IN (1, 2)', any],
    ['x = y', any],
    ['1 = 1', any],
    ['x = NULL', any],
    ['x + 1 = 2', any],
    ['f(x) = 2', any],
    ['u.x = 1', any],
    ['t.x.y = 1', any],
    ['x', any],
    ['x = 170141183460469231731687303715884105727', any],
    [`x LIKE y`, any],
    [`'ab' LIKE x`, any],
    ['x LIKE 1', any],
    [`x NOT LIKE 'a%'`, any],
    [`x ILIKE 'a%'`, any],
    [`suffix(x, 'a')`, any],
    [`contains(x, 'a')`, any],
    [`x = DATE 'yesterday'`, any],
    [`x = DATE '12020-01-01'`, any],
    [`x = DATE '2020-01-011'`, any],
    [`x = TIMESTAMP 'noon'`, any],
    [`x = TIME '12:00:00'`, any],
    [`x = CAST('yes' AS BOOLEAN)`, any],
    [`x = CAST('t' AS VARCHAR)`, any],
    ['x = CAST(1 AS DATE)', any],
    ['x = CAST(y AS DATE)', any],
    [`x IS DISTINCT FROM 1`, any],
  ])('%s', async (where, predicate) => {
    expect(await predicatesOf(`FROM t WHERE ${where}`)).toEqual({ t: predicate });
  });
});

describe('of the tables of a query, files are skipped', () => {
  const one = is('x', '=', 1);

  test.each<[string, Record<string, FilePredicate>]>([
    ['SELECT t.x FROM t, u WHERE t.x = 1', { t: one, u: any }],
    ['SELECT 1 FROM t, u WHERE x = 1', { t: any, u: any }],
    ['SELECT 1 FROM t JOIN u USING (y) WHERE t.x = 1 AND u.x = 1', { t: and(one, any), u: and(any, one) }],
    ['SELECT 1 FROM t CROSS JOIN u WHERE u.x = 1', { t: any, u: one }],
    ['SELECT 1 FROM t NATURAL JOIN u WHERE u.x = 1', { t: any, u: one }],
    [
      'SELECT 1 FROM t AS a JOIN u AS B USING (y) WHERE a.x = 1 AND b.x = 1',
      { t: and(one, any), u: and(any, one) },
    ],
    ['SELECT 1 FROM t AS a, u WHERE t.x = 1', { t: any, u: any }],
    ['SELECT 1 FROM t, (SELECT 1 AS x) AS s WHERE t.x = 1', { t: one }],
    ['SELECT 1 FROM (FROM t WHERE x = 1) AS s, u WHERE u.x = 1', { t: one, u: one }],
    ['SELECT 1 FROM t WHERE x = 1 AND y IN (SELECT y FROM u WHERE x = 1)', { t: and(one, any), u: one }],
    // The side of an outer join that is filled with nulls keeps all its rows.
    ['SELECT 1 FROM t LEFT JOIN u USING (y) WHERE t.x = 1 AND u.x = 1', { t: and(one, any), u: any }],
    ['SELECT 1 FROM t RIGHT JOIN u USING (y) WHERE t.x = 1 AND u.x = 1', { t: any, u: any }],
    ['SELECT 1 FROM t FULL JOIN u USING (y) WHERE t.x = 1 AND u.x = 1', { t: any, u: any }],
    ['SELECT 1 FROM t SEMI JOIN u USING (y) WHERE t.x = 1', { t: any, u: any }],
    [
      'SELECT 1 FROM (t JOIN u USING (y)) LEFT JOIN v USING (y) WHERE t.x = 1 AND u.x = 1 AND v.x = 1',
      {
        t: and(one, any, any),
        u: and(any, one, any),
        v: any,
      },
    ],
    [
      'SELECT 1 FROM v LEFT JOIN (t JOIN u USING (y)) ON true WHERE t.x = 1 AND u.x = 1',
      {
        v: and(any, any),
        t: any,
        u: any,
      },
    ],
    // Rows that are missing would give others other partners.
    ['SELECT 1 FROM t POSITIONAL JOIN u WHERE t.x = 1', { t: any, u: any }],
    ['SELECT 1 FROM t ASOF JOIN u ON t.y >= u.y WHERE t.x = 1', { t: any, u: any }],
    // Names that are not those of the columns, or that two tables have.
    ['SELECT 1 FROM t AS t (x, y) WHERE x = 1', { t: any }],
    ['SELECT 1 FROM t, runs.t WHERE t.x = 1', { t: any }],
    ['SELECT 1 FROM t, u AS t WHERE t.x = 1', { t: any, u: any }],
    // Samples are drawn from all rows.
    ['FROM t TABLESAMPLE 10% WHERE x = 1', { t: any }],
    ['FROM t WHERE x = 1 USING SAMPLE 10%', { t: any }],
    ['FROM t', { t: any }],
    // A table that is read twice needs what either reading needs.
    ['(FROM t WHERE x = 1) UNION (FROM T WHERE x = 1)', { t: or(one, one) }],
  ])('%s', async (sql, predicates) => {
    expect(await predicatesOf(sql)).toEqual(predicates);
  });
});
