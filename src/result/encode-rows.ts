import type { DuckDBValue } from '@duckdb/node-api';
import type { RowBatches } from '../duckdb/result-stream.ts';

/** Long rows are handed on in pieces of about this size, since a JavaScript string cannot hold a whole batch of large ones. */
const PIECE_CHARACTERS = 65_536;

/** Writes rows as text one after the other and hands it on in pieces, never later than at the end of a batch. */
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
