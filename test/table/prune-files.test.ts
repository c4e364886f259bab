import { describe, expect, test } from 'vitest';
import type { FileStats, PartitionValues } from '../../src/table/delta-actions.ts';
import { type DeltaStruct, deltaField } from '../../src/table/delta-schema.ts';
import type { Comparison, FilePredicate, Literal } from '../../src/table/file-predicate.ts';
import { fileMightMatch, pruneFiles } from '../../src/table/prune-files.ts';
import type { Snapshot } from '../../src/table/snapshot.ts';

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
    ['since', '<', '2020-01-09'],
    ['year', '=', 2013],
    ['year', '<', 2012],
    ['kind', '>=', 'shoez'],
    ['day', '<', '2020-01-10'],
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

describe('where one bound is not known', () => {
  const ALL: readonly Comparison[] = ['<', '<=', '=', '<>', '>=', '>'];
  /** The comparisons by which a file of ids that are 5 at least, or at most, is ruled out. */
  const ruledOut = (known: 'minValues' | 'maxValues', value: number): Comparison[] =>
    ALL.filter(
      (comparison) => !mightMatch(compare('id', comparison, value), { numRecords: 1, [known]: { id: 5 } }),
    );

  test('the other one rules out what lies beyond it', () => {
    expect(ruledOut('minValues', 4)).toEqual(['<', '<=', '=']);
    expect(ruledOut('minValues', 5)).toEqual(['<']);
    expect(ruledOut('minValues', 6)).toEqual([]);
    expect(ruledOut('maxValues', 4)).toEqual([]);
    expect(ruledOut('maxValues', 5)).toEqual(['>']);
    expect(ruledOut('maxValues', 6)).toEqual(['=', '>=', '>']);
  });

  test('so do beginnings of texts', () => {
    const starts = (prefix: string, stats: FileStats): boolean =>
      mightMatch({ kind: 'startsWith', column: 'name', prefix }, stats);
    const min = { minValues: { name: 'bb' } };
    expect(['a', 'ba', 'bb', 'c'].map((prefix) => starts(prefix, min))).toEqual([false, false, true, true]);
    const max = { maxValues: { name: 'bb' } };
    expect(['a', 'bb', 'bc', 'c'].map((prefix) => starts(prefix, max))).toEqual([true, true, false, false]);
  });

  test('a column that may have values or nulls is kept for both', () => {
    for (const kind of ['isNull', 'isNotNull'] as const)
      expect(mightMatch({ kind, column: 'id' }, { minValues: { id: 1 } })).toBe(true);
  });
});

test('only a column of one value is ruled out by <>', () => {
  const differs = (min: number, max: number, value: number): boolean =>
    mightMatch(compare('id', '<>', value), { minValues: { id: min }, maxValues: { id: max } });
  expect(differs(5, 5, 5)).toBe(false);
  expect([differs(5, 6, 5), differs(4, 5, 5), differs(5, 5, 6), differs(5, 5, 5.5)]).toEqual(
    Array(4).fill(true),
  );
});

test('times are compared with times in whatever form', () => {
  const at = (literal: Literal): boolean =>
    mightMatch({ kind: 'compare', column: 'at', comparison: '<', literal });
  const early = Date.UTC(2020, 0, 1);
  expect(at({ kind: 'timestamp', value: early })).toBe(false);
  expect(at({ kind: 'timestamp', value: Date.UTC(2020, 0, 11) })).toBe(true);
  expect(at({ kind: 'date', value: '2020-01-01' })).toBe(false);
  expect(at({ kind: 'string', value: '2020-01-01' })).toBe(false);
  expect(at({ kind: 'string', value: 'soon' })).toBe(true);
  expect(at({ kind: 'number', value: 0 })).toBe(true);
  // A bound of a time is cut to milliseconds, so that it is known no better than that.
  expect(at({ kind: 'timestamp', value: Date.UTC(2020, 0, 10) })).toBe(true);
});

test('all files are kept by what says nothing, and those that cannot match are left out in their order', () => {
  const files = [1, 2, 3].map((id) => {
    const stats = JSON.stringify({ minValues: { id }, maxValues: { id } });
    const add = { path: `${id}`, partitionValues: {}, size: 1, modificationTime: 0, dataChange: true, stats };
    return { key: `${id}`, sizeBytes: 1, partitionValues: {}, add };
  });
  const snapshot = { schema, partitionColumns, files } as unknown as Snapshot;
  expect(pruneFiles(snapshot, { kind: 'any' })).toBe(files);
  expect(pruneFiles(snapshot, compare('id', '>', 1)).map(({ key }) => key)).toEqual(['2', '3']);
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
