import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { duckdb } from '../duckdb/duckdb-api.ts';
import { textOf } from './plain-value.ts';
import { jsonConverter } from './json-value.ts';
import { readingObject, type ValueReader } from './value-reader.ts';

/** Converts a value of one DuckDB type to plain text, and NULL to `null`. */
export type TextConverter = (value: DuckDBValue) => string | null;

/**
 * Builds the converter from values of a DuckDB type to the text of a cell: integers and decimals in full, floating-point numbers also as
 * `nan`, `inf` and `-inf`, nested values as JSON, all others as `jsonConverter` writes them, without quotes.
 */
export function cellText(type: DuckDBType): TextConverter {
  const write = presentText(type);
  return (value) => (value === null ? null : write(value));
}

function presentText(type: DuckDBType): ValueReader<string> {
  if (type.typeId === duckdb.DuckDBTypeId.DECIMAL) return readingObject(duckdb.DuckDBDecimalValue, String);
  const toJson = jsonConverter(type);
  if (type.typeId === duckdb.DuckDBTypeId.FLOAT || type.typeId === duckdb.DuckDBTypeId.DOUBLE) {
    return (value) => (Number.isFinite(value) ? textOf(toJson(value)) : notFiniteText(Number(value)));
  }
  return (value) => textOf(toJson(value));
}

function notFiniteText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  return value < 0 ? '-inf' : 'inf';
}
