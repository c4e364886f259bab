import { DuckDBDateValue } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import { isoDate, isoTimestamp } from '../../src/result/iso-time.ts';

describe('a date', () => {
  test.each([
    [0, '1970-01-01'],
    [-1, '1969-12-31'],
    [19_782, '2024-02-29'],
    [-719_528, '0000-01-01'],
    [100_000_000, '+275760-09-13'],
    [-100_000_000, '-271821-04-20'],
    [DuckDBDateValue.PosInf.days, 'infinity'],
    [DuckDBDateValue.NegInf.days, '-infinity'],
  ])('%i days after 1970 is %s', (days, text) => {
    expect(isoDate(new DuckDBDateValue(days))).toBe(text);
  });

  test('that JavaScript does not know is told as DuckDB does', () => {
    for (const days of [100_000_001, -100_000_001]) {
      const value = new DuckDBDateValue(days);
      expect(isoDate(value)).toBe(value.toString());
    }
    expect.assertions(2);
  });
});

describe('a timestamp', () => {
  const own = { toString: () => 'own' };

  test.each([
    [0n, 1n, '1970-01-01T00:00:00'],
    [60n, 1n, '1970-01-01T00:01:00'],
    [1n, 1000n, '1970-01-01T00:00:00.001'],
    [-1n, 1000n, '1969-12-31T23:59:59.999'],
    [1500n, 1000n, '1970-01-01T00:00:01.5'],
    [1_000_010n, 1_000_000n, '1970-01-01T00:00:01.00001'],
    [-1_000_000n, 1_000_000n, '1969-12-31T23:59:59'],
    [1_000_000_001n, 1_000_000_000n, '1970-01-01T00:00:01.000000001'],
    [8_640_000_000_000n, 1n, '+275760-09-13T00:00:00'],
    [-8_640_000_000_000n, 1n, '-271821-04-20T00:00:00'],
    [8_640_000_000_001n, 1n, 'own'],
    [-8_640_000_000_001n, 1n, 'own'],
  ])('of %i ticks, %i to the second, is %s', (ticks, perSecond, text) => {
    expect(isoTimestamp(own, ticks, perSecond)).toBe(text);
  });

  test('tells its zone', () => {
    expect(isoTimestamp(own, 0n, 1n, 'Z')).toBe('1970-01-01T00:00:00Z');
    expect(isoTimestamp(own, 5n, 10n, 'Z')).toBe('1970-01-01T00:00:00.5Z');
    expect(isoTimestamp(own, 8_640_000_000_001n, 1n, 'Z')).toBe('own');
  });
});
