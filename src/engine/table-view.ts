import type { ObjectStore } from '../storage/object-store.ts';
import type { DeltaField } from '../table/delta-schema.ts';
import type { DataFile, Snapshot } from '../table/snapshot.ts';
import { duckDbTypeOf } from './column-type.ts';
import { quoteName, quoteText } from './sql-text.ts';

/**
 * A SELECT over exactly the data files of a snapshot, with its columns in schema order. Delta data files do not hold partition columns:
 * they are read from the Hive-style folder names, which DuckDB prunes by, or from the log where the folder says something else.
 */
export function selectSnapshot(
  store: ObjectStore,
  snapshot: Snapshot,
  options: { readonly withFile?: boolean } = {},
): string {
  const withFile = options.withFile ?? false;
  const { fields } = snapshot.schema;
  if (snapshot.files.length === 0) return selectNothing(fields, withFile);
  const { partitionColumns } = snapshot;
  const selects: string[] = [];
  const plain = snapshot.files.filter((file) => isHiveFile(file, partitionColumns));
  if (plain.length > 0) {
    const columns = fields.map((field) => quoteName(field.name));
    selects.push(selectFiles(store, plain, columns, hiveArguments(snapshot), withFile));
  }
  for (const file of snapshot.files) {
    if (isHiveFile(file, partitionColumns)) continue;
    const columns = fields.map((field) =>
      partitionColumns.includes(field.name)
        ? `${toLiteral(field, file.partitionValues[field.name])} AS ${quoteName(field.name)}`
        : quoteName(field.name),
    );
    selects.push(selectFiles(store, [file], columns, ['hive_partitioning = false'], withFile));
  }
  return selects.length === 1 ? selects.join('') : `FROM (${selects.join(' UNION ALL ')})`;
}

function selectFiles(
  store: ObjectStore,
  files: readonly DataFile[],
  columns: readonly string[],
  readOptions: readonly string[],
  withFile: boolean,
): string {
  const paths = files.map((file) => quoteText(store.locate(file.key)));
  const readArguments = [`[${paths.join(', ')}]`, ...readOptions, ...(withFile ? ['filename = true'] : [])];
  const selected = withFile ? [...columns, `filename AS ${FILE_COLUMN}`] : columns;
  return `SELECT ${selected.join(', ')} FROM read_parquet(${readArguments.join(', ')})`;
}

/** Texts that DuckDB reads as null in a folder name, in any case. */
const HIVE_NULLS = new Set(['null', '__hive_default_partition__']);

/** Whether the folder names, read as DuckDB reads them, give the file's partition values. */
function isHiveFile(file: DataFile, partitionColumns: readonly string[]): boolean {
  const folders = file.key.split('/');
  return partitionColumns.every((column) => {
    const prefix = `${column}=`;
    const folder = folders.findLast((name) => name.startsWith(prefix));
    const text = folder === undefined ? undefined : decodeFolder(folder.slice(prefix.length));
    if (text === undefined) return false;
    const value = file.partitionValues[column] ?? null;
    return HIVE_NULLS.has(text.toLowerCase()) ? value === null : value === text;
  });
}

function decodeFolder(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** In the log, an empty text is null for every type; our own tables tell the two apart for texts. */
function toLiteral({ type }: DeltaField, value: string | null | undefined): string {
  const isNull = value === null || value === undefined || (value === '' && type !== 'string');
  return `${isNull ? 'NULL' : quoteText(value)}::${duckDbTypeOf(type)}`;
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
