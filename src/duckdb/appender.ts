import type { AppendableType, AppendableValue, ScalarType } from './appendable.ts';
import { appendChunks } from './append-chunks.ts';
import { appendValues } from './append-values.ts';
import { type DuckDb, sqlError } from './open-duckdb.ts';

/** Appends rows to a DuckDB table with bounded memory. Closing passes on the rest. */
export interface TableAppender {
  append(values: readonly AppendableValue[]): void;
  close(): void;
}

/** Rows that DuckDB collects before it takes them into the table. */
const FLUSH_ROWS = 20_000;

/**
 * Opens an appender on an existing table whose columns have the given types.
 *
 * @throws `SQL_FAILED`, `STORAGE_FULL`
 */
export async function openAppender(
  db: DuckDb,
  table: string,
  types: readonly AppendableType[],
): Promise<TableAppender> {
  const appender = await db.connection.createAppender(table);
  const rows = types.every(isScalar) ? appendValues(appender, types) : appendChunks(appender, types);
  let rowCount = 0;
  return {
    append(values) {
      try {
        rows.write(values);
        rowCount += 1;
        if (rowCount % FLUSH_ROWS !== 0) return;
        rows.handOver();
        appender.flushSync();
      } catch (error) {
        throw sqlError(error);
      }
    },
    close() {
      try {
        rows.handOver();
        appender.closeSync();
      } catch (error) {
        throw sqlError(error);
      }
    },
  };
}

function isScalar(type: AppendableType): type is ScalarType {
  return !type.endsWith('[]');
}
