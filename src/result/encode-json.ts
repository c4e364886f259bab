import type { DuckDBValue } from '@duckdb/node-api';
import type { ResultColumn, RowBatches } from '../duckdb/result-stream.ts';
import { encodeRows } from './encode-rows.ts';
import { jsonConverter } from './json-value.ts';

/** Writes a result as one JSON array with one object per line. A result without rows is `[]`. */
export async function* encodeJson(batches: RowBatches): AsyncGenerator<string> {
  const writeObject = objectWriter(batches.columns);
  let lead = '[\n';
  yield* encodeRows(batches, (row) => {
    const text = lead + writeObject(row);
    lead = ',\n';
    return text;
  });
  yield lead === '[\n' ? '[]\n' : '\n]\n';
}

/** Writes a result as newline-delimited JSON: one object per line, keys in the order of the columns, values from `jsonConverter`. */
export function encodeNdjson(batches: RowBatches): AsyncGenerator<string> {
  const writeObject = objectWriter(batches.columns);
  return encodeRows(batches, (row) => `${writeObject(row)}\n`);
}

/** Builds the function that writes a row as a JSON object without line breaks. */
function objectWriter(columns: readonly ResultColumn[]): (row: readonly DuckDBValue[]) => string {
  const members = columns.map(({ name, type }) => ({
    key: `${JSON.stringify(name)}:`,
    convert: jsonConverter(type),
  }));
  return (row) => {
    const texts = members.map(({ key, convert }, index) => key + JSON.stringify(convert(row[index] ?? null)));
    return `{${texts.join(',')}}`;
  };
}
