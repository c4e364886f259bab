import type { SqlTypeName } from './column-type.ts';

/** A value that an appender can append. */
export type AppendableValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly string[]
  | readonly number[];

/** Column types that an appender can append to. */
export type AppendableType = SqlTypeName;

/** Types of columns that hold one value. */
export type ScalarType = Exclude<AppendableType, `${string}[]`>;

/** Passes rows to DuckDB, at once or at the latest when they are handed over. */
export interface RowWriter {
  write(values: readonly AppendableValue[]): void;
  handOver(): void;
}
