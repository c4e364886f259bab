import type { DuckDBValue } from '@duckdb/node-api';
import type { RowBatches } from '../duckdb/result-stream.ts';

/** Long rows are passed on in pieces of about this size, because a JavaScript string cannot hold a whole batch of them. */
const PIECE_CHARACTERS = 65_536;

/** Writes rows as text and passes it on in pieces, at the latest at the end of a batch. */
export async function* encodeRows(
  batches: RowBatches,
  writeRow: (row: readonly DuckDBValue[]) => string,
): AsyncGenerator<string> {
  for await (const batch of batches) {
    let text = '';
    for (const row of batch.getRows()) {
      text += writeRow(row);
      if (text.length >= PIECE_CHARACTERS) {
        yield text;
        text = '';
      }
    }
    if (text !== '') yield text;
  }
}
