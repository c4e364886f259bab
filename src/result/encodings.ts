import { encodeCsv } from './encode-csv.ts';
import { encodeJson, encodeNdjson } from './encode-json.ts';
import { encodeTable, type TableOptions } from './encode-table.ts';
import type { RowBatches } from '../duckdb/result-stream.ts';
import type { QueryFormat } from './query-formats.ts';

type Encoder = (batches: RowBatches, options: TableOptions) => AsyncIterable<string | Uint8Array>;

const ENCODERS: Readonly<Record<QueryFormat, Encoder>> = {
  table: encodeTable,
  json: encodeJson,
  ndjson: encodeNdjson,
  csv: encodeCsv,
  async *arrow(batches) {
    // Loaded only when needed: it takes as long to load as all other formats together.
    const { encodeArrow } = await import('./encode-arrow.ts');
    yield* encodeArrow(batches);
  },
};

/**
 * Streams a result in a format: text, or bytes for `arrow`. Nothing is read before it is pulled, and memory does not grow with the number
 * of rows.
 *
 * @param options for `table` only
 * @throws `SQL_FAILED` or `STORAGE_FULL` while iterating, when the statement fails midway
 */
export function encodeResult(
  format: QueryFormat,
  batches: RowBatches,
  options: TableOptions = {},
): AsyncIterable<string | Uint8Array> {
  return ENCODERS[format](batches, options);
}
