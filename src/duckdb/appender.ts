import type { DuckDBAppender } from '@duckdb/node-api';
import type { SqlTypeName } from './column-type.ts';
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
export type AppendableType = SqlTypeName;

/** Appends rows to a DuckDB table with bounded memory. Disposing flushes the rest. */
export interface TableAppender {
  append(values: readonly AppendableValue[]): void;
  close(): void;
}

/** Rows that are passed to DuckDB at once. */
const FLUSH_ROWS = 20_000;

/** Opens an appender on an existing table whose columns have the given types. @throws `SQL_FAILED`, `STORAGE_FULL` */
export async function openAppender(
  db: DuckDb,
  table: string,
  types: readonly AppendableType[],
): Promise<TableAppender> {
  const appender = await db.connection.createAppender(table);
  const appendValue = types.map((type) => APPEND[type]);
  let rowCount = 0;
  return {
    append(values) {
      try {
        // A plain loop, because this runs for each value of each image and is compiled again wherever it is inlined.
        for (let index = 0; index < appendValue.length; index++) {
          const value = values[index] ?? null;
          if (value === null) appender.appendNull();
          else appendValue[index]?.(appender, value);
        }
        appender.endRow();
        rowCount += 1;
        if (rowCount % FLUSH_ROWS === 0) appender.flushSync();
      } catch (error) {
        throw sqlError(error);
      }
    },
    close() {
      try {
        appender.closeSync();
      } catch (error) {
        throw sqlError(error);
      }
    },
  };
}

type AppendValue = (appender: DuckDBAppender, value: NonNullable<AppendableValue>) => void;

const APPEND: Readonly<Record<AppendableType, AppendValue>> = {
  BIGINT: (appender, value) => appender.appendBigInt(BigInt(value as bigint | number)),
  INTEGER: (appender, value) => appender.appendInteger(Number(value)),
  DOUBLE: (appender, value) => appender.appendDouble(Number(value)),
  FLOAT: (appender, value) => appender.appendFloat(Number(value)),
  BOOLEAN: (appender, value) => appender.appendBoolean(value as boolean),
  VARCHAR: (appender, value) => appender.appendVarchar(value as string),
  'VARCHAR[]': (appender, value) =>
    appender.appendList(value as readonly string[], duckdb.LIST(duckdb.VARCHAR)),
  'FLOAT[]': (appender, value) => appender.appendList(value as readonly number[], duckdb.LIST(duckdb.FLOAT)),
};
