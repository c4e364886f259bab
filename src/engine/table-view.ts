import type { ObjectStore } from '../storage/object-store.ts';
import { type ColumnKnowledge, columnKnowledge } from '../table/column-tag.ts';
import type { DeltaField } from '../table/delta-schema.ts';
import type { DataFile, SnapshotFiles } from '../table/snapshot.ts';
import { duckDbTypeOf } from './column-type.ts';
import type { SqlSession } from './open-duckdb.ts';
import { quoteName, quoteText } from './sql-text.ts';

/** Name of the column that tells which data file a row lies in. */
export const FILE_COLUMN = '__data_file';

/** Data files that one `read_parquet` can read. */
interface FileGroup {
  readonly knowledge: ColumnKnowledge;
  /** Whether the folder names give the partition values; otherwise all files share those of the first. */
  readonly isHive: boolean;
  readonly files: DataFile[];
}

/**
 * A SELECT over exactly the data files of a snapshot, with its columns in schema order. Delta data files do not hold partition columns:
 * they are read from the Hive-style folder names, which DuckDB prunes by, or from the log where the folder says something else. Columns
 * that a file lacks because it is older are null.
 */
export async function selectSnapshot(
  db: Pick<SqlSession, 'locate'>,
  store: ObjectStore,
  snapshot: SnapshotFiles,
  options: { readonly withFile?: boolean } = {},
): Promise<string> {
  const withFile = options.withFile ?? false;
  const selects: string[] = [];
  for (const group of groupFiles(snapshot)) {
    const paths = await locateFiles(db, store, group.files);
    selects.push(selectGroup(snapshot, group, paths, withFile));
  }
  if (selects.length === 0) return selectNothing(snapshot.schema.fields, withFile);
  return selects.length === 1 ? selects.join('') : `FROM (${selects.join(' UNION ALL ')})`;
}

/** The paths or URIs of data files for DuckDB's readers, which {@link FILE_COLUMN} holds too. */
export async function locateFiles(
  db: Pick<SqlSession, 'locate'>,
  store: ObjectStore,
  files: readonly DataFile[],
): Promise<string[]> {
  return db.locate(
    store,
    files.map(({ key, sizeBytes, add }) => ({ key, sizeBytes, modifiedMs: add.modificationTime })),
  );
}

function groupFiles(snapshot: SnapshotFiles): FileGroup[] {
  const { partitionColumns } = snapshot;
  const knowledgeOf = columnKnowledge(snapshot);
  const groups = new Map<string, FileGroup>();
  for (const file of snapshot.files) {
    const knowledge = knowledgeOf(file);
    const isHive = isHiveFile(file, partitionColumns);
    const values = partitionColumns.map((column) => file.partitionValues[column] ?? null);
    const key = JSON.stringify([knowledge, isHive || values]);
    const group = groups.get(key) ?? { knowledge, isHive, files: [] };
    groups.set(key, group);
    group.files.push(file);
  }
  return [...groups.values()];
}

function selectGroup(
  snapshot: SnapshotFiles,
  group: FileGroup,
  paths: readonly string[],
  withFile: boolean,
): string {
  const { partitionColumns, schema } = snapshot;
  const [first] = group.files;
  const columns = schema.fields.map((field) => {
    const name = quoteName(field.name);
    if (!group.isHive && partitionColumns.includes(field.name))
      return `${toLiteral(field, first?.partitionValues[field.name])} AS ${name}`;
    // Other writers may store a type in another way, such as timestamps without their zone.
    return group.knowledge === 'typed' ? name : `${name}::${duckDbTypeOf(field.type)} AS ${name}`;
  });
  if (withFile) columns.push(FILE_COLUMN);
  return `SELECT ${columns.join(', ')} FROM ${readGroup(snapshot, group, paths, withFile)}`;
}

function readGroup(
  snapshot: SnapshotFiles,
  group: FileGroup,
  paths: readonly string[],
  withFile: boolean,
): string {
  const isIncomplete = group.knowledge === 'unknown';
  const readArguments = [
    `[${paths.map(quoteText).join(', ')}]`,
    ...(group.isHive ? hiveArguments(snapshot) : ['hive_partitioning = false']),
    ...(withFile ? [`filename = ${quoteText(FILE_COLUMN)}`] : []),
    ...(isIncomplete ? ['union_by_name = true'] : []),
  ];
  const read = `read_parquet(${readArguments.join(', ')})`;
  if (!isIncomplete) return read;
  // A column may be in none of the files; the empty relation makes sure that it is there, as null.
  const expected = snapshot.schema.fields.filter(({ name }) => !snapshot.partitionColumns.includes(name));
  return `(${selectNothing(expected, false)} UNION ALL BY NAME SELECT * FROM ${read})`;
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
    if (text === undefined || text === '') return false;
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

/** In the log, an empty text is null for every type (PROTOCOL.md, "Partition Value Serialization"). */
function toLiteral({ type }: DeltaField, value: string | null | undefined): string {
  const isNull = value === null || value === undefined || value === '';
  return `${isNull ? 'NULL' : quoteText(value)}::${duckDbTypeOf(type)}`;
}

function hiveArguments(snapshot: SnapshotFiles): string[] {
  if (snapshot.partitionColumns.length === 0) return ['hive_partitioning = false'];
  const types = snapshot.schema.fields
    .filter((field) => snapshot.partitionColumns.includes(field.name))
    .map((field) => `${quoteText(field.name)}: ${quoteText(duckDbTypeOf(field.type))}`);
  return ['hive_partitioning = true', `hive_types = {${types.join(', ')}}`];
}

function selectNothing(fields: readonly DeltaField[], withFile: boolean): string {
  const columns = fields.map((field) => `NULL::${duckDbTypeOf(field.type)} AS ${quoteName(field.name)}`);
  if (withFile) columns.push(`NULL::VARCHAR AS ${FILE_COLUMN}`);
  // A table may have partition columns only.
  if (columns.length === 0) columns.push('NULL AS __nothing');
  return `SELECT ${columns.join(', ')} WHERE false`;
}
