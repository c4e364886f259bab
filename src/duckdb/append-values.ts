import type { DuckDBAppender } from '@duckdb/node-api';
import type { AppendableValue, RowWriter, ScalarType } from './appendable.ts';

/** Hands rows to DuckDB value by value: nothing of them stays in memory here. */
export function appendValues(appender: DuckDBAppender, types: readonly ScalarType[]): RowWriter {
  const appendValue = types.map((type) => APPEND[type]);
  return {
    write(values) {
      // A plain loop, because this runs for each value of each image and is compiled again wherever it is inlined.
      for (let index = 0; index < appendValue.length; index++) {
        const value = values[index] ?? null;
        if (value === null) appender.appendNull();
        else appendValue[index]?.(appender, value);
      }
      appender.endRow();
    },
    handOver() {
      // Each row was handed over at once.
    },
  };
}

type AppendValue = (appender: DuckDBAppender, value: NonNullable<AppendableValue>) => void;

const APPEND: Readonly<Record<ScalarType, AppendValue>> = {
  BIGINT: (appender, value) => appender.appendBigInt(BigInt(value as bigint | number)),
  INTEGER: (appender, value) => appender.appendInteger(Number(value)),
  DOUBLE: (appender, value) => appender.appendDouble(Number(value)),
  FLOAT: (appender, value) => appender.appendFloat(Number(value)),
  BOOLEAN: (appender, value) => appender.appendBoolean(value as boolean),
  VARCHAR: (appender, value) => appender.appendVarchar(value as string),
};
