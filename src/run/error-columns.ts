import type { AppendableType, AppendableValue } from '../duckdb/appendable.ts';
import { deltaTypeNamed } from '../duckdb/column-type.ts';
import { type DeltaStruct, deltaField } from '../table/delta-schema.ts';
import type { FailedImage } from './shard-item.ts';

/** A column of the errors of a run, a table with a row for each image that was not written. */
export interface ErrorColumn {
  readonly name: string;
  readonly type: AppendableType;
  valueOf(failed: FailedImage): AppendableValue;
}

/** The columns of the errors of a run: the position of the row in the plan, its id, the copy, the original, the stage and the error. */
export const ERROR_COLUMNS: readonly ErrorColumn[] = [
  { name: 'ordinal', type: 'BIGINT', valueOf: ({ item }) => item.firstOrdinal },
  { name: 'id', type: 'VARCHAR', valueOf: ({ item }) => item.id },
  { name: 'copy', type: 'INTEGER', valueOf: ({ item }) => item.copy },
  { name: 'source_key', type: 'VARCHAR', valueOf: ({ item }) => item.imageKey },
  { name: 'stage', type: 'VARCHAR', valueOf: ({ stage }) => stage },
  { name: 'code', type: 'VARCHAR', valueOf: ({ error }) => error.code },
  { name: 'message', type: 'VARCHAR', valueOf: ({ error }) => error.message },
];

/** The Delta schema of the errors of a run. */
export const ERRORS_SCHEMA: DeltaStruct = {
  type: 'struct',
  fields: ERROR_COLUMNS.map(({ name, type }) => deltaField(name, deltaTypeNamed(type))),
};
