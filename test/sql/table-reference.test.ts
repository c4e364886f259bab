import { describe, expect, test } from 'vitest';
import { isRunSchema, parseTableName, sqlNameOf } from '../../src/sql/table-reference.ts';

test.each([
  ['images', '', 'images'],
  ['runs.men', 'runs', 'men'],
  ['runs."men-shoes"', 'runs', 'men-shoes'],
  ['errors.men.v2', 'errors', 'men.v2'],
  ['"my table"', '', 'my table'],
  ['men.shoes', '', 'men.shoes'],
  ['runs', '', 'runs'],
  ['errors', '', 'errors'],
  ['', '', ''],
])('on a command line, %j is a table of the schema %j', (text, schema, name) => {
  expect(parseTableName(text)).toEqual({ schema, name });
});

test('runs and errors are the schemas of runs', () => {
  expect(['runs', 'errors', 'main', '', 'RUNS'].map(isRunSchema)).toEqual([true, true, false, false, false]);
});

describe('the name of a table in SQL', () => {
  test.each([
    ['images', 'images'],
    ['_x9', '_x9'],
    ['Men_Shoes', 'Men_Shoes'],
    ['9x', '"9x"'],
    ['men-shoes', '"men-shoes"'],
    ['men shoes', '"men shoes"'],
    ['x.v2', '"x.v2"'],
    ['x"y', '"x""y"'],
    ['', '""'],
    // Reserved words, whatever their case.
    ['order', '"order"'],
    ['Select', '"Select"'],
    ['window', '"window"'],
  ])('%s is %s', (name, sql) => {
    expect(sqlNameOf({ schema: '', name })).toBe(sql);
    expect(sqlNameOf({ schema: 'runs', name })).toBe(`runs.${sql}`);
  });

  test('is followed by a version or a time', () => {
    const of = (asOf: Parameters<typeof sqlNameOf>[0]['asOf']): string =>
      sqlNameOf({ schema: '', name: 'men-shoes', ...(asOf === undefined ? {} : { asOf }) });
    expect(of(undefined)).toBe('"men-shoes"');
    expect(of({ kind: 'version', version: 3 })).toBe('"men-shoes"@v3');
    expect(of({ kind: 'time', timeMs: 0 })).toBe(`"men-shoes" AT (TIMESTAMP => '1970-01-01T00:00:00.000Z')`);
  });
});
