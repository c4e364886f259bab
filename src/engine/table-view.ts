import type { ObjectStore } from '../storage/object-store.ts';
import type { DeltaField } from '../table/delta-schema.ts';
import type { Snapshot } from '../table/snapshot.ts';
import { duckDbTypeOf } from './column-type.ts';
import { quoteName, quoteText } from './sql-text.ts';

/**
 * A SELECT over exactly the data files of a snapshot, with its columns in schema order. Partition columns are read from the Hive-style
 * folder names, since Delta data files do not hold them.
 */
export function selectSnapshot(
  store: ObjectStore,
  snapshot: Snapshot,
  options: { readonly withFile?: boolean } = {},
): string {
  const { fields } = snapshot.schema;
  if (snapshot.files.length === 0) return selectNothing(fields, options.withFile ?? false);
  const columns = fields.map((field) => quoteName(field.name));
  if (options.withFile) columns.push(`filename AS ${FILE_COLUMN}`);
  const files = snapshot.files.map((file) => quoteText(store.locate(file.key)));
  const readArguments = [`[${files.join(', ')}]`, ...hiveArguments(snapshot)];
  if (options.withFile) readArguments.push('filename = true');
  return `SELECT ${columns.join(', ')} FROM read_parquet(${readArguments.join(', ')})`;
}

/** Name of the column that tells which data file a row lies in. */
export const FILE_COLUMN = '__data_file';

function hiveArguments(snapshot: Snapshot): string[] {
  if (snapshot.partitionColumns.length === 0) return ['hive_partitioning = false'];
  const types = snapshot.schema.fields
    .filter((field) => snapshot.partitionColumns.includes(field.name))
    .map((field) => `${quoteText(field.name)}: ${quoteText(duckDbTypeOf(field.type))}`);
  return ['hive_partitioning = true', `hive_types = {${types.join(', ')}}`];
}

function selectNothing(fields: readonly DeltaField[], withFile: boolean): string {
  const columns = fields.map((field) => `NULL::${duckDbTypeOf(field.type)} AS ${quoteName(field.name)}`);
  if (withFile) columns.push(`NULL::VARCHAR AS ${FILE_COLUMN}`);
  return `SELECT ${columns.join(', ')} WHERE false`;
}
