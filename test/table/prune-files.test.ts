import { describe, expect, test } from 'vitest';
import type { FileStats, PartitionValues } from '../../src/table/delta-actions.ts';
import { type DeltaStruct, deltaField } from '../../src/table/delta-schema.ts';
import type { Comparison, FilePredicate, Literal } from '../../src/table/file-predicate.ts';
import { fileMightMatch } from '../../src/table/prune-files.ts';
import { lowerBoundOf, upperBoundOf } from '../../src/table/stat-text.ts';

const schema: DeltaStruct = {
  type: 'struct',
  fields: [
    deltaField('id', 'long'),
    deltaField('name', 'string'),
    deltaField('score', 'double'),
    deltaField('single', 'float'),
    deltaField('price', 'decimal(10,2)'),
    deltaField('wide', 'decimal(38,10)'),
    deltaField('day', 'date'),
    deltaField('at', 'timestamp'),
    deltaField('flag', 'boolean'),
    deltaField('tags', { type: 'array', elementType: 'string', containsNull: true }),
    deltaField('kind', 'string'),
    deltaField('year', 'integer'),
    deltaField('since', 'timestamp'),
  ],
};
const partitionColumns = ['kind', 'year', 'since'];

const STATS: FileStats = {
  numRecords: 10,
  minValues: {
    id: 5,
    name: 'b',
    score: -1.5,
    single: 0.5,
    price: 1.1,
    day: '2020-01-10',
    at: '2020-01-10T00:00:00.000Z',
  },
  maxValues: {
    id: 9,
    name: 'dz',
    score: 2.5,
    single: 0.7,
    price: 9.99,
    day: '2020-02-10',
    at: '2020-02-10T00:00:00.123Z',
  },
  nullCount: { id: 0, name: 10, score: 3, single: 0, price: 0, day: 0, at: 0, flag: 0 },
};
const VALUES: PartitionValues = { kind: 'shoes', year: '2012', since: '2020-01-10 00:00:00' };

function mightMatch(predicate: FilePredicate, stats: FileStats | string = STATS, values = VALUES): boolean {
  const text = typeof stats === 'string' ? stats : JSON.stringify(stats);
  const add = {
    path: 'x',
    partitionValues: values,
    size: 1,
    modificationTime: 0,
    dataChange: true,
    stats: text,
  };
  return fileMightMatch({ schema, partitionColumns }, { partitionValues: values, add }, predicate);
}

function compare(column: string, comparison: Comparison, value: number | string | boolean): FilePredicate {
  const kind = typeof value as 'number' | 'string' | 'boolean';
  return { kind: 'compare', column, comparison, literal: { kind, value } as Literal };
}

describe('a file is ruled out', () => {
  test.each<[string, Comparison, number | string | boolean]>([
    ['id', '<', 5],
    ['id', '<=', 4],
    ['id', '>', 9],
    ['id', '>=', 10],
    ['id', '=', 4],
    ['id', '=', 10],
    ['ID', '=', 10],
    ['score', '<', -1.6],
    ['score', '=', 3],
    ['price', '=', 10],
    ['price', '>', 10.5],
    ['day', '=', '2020-01-09'],
    ['day', '>', '2020-02-10'],
    ['at', '<', '2020-01-09'],
    ['at', '>', '2020-02-10 00:00:01'],
    ['kind', '=', 'bags'],
    ['kind', '<>', 'shoes'],
    ['kind', '<', 'shoes'],
    ['year', '<>', 2012],
    ['year', '>', 2012],
    ['since', '>', '2020-01-10 00:00:01'],
  ])('by %s %s %j', (column, comparison, value) => {
    expect(mightMatch(compare(column, comparison, value))).toBe(false);
  });

  test('by a column that is null throughout', () => {
    expect(mightMatch(compare('name', '=', 'c'))).toBe(false);
    expect(mightMatch({ kind: 'isNotNull', column: 'name' })).toBe(false);
    expect(mightMatch({ kind: 'isNull', column: 'id' })).toBe(false);
    const noKind = { ...VALUES, kind: null };
    expect(mightMatch({ kind: 'isNotNull', column: 'kind' }, STATS, noKind)).toBe(false);
    expect(mightMatch(compare('kind', '=', ''), STATS, { ...VALUES, kind: '' })).toBe(false);
  });

  test('by parts of a condition, as far as they are known', () => {
    const [no, unknown] = [compare('id', '=', 1), { kind: 'any' } as const];
    expect(mightMatch({ kind: 'and', parts: [unknown, no] })).toBe(false);
    expect(mightMatch({ kind: 'or', parts: [no, no] })).toBe(false);
    expect(mightMatch({ kind: 'or', parts: [unknown, no] })).toBe(true);
    expect(mightMatch({ kind: 'or', parts: [] })).toBe(false);
    expect(mightMatch({ kind: 'none' })).toBe(false);
  });

  test('by the beginning of a text', () => {
    const stats = { ...STATS, nullCount: { name: 0 } };
    const starts = (prefix: string): boolean =>
      mightMatch({ kind: 'startsWith', column: 'name', prefix }, stats);
    expect([starts('a'), starts('e'), starts('dzz'), starts('Dz')]).toEqual([false, false, false, false]);
    expect([starts('b'), starts('c'), starts('d'), starts(''), starts('dz')]).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
  });
});

describe('a file is kept', () => {
  test.each<[string, Comparison, number | string | boolean]>([
    ['id', '<', 6],
    ['id', '<=', 5],
    ['id', '>=', 9],
    ['id', '=', 5],
    ['id', '<>', 5],
    ['id', '=', '4'],
    // Decimals and fractions may have been rounded on their way through JSON.
    ['price', '>', 9.99],
    ['price', '<', 1.1],
    ['id', '<', 5.5],
    // NaN is above all.
    ['score', '>', 100],
    ['score', '>=', 100],
    ['score', '<>', 100],
    // 0.7 in the log stands for 0.69999999.
    ['single', '<', 0.1],
    ['flag', '=', true],
    ['tags', '=', 'x'],
    ['unheard_of', '=', 1],
    ['day', '=', '10/1/2020'],
    // Statistics are cut to milliseconds.
    ['at', '>', '2020-02-10 00:00:00.123456'],
    ['kind', '=', 'shoes'],
    ['kind', '=', 2012],
    ['since', '=', '2020-01-10'],
  ])('by %s %s %j', (column, comparison, value) => {
    expect(mightMatch(compare(column, comparison, value))).toBe(true);
  });

  test.each<[string, FileStats | string]>([
    ['no statistics', '{}'],
    ['statistics that are no JSON', '{"numRec'],
    ['statistics that are no object', '[1]'],
    ['null', 'null'],
    ['bounds of the wrong type', { numRecords: 1, minValues: { id: '5' }, maxValues: { id: true } }],
    ['null counts that no longer hold', { ...STATS, tightBounds: false, minValues: {}, maxValues: {} }],
  ])('where it has %s', (_, stats) => {
    expect(mightMatch(compare('id', '=', 1), stats)).toBe(true);
    expect(mightMatch(compare('name', '=', 'c'), stats)).toBe(true);
    expect(mightMatch({ kind: 'isNull', column: 'id' }, stats)).toBe(true);
  });

  test('where a bound is too large for a number', () => {
    const stats = {
      numRecords: 1,
      minValues: { id: 9007199254740992 },
      maxValues: { id: 9007199254740992 },
      nullCount: { id: 0 },
    };
    expect(mightMatch(compare('id', '>', 9007199254740992), stats)).toBe(true);
    expect(mightMatch(compare('id', '=', 2 ** 53), stats)).toBe(true);
    expect(mightMatch(compare('id', '<', 9), stats)).toBe(false);
  });

  test('of wide decimals are not believed: delta-rs rounds them away from the values', () => {
    const stats = {
      numRecords: 1,
      minValues: { price: 1.5, wide: -9223372036854776000 },
      maxValues: { price: 1.5, wide: -9223372036854776000 },
      nullCount: { price: 0, wide: 0 },
    };
    expect(mightMatch(compare('wide', '=', -1e28), stats)).toBe(true);
    expect(mightMatch(compare('price', '=', -1e7), stats)).toBe(false);
  });
});

test('texts are in the order of code points, as DuckDB has them, and not of UTF-16', () => {
  const stats = {
    numRecords: 2,
    minValues: { name: 'a' },
    maxValues: { name: '😀' },
    nullCount: { name: 0 },
  };
  expect(mightMatch(compare('name', '>', '\uffee'), stats)).toBe(true);
  expect(mightMatch(compare('name', '>', '😁'), stats)).toBe(false);
});

describe('bounds of long texts', () => {
  test.each([
    ['short'],
    ['x'.repeat(100)],
    ['😀'.repeat(100)],
    ['\u{10ffff}'.repeat(40)],
    [`${'a'.repeat(31)}\u{10ffff}${'b'.repeat(5)}`],
    [`${'a'.repeat(31)}\ud7ff${'b'.repeat(5)}`],
    ['é'.repeat(33)],
  ])('are short and enclose %s', (text) => {
    const [low, high] = [lowerBoundOf(text), upperBoundOf(text)];
    expect(Buffer.compare(Buffer.from(low), Buffer.from(text))).toBeLessThanOrEqual(0);
    expect(low).toBe(Array.from(text).slice(0, 32).join(''));
    if (Array.from(text).length <= 32) expect(high).toBe(text);
    else if (high !== undefined && !text.includes('\u{10ffff}'))
      expect(high.slice(0, 30)).toBe(text.slice(0, 30));
    if (text.startsWith('\u{10ffff}')) expect(high).toBeUndefined();
    else {
      expect(Buffer.compare(Buffer.from(high ?? ''), Buffer.from(text))).toBeGreaterThanOrEqual(0);
      expect(Array.from(high ?? '').length).toBeLessThanOrEqual(32);
      expect(high).not.toMatch(/[\ud800-\udfff]/u);
    }
  });
});
