import { describe, expect, test } from 'vitest';
import {
  isWideDecimal,
  literalKindOf,
  parseTimestamp,
  partitionBounds,
  statisticsBounds,
} from '../../src/table/column-bounds.ts';
import { type DeltaType, deltaArray, deltaField } from '../../src/table/delta-schema.ts';

test.each<[DeltaType, string | undefined]>([
  ['byte', 'number'],
  ['long', 'number'],
  ['double', 'number'],
  ['float', undefined],
  ['decimal(10,2)', 'number'],
  ['timestamp', 'timestamp'],
  ['timestamp_ntz', 'timestamp'],
  ['string', 'string'],
  ['date', 'date'],
  ['boolean', 'boolean'],
  ['binary', undefined],
  ['void', undefined],
  [deltaArray('long'), undefined],
])('a column of type %j is compared with a %s', (type, kind) => {
  expect(literalKindOf(type)).toBe(kind);
});

test.each<[DeltaType, boolean]>([
  ['decimal(15,2)', false],
  ['decimal(16,2)', true],
  ['decimal( 38 , 10)', true],
  ['decimal', false],
  ['long', false],
  [deltaArray('decimal(38,10)'), false],
])('whether %j may have more digits than a double: %s', (type, isWide) => {
  expect(isWideDecimal(type)).toBe(isWide);
});

test.each([
  ['2020-01-10', Date.UTC(2020, 0, 10)],
  ['2020-01-10 01:02:03', Date.UTC(2020, 0, 10, 1, 2, 3)],
  ['2020-01-10T01:02:03', Date.UTC(2020, 0, 10, 1, 2, 3)],
  ['2020-01-10T01:02:03Z', Date.UTC(2020, 0, 10, 1, 2, 3)],
  ['2020-01-10T01:02:03.5Z', Date.UTC(2020, 0, 10, 1, 2, 3, 500)],
  ['2020-01-10T01:02:03.045', Date.UTC(2020, 0, 10, 1, 2, 3, 45)],
  ['2020-01-10T01:02:03.999999+00:00', Date.UTC(2020, 0, 10, 1, 2, 3, 999)],
  ['2020-01-10T01:02:03+00', Date.UTC(2020, 0, 10, 1, 2, 3)],
  ['2020-01-10T01:02:03+0000', Date.UTC(2020, 0, 10, 1, 2, 3)],
  ['2020-13-10', undefined],
  ['2020-01-10 25:00:00', undefined],
  ['2020-01-10T01:02', undefined],
  ['2020-01-10T01:02:03.', undefined],
  ['2020-01-10T01:02:03+01:00', undefined],
  ['2020-01-10T01:02:03-00:00', undefined],
  ['2020-01-10Z', undefined],
  ['x2020-01-10', undefined],
  ['2020-01-10x', undefined],
  ['20-01-10', undefined],
  ['', undefined],
])('the text %j is the time %s', (text, timeMs) => {
  expect(parseTimestamp(text)).toBe(timeMs);
});

describe('the bounds of a partition', () => {
  const UNKNOWN = { min: undefined, max: undefined };
  const ONE_VALUE = { hasNulls: false, hasValues: true };
  const exactly = (value: number | string, isExact = true): object => ({
    min: { value, isExact },
    max: { value, isExact },
    ...ONE_VALUE,
  });

  test.each<[DeltaType, string | null, object]>([
    ['long', '12', exactly(12)],
    ['long', '9007199254740993', exactly(9_007_199_254_740_992, false)],
    ['double', '0.5', exactly(0.5, false)],
    ['decimal(10,2)', '1.50', exactly(1.5, false)],
    ['string', 'shoes', exactly('shoes')],
    ['date', '2020-01-10', exactly('2020-01-10')],
    ['boolean', 'true', exactly('true')],
    ['boolean', 'false', exactly('false')],
    [
      'timestamp',
      '1970-01-01 00:00:01.5',
      { min: { value: 1500, isExact: false }, max: { value: 1501, isExact: false }, ...ONE_VALUE },
    ],
    ['long', 'NaN', { ...UNKNOWN, ...ONE_VALUE }],
    ['boolean', 'yes', { ...UNKNOWN, ...ONE_VALUE }],
    ['date', '2020-1-10', { ...UNKNOWN, ...ONE_VALUE }],
    ['date', '2020-01-101', { ...UNKNOWN, ...ONE_VALUE }],
    ['timestamp', 'soon', { ...UNKNOWN, ...ONE_VALUE }],
    ['float', '0.7', { ...UNKNOWN, ...ONE_VALUE }],
    ['string', '', { ...UNKNOWN, hasNulls: true, hasValues: false }],
    ['string', null, { ...UNKNOWN, hasNulls: true, hasValues: false }],
  ])('of type %j with the value %j', (type, text, bounds) => {
    const found = partitionBounds(deltaField('p', type), { p: text, q: 'other' });
    expect(found).toEqual(bounds);
  });

  test('that the log does not name are those of null', () => {
    expect(partitionBounds(deltaField('p', 'long'), {})).toMatchObject({ hasNulls: true, hasValues: false });
  });
});

describe('the bounds of a column in statistics', () => {
  test.each<[DeltaType, unknown, unknown, object | undefined, object | undefined]>([
    ['long', 5, 9, { value: 5, isExact: true }, { value: 9, isExact: true }],
    ['long', 5, 2 ** 53, { value: 5, isExact: true }, { value: 2 ** 53, isExact: false }],
    ['double', -1.5, 2, { value: -1.5, isExact: false }, { value: 2, isExact: false }],
    ['decimal(15,2)', 1.1, 2.2, { value: 1.1, isExact: false }, { value: 2.2, isExact: false }],
    ['decimal(16,2)', 1.1, 2.2, undefined, undefined],
    ['long', '5', true, undefined, undefined],
    ['string', 'a', 'b', { value: 'a', isExact: false }, { value: 'b', isExact: false }],
    ['string', 1, null, undefined, undefined],
    [
      'date',
      '2020-01-10',
      '2020-01-11',
      { value: '2020-01-10', isExact: true },
      { value: '2020-01-11', isExact: true },
    ],
    ['date', '10/1/2020', 20_200_110, undefined, undefined],
    [
      'timestamp',
      '1970-01-01T00:00:01.500Z',
      '1970-01-01T00:00:02.500Z',
      { value: 1500, isExact: false },
      { value: 2501, isExact: false },
    ],
    ['timestamp', 'soon', 1500, undefined, undefined],
    ['boolean', 'true', 'true', undefined, undefined],
    ['float', 0.5, 0.7, undefined, undefined],
    [deltaArray('long'), 1, 2, undefined, undefined],
  ])('of type %j from %j to %j', (type, low, high, min, max) => {
    const stats = { minValues: { c: low }, maxValues: { c: high } };
    expect(statisticsBounds(deltaField('c', type), stats)).toEqual({
      min,
      max,
      hasNulls: undefined,
      hasValues: undefined,
    });
  });

  test.each<[object, boolean | undefined, boolean | undefined]>([
    [{ numRecords: 3, nullCount: { c: 0 } }, false, true],
    [{ numRecords: 3, nullCount: { c: 2 } }, true, true],
    [{ numRecords: 3, nullCount: { c: 3 } }, true, false],
    [{ nullCount: { c: 1 } }, true, undefined],
    [{ numRecords: 3 }, undefined, undefined],
    [{ numRecords: 3, nullCount: { d: 3 } }, undefined, undefined],
    [{ numRecords: 3, nullCount: { c: '3' } }, undefined, undefined],
    [{ numRecords: 3, nullCount: { c: 3 }, tightBounds: false }, undefined, undefined],
    [{ numRecords: 3, nullCount: { c: 3 }, tightBounds: true }, true, false],
    [{}, undefined, undefined],
  ])('with %j: nulls %s, values %s', (stats, hasNulls, hasValues) => {
    expect(statisticsBounds(deltaField('c', 'long'), stats)).toEqual({
      min: undefined,
      max: undefined,
      hasNulls,
      hasValues,
    });
  });
});
