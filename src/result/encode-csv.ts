import { cellText } from './cell-text.ts';
import { encodeRows } from './encode-rows.ts';
import type { RowBatches } from '../duckdb/result-stream.ts';

/**
 * Writes a result as CSV by RFC 4180, but with LF line ends: a header, then one line per row. NULL is an empty field and an empty string is
 * `""`, so they differ. With a single column NULL would be an empty line, which readers skip, so there it is `""` too.
 */
export async function* encodeCsv(batches: RowBatches): AsyncGenerator<string> {
  const writers = batches.columns.map(({ type }) => cellText(type));
  const nullField = writers.length === 1 ? '""' : '';
  yield `${batches.columns.map(({ name }) => csvField(name)).join(',')}\n`;
  yield* encodeRows(batches, (row) => {
    const fields = writers.map((write, index) => {
      const text = write(row[index] ?? null);
      return text === null ? nullField : csvField(text);
    });
    return `${fields.join(',')}\n`;
  });
}

function csvField(text: string): string {
  return text === '' || /[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
