import type { DuckDBType } from '@duckdb/node-api';
import { converterTo } from './convert-value.ts';
import type { CommonLeaf, Tree } from './plain-value.ts';
import type { ValueReader } from './value-reader.ts';

/** Any JSON value. */
export type JsonValue = Tree<CommonLeaf>;

/**
 * Builds the converter from values of a DuckDB type to JSON; see {@link converterTo}. Integers beyond ±(2^53 - 1) are strings of digits, NaN and
 * the infinities are `null`, bytes are base64.
 */
export function jsonConverter(type: DuckDBType): ValueReader<JsonValue> {
  return converterTo<CommonLeaf>(
    {
      integer: (value) => (Number.isSafeInteger(Number(value)) ? Number(value) : String(value)),
      float: (value) => (Number.isFinite(value) ? value : null),
      bytes: ({ buffer, byteOffset, byteLength }) =>
        Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
    },
    type,
  );
}
