import { DuckDBDateValue, type DuckDBValue, DuckDBTimeValue } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { readBigint, readingObject } from '../../src/result/value-reader.ts';

const readDays = readingObject(DuckDBDateValue, ({ days }) => days);

test('a value is read as what the type of its column says', () => {
  expect(readDays(new DuckDBDateValue(7))).toBe(7);
  expect(readBigint(7n)).toBe(7n);
});

test.each<[DuckDBValue, string]>([
  [7, 'number'],
  ['7', 'string'],
  [new DuckDBTimeValue(7n), 'object'],
])('%o is a defect of DuckDB', (value, type) => {
  const defect = (wanted: string) =>
    expect.objectContaining({
      code: 'INTERNAL_ERROR',
      message: `DuckDB returned a ${type} instead of a ${wanted}`,
    });
  expect(() => readDays(value)).toThrow(defect('DuckDBDateValue'));
  expect(() => readBigint(value)).toThrow(defect('bigint'));
});
