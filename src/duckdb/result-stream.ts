import type { DuckDBResult, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { duckdb } from './duckdb-api.ts';
import { PixlakeError } from '../errors.ts';
import { sqlError } from './open-duckdb.ts';

/** A column of a result; `name` is unique within it. */
export interface ResultColumn {
  readonly name: string;
  readonly type: DuckDBType;
}

/** Up to 2048 consecutive rows of a result, converted to JavaScript values only on request. */
export interface RowBatch {
  readonly rowCount: number;
  /** Rows of values, in the order of the columns. */
  getRows(): DuckDBValue[][];
  /** Columns of values, in the order of the rows. */
  getColumns(): DuckDBValue[][];
}

/** A result as a stream that can be read once: its columns, known before the first row, and its rows in batches. */
export interface RowBatches extends AsyncIterable<RowBatch> {
  readonly columns: readonly ResultColumn[];
}

/**
 * Reads a result of `connection.stream()` batch by batch. The next batch is computed when it is pulled, so memory does not grow
 * with the number of rows.
 *
 * @throws `SQL_FAILED` or `STORAGE_FULL` while iterating, when the statement fails midway
 */
export function rowBatches(result: DuckDBResult): RowBatches {
  const names = uniqueNames(result.columnNames());
  const columns = result.columnTypes().map((type, index) => ({ name: names[index] ?? '', type }));
  return { columns, [Symbol.asyncIterator]: () => readChunks(result) };
}

async function* readChunks(result: DuckDBResult): AsyncGenerator<RowBatch> {
  let rowCount = 0;
  try {
    for await (const chunk of result) {
      rowCount += chunk.rowCount;
      yield chunk;
    }
  } catch (error) {
    throw sqlError(error);
  }
  // A stream that fails or is interrupted ends like a complete one, without a message. Only its type tells them apart.
  if (result.returnType === duckdb.ResultReturnType.INVALID) {
    throw new PixlakeError('SQL_FAILED', `the query failed or was interrupted after ${rowCount} rows`, {
      remedy: 'write the result as Parquet to see why the query fails',
    });
  }
}

/**
 * Makes repeated column names unique with the first free suffix `_1`, `_2`, …, so no column is lost if names are keys. A name that
 * occurs once never changes: `a, a, a_1` becomes `a, a_2, a_1`.
 */
export function uniqueNames(names: readonly string[]): string[] {
  const reserved = new Set(names);
  const used = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let suffix = 1; used.has(unique); suffix += 1) {
      const candidate = `${name}_${suffix}`;
      if (!reserved.has(candidate)) unique = candidate;
    }
    used.add(unique);
    return unique;
  });
}
