import type { DuckDBAppender, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import type { AppendableType, AppendableValue, RowWriter } from './appendable.ts';
import { duckdb } from './duckdb-api.ts';

/** Rows of a chunk: as many as DuckDB's vectors hold. */
const CHUNK_ROWS = 2048;

/** Characters and elements of lists from which a chunk is handed over, so that long rows do not add up. */
const CHUNK_LENGTH = 1024 ** 2;

/** Hands rows to DuckDB in chunks, column by column: value by value, a list would cost a call for each of its elements. */
export function appendChunks(appender: DuckDBAppender, types: readonly AppendableType[]): RowWriter {
  const makeValue = types.map((type) => COLUMNS[type].toValue);
  const columns: DuckDBValue[][] = types.map(() => []);
  let rowCount = 0;
  let length = 0;
  const handOver = (): void => {
    if (rowCount === 0) return;
    const chunk = duckdb.DuckDBDataChunk.create(
      types.map((type) => COLUMNS[type].type()),
      rowCount,
    );
    chunk.setColumns(columns);
    appender.appendDataChunk(chunk);
    for (const column of columns) column.length = 0;
    rowCount = 0;
    length = 0;
  };
  return {
    write(values) {
      for (let index = 0; index < columns.length; index++) {
        const value = values[index] ?? null;
        if (typeof value === 'string' || (typeof value === 'object' && value !== null))
          length += value.length;
        columns[index]?.push(value === null ? null : (makeValue[index]?.(value) ?? null));
      }
      rowCount += 1;
      if (rowCount === CHUNK_ROWS || length >= CHUNK_LENGTH) handOver();
    },
    handOver,
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
