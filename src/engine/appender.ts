import type { DuckDBAppender } from '@duckdb/node-api';
import { duckdb } from './duckdb-api.ts';
import { type DuckDb, sqlError } from './open-duckdb.ts';

/** A value that {@link TableAppender} can append. */
export type AppendableValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly string[]
  | readonly number[];

/** Column types that {@link TableAppender} can append to. */
export type AppendableType =
  | 'BIGINT'
  | 'INTEGER'
  | 'DOUBLE'
  | 'FLOAT'
  | 'BOOLEAN'
  | 'VARCHAR'
  | 'VARCHAR[]'
  | 'FLOAT[]';

/** Appends rows to a DuckDB table with bounded memory; disposing flushes what is left. */
export interface TableAppender {
  append(values: readonly AppendableValue[]): void;
  close(): void;
}

/** Rows that are handed to DuckDB at once. */
const FLUSH_ROWS = 20_000;

/** Opens an appender on an existing table whose columns have the given types. @throws `SQL_FAILED`, `STORAGE_FULL` */
export async function openAppender(
  db: DuckDb,
  table: string,
  types: readonly AppendableType[],
): Promise<TableAppender> {
  const appender = await db.connection.createAppender(table);
  let rowCount = 0;
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      throw sqlError(error);
    }
  };
  return {
    append(values) {
      guarded(() => {
        for (const [index, type] of types.entries()) appendValue(appender, type, values[index] ?? null);
        appender.endRow();
        rowCount += 1;
        if (rowCount % FLUSH_ROWS === 0) appender.flushSync();
      });
    },
    close() {
      guarded(() => appender.closeSync());
    },
  };
}

function appendValue(appender: DuckDBAppender, type: AppendableType, value: AppendableValue): void {
  if (value === null) return appender.appendNull();
  switch (type) {
    case 'BIGINT':
      return appender.appendBigInt(BigInt(value as bigint | number));
    case 'INTEGER':
      return appender.appendInteger(Number(value));
    case 'DOUBLE':
      return appender.appendDouble(Number(value));
    case 'FLOAT':
      return appender.appendFloat(Number(value));
    case 'BOOLEAN':
      return appender.appendBoolean(value as boolean);
    case 'VARCHAR':
      return appender.appendVarchar(value as string);
    case 'VARCHAR[]':
      return appender.appendList(value as readonly string[], duckdb.LIST(duckdb.VARCHAR));
    case 'FLOAT[]':
      return appender.appendList(value as readonly number[], duckdb.LIST(duckdb.FLOAT));
  }
}
