import { cellText } from './cell-text.ts';
import { encodeRows } from './encode-rows.ts';
import type { RowBatches } from '../duckdb/result-stream.ts';

/**
 * Writes a result as CSV after RFC 4180, but with LF line ends: a header, then a line a row. NULL is an empty field and an empty string is
 * `""`, so that they differ; in a result of one column NULL would be an empty line, which readers skip, and that is `""` too.
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
