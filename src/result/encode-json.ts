import { jsonObjectWriter } from './encode-ndjson.ts';
import { encodeRows } from './encode-rows.ts';
import type { RowBatches } from '../duckdb/result-stream.ts';

/** Writes a result as one JSON array with an object a line; a result without rows is `[]`. */
export async function* encodeJson(batches: RowBatches): AsyncGenerator<string> {
  const writeObject = jsonObjectWriter(batches.columns);
  let lead = '[\n';
  yield* encodeRows(batches, (row) => {
    const text = lead + writeObject(row);
    lead = ',\n';
    return text;
  });
  yield lead === '[\n' ? '[]\n' : '\n]\n';
}
