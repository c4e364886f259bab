import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
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

/** Appends rows to a DuckDB table with bounded memory. Closing passes on the rest. */
export interface TableAppender {
  append(values: readonly AppendableValue[]): void;
  close(): void;
}

/** Rows that DuckDB collects before it takes them into the table. */
const FLUSH_ROWS = 20_000;

/** Rows of a chunk: as many as DuckDB's vectors hold. */
const CHUNK_ROWS = 2048;

/** Characters and elements of lists from which a chunk is handed over, so that long rows do not add up. */
const CHUNK_LENGTH = 1024 ** 2;

/**
 * Opens an appender on an existing table whose columns have the given types. Rows are handed over in chunks, column by column: value by value costs
 * a call each, and for a list one for each of its elements.
 *
 * @throws `SQL_FAILED`, `STORAGE_FULL`
 */
export async function openAppender(
  db: DuckDb,
  table: string,
  types: readonly AppendableType[],
): Promise<TableAppender> {
  const appender = await db.connection.createAppender(table);
  const makeValue = types.map((type) => COLUMNS[type].toValue);
  const columns: DuckDBValue[][] = types.map(() => []);
  let chunkRows = 0;
  let chunkLength = 0;
  let rowCount = 0;
  const handOver = (): void => {
    if (chunkRows === 0) return;
    const chunk = duckdb.DuckDBDataChunk.create(
      types.map((type) => COLUMNS[type].type()),
      chunkRows,
    );
    chunk.setColumns(columns);
    appender.appendDataChunk(chunk);
    for (const column of columns) column.length = 0;
    chunkRows = 0;
    chunkLength = 0;
  };
  return {
    append(values) {
      try {
        for (let index = 0; index < columns.length; index++) {
          const value = values[index] ?? null;
          if (typeof value === 'string' || (typeof value === 'object' && value !== null))
            chunkLength += value.length;
          columns[index]?.push(value === null ? null : (makeValue[index]?.(value) ?? null));
        }
        chunkRows += 1;
        rowCount += 1;
        if (chunkRows === CHUNK_ROWS || chunkLength >= CHUNK_LENGTH) handOver();
        if (rowCount % FLUSH_ROWS !== 0) return;
        handOver();
        appender.flushSync();
      } catch (error) {
        throw sqlError(error);
      }
    },
    close() {
      try {
        handOver();
        appender.closeSync();
      } catch (error) {
        throw sqlError(error);
      }
    },
  };
}

/** How the values of a column are handed to DuckDB. Types are made when they are asked for, since the client is loaded late. */
interface ColumnKind {
  readonly type: () => DuckDBType;
  readonly toValue: (value: NonNullable<AppendableValue>) => DuckDBValue;
}

const toNumber = (value: NonNullable<AppendableValue>): number => Number(value);
const toList = (value: NonNullable<AppendableValue>): DuckDBValue =>
  duckdb.listValue(value as readonly string[] | readonly number[]);

const COLUMNS: Readonly<Record<AppendableType, ColumnKind>> = {
  BIGINT: { type: () => duckdb.BIGINT, toValue: (value) => BigInt(value as bigint | number) },
  INTEGER: { type: () => duckdb.INTEGER, toValue: toNumber },
  DOUBLE: { type: () => duckdb.DOUBLE, toValue: toNumber },
  FLOAT: { type: () => duckdb.FLOAT, toValue: toNumber },
  BOOLEAN: { type: () => duckdb.BOOLEAN, toValue: (value) => value as boolean },
  VARCHAR: { type: () => duckdb.VARCHAR, toValue: (value) => value as string },
  'VARCHAR[]': { type: () => duckdb.LIST(duckdb.VARCHAR), toValue: toList },
  'FLOAT[]': { type: () => duckdb.LIST(duckdb.FLOAT), toValue: toList },
};
