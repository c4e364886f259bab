import type { DuckDBValue } from '@duckdb/node-api';
import { PixlakeError } from '../errors.ts';

/** Reads something from a DuckDB value that is not NULL. */
export type ValueReader<Result> = (value: DuckDBValue) => Result;

/** A reader for values of a column type that DuckDB returns as objects of one class. */
export function readingObject<Value, Result>(
  ValueClass: abstract new (...parameters: never[]) => Value,
  read: (value: Value) => Result,
): ValueReader<Result> {
  return (value) => {
    if (value instanceof ValueClass) return read(value);
    throw new PixlakeError(
      'INTERNAL_ERROR',
      `DuckDB returned a ${typeof value} instead of a ${ValueClass.name}`,
    );
  };
}

/** Reads a value of a column type that DuckDB returns as bigint. */
export function readBigint(value: DuckDBValue): bigint {
  if (typeof value === 'bigint') return value;
  throw new PixlakeError('INTERNAL_ERROR', `DuckDB returned a ${typeof value} instead of a bigint`);
}
