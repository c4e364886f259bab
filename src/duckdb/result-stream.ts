import type { DuckDBResult, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { duckdb } from './duckdb-api.ts';
import { PixlakeError } from '../errors.ts';
import { sqlError } from './open-duckdb.ts';

/** A column of a result; `name` is unique within it. */
export interface ResultColumn {
  readonly name: string;
  readonly type: DuckDBType;
}

/** Up to 2048 consecutive rows of a result, turned into JavaScript values only when asked for. */
export interface RowBatch {
  readonly rowCount: number;
  /** The values by row; their inner order is that of the columns. */
  getRows(): DuckDBValue[][];
  /** The values by column; their inner order is that of the rows. */
  getColumns(): DuckDBValue[][];
}

/** A result as a stream that can be read once: its columns, known before the first row, and its rows in batches. */
export interface RowBatches extends AsyncIterable<RowBatch> {
  readonly columns: readonly ResultColumn[];
}

/**
 * Reads a result of `connection.stream()` one batch at a time: the next batch is computed when it is pulled, so that memory does not grow
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
  // A stream that fails or is interrupted ends like a complete one and its message is lost; only its type tells them apart.
  if (result.returnType === duckdb.ResultReturnType.INVALID) {
    throw new PixlakeError('SQL_FAILED', `the query failed or was interrupted after ${rowCount} rows`, {
      remedy: 'write its result as Parquet to see why it fails',
    });
  }
}

/**
 * Makes repeated column names unique by the first free suffix `_1`, `_2`, …, so that no column is lost where names are keys. A name that
 * occurs once is never changed: `a, a, a_1` becomes `a, a_2, a_1`.
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
