import type { DuckDBType } from '@duckdb/node-api';
import type { RowBatches } from '../duckdb/result-stream.ts';
import { converterTo } from './convert-value.ts';
import type { CommonLeaf, PlainValue } from './plain-value.ts';
import type { ValueReader } from './value-reader.ts';

/** A row of a result: its values by column. */
export type PlainRow = Readonly<Record<string, PlainValue>>;

/** Reads a result row by row. @throws `SQL_FAILED` or `STORAGE_FULL` while iterating, when the statement fails midway */
export async function* plainRows(batches: RowBatches): AsyncGenerator<PlainRow> {
  const columns = batches.columns.map(({ name, type }) => ({ name, convert: plainConverter(type) }));
  for await (const batch of batches) {
    for (const row of batch.getRows())
      yield Object.fromEntries(
        columns.map(({ name, convert }, index) => [name, convert(row[index] ?? null)]),
      );
  }
}

function plainConverter(type: DuckDBType): ValueReader<PlainValue> {
  return converterTo<CommonLeaf | bigint | Uint8Array>(
    {
      integer: (value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value),
      float: (value) => value,
      // A copy: DuckDB gives a Buffer over memory of its own.
      bytes: (value) => new Uint8Array(value),
    },
    type,
  );
}
