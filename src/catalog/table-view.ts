import type { ObjectStore } from '../storage/object-store.ts';
import { isOwnDataFile } from '../table/column-tag.ts';
import type { DeltaField, DeltaType } from '../table/delta-schema.ts';
import type { DataFile, SnapshotFiles } from '../table/snapshot.ts';
import { duckDbTypeOf } from '../duckdb/column-type.ts';
import type { SqlSession } from '../duckdb/open-duckdb.ts';
import { quoteName, quoteText } from '../sql/sql-text.ts';

/** Name of the column with the data file of a row. */
export const FILE_COLUMN = '__data_file';

/** Aliases of the rows in the data files, and of the partition values from the log. */
const ROWS = '__rows';
const PARTITIONS = '__partitions';

/**
 * A SELECT over exactly the data files of a snapshot, with its columns in schema order. Delta data files do not hold partition columns:
 * their values come from the log, never from the names of folders, because the table may lie below other `name=value` folders. Columns that
 * an older file lacks are null.
 */
export async function selectSnapshot(
  db: Pick<SqlSession, 'locate'>,
  store: ObjectStore,
  snapshot: SnapshotFiles,
  options: { readonly withFile?: boolean } = {},
): Promise<string> {
  const withFile = options.withFile ?? false;
  const { files, schema, partitionColumns } = snapshot;
  if (files.length === 0) return selectNothing(schema.fields, withFile);
  const paths = await locateFiles(db, store, files);
  const isPartition = ({ name }: DeltaField): boolean => partitionColumns.includes(name);
  const partitions = schema.fields.filter(isPartition);
  const stored = schema.fields.filter((field) => !isPartition(field) && field.type !== 'void');
  const isShared = partitions.every((field) => sharesValue(files, field));
  const key = chooseKey(stored, paths);
  const columns = schema.fields.map((field) => {
    const name = quoteName(field.name);
    if (field.type === 'void') return `NULL AS ${name}`;
    if (!isPartition(field)) return `${ROWS}.${name}`;
    return isShared ? `${toLiteral(field, files[0])} AS ${name}` : `${PARTITIONS}.${name}`;
  });
  if (withFile) columns.push(`${ROWS}.${FILE_COLUMN}`);
  // A table may have no columns.
  if (columns.length === 0) columns.push('NULL AS __nothing');
  const namesFiles = withFile || (!isShared && key.column === FILE_COLUMN);
  const joined = isShared
    ? ''
    : ` JOIN (${selectPartitions(partitions, files, key)}) AS ${PARTITIONS} ON ${ROWS}.${key.column} = ${PARTITIONS}.${key.column}`;
  return `SELECT ${columns.join(', ')} FROM ${readParquet(files, stored, paths, namesFiles)} AS ${ROWS}${joined}`;
}

/** The paths or URIs of data files for DuckDB's readers; {@link FILE_COLUMN} has the same values. */
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

function sharesValue(files: readonly DataFile[], { name }: DeltaField): boolean {
  const first = files[0]?.partitionValues[name] ?? null;
  return files.every(({ partitionValues }) => (partitionValues[name] ?? null) === first);
}

/** How to tell which file a row comes from: a column of the reader, and SQL for the value of each file, as rows. */
interface FileKey {
  readonly column: string;
  readonly values: string;
}

/** The position of a file in the list is compared fastest, but a column of the table with that name would hide it. */
function chooseKey(stored: readonly DeltaField[], paths: readonly string[]): FileKey {
  const isHidden = stored.length === 0 || stored.some(({ name }) => name.toLowerCase() === 'file_index');
  return isHidden
    ? { column: FILE_COLUMN, values: `unnest(${toList(paths)})` }
    : { column: 'file_index', values: `unnest(range(${paths.length}))::UBIGINT` };
}

/** Reads files with the names and types of the table, because other writers may store other types, and older files lack columns. */
function readParquet(
  files: readonly DataFile[],
  stored: readonly DeltaField[],
  paths: readonly string[],
  namesFiles: boolean,
): string {
  const columns = stored.map(({ name, type }) => {
    const text = quoteText(name);
    return `${text}: {name: ${text}, type: ${quoteText(duckDbTypeOf(type))}, default_value: NULL}`;
  });
  // DuckDB trusts the bounds in a file, and other writers leave NaN out of them.
  const canHaveNan = stored.some(({ type }) => holdsFloats(type)) && !files.every(isOwnDataFile);
  const readArguments = [
    toList(paths),
    'hive_partitioning = false',
    ...(namesFiles ? [`filename = ${quoteText(FILE_COLUMN)}`] : []),
    ...(canHaveNan ? ['can_have_nan = true'] : []),
    ...(columns.length === 0 ? [] : [`schema = MAP {${columns.join(', ')}}`]),
  ];
  return `read_parquet(${readArguments.join(', ')})`;
}

function holdsFloats(type: DeltaType): boolean {
  if (typeof type === 'string') return type === 'float' || type === 'double';
  switch (type.type) {
    case 'array':
      return holdsFloats(type.elementType);
    case 'map':
      return holdsFloats(type.keyType) || holdsFloats(type.valueType);
    case 'struct':
      return type.fields.some((field) => holdsFloats(field.type));
  }
}

function selectPartitions(
  partitions: readonly DeltaField[],
  files: readonly DataFile[],
  key: FileKey,
): string {
  const columns = partitions.map(({ name, type }) => {
    const values = files.map(({ partitionValues }) => partitionValues[name] || null);
    return `unnest(${toList(values)}::${duckDbTypeOf(type)}[]) AS ${quoteName(name)}`;
  });
  return `SELECT ${[...columns, `${key.values} AS ${key.column}`].join(', ')}`;
}

/** A single constant, because DuckDB binds each element of a list literal separately, which takes longer than reading the files. */
function toList(texts: readonly (string | null)[]): string {
  return `from_json(${quoteText(JSON.stringify(texts))}, '["VARCHAR"]')`;
}

/** In the log, an empty text is null for every type (PROTOCOL.md, "Partition Value Serialization"). */
function toLiteral({ name, type }: DeltaField, file: DataFile | undefined): string {
  const value = file?.partitionValues[name] || null;
  return `${value === null ? 'NULL' : quoteText(value)}::${duckDbTypeOf(type)}`;
}

function selectNothing(fields: readonly DeltaField[], withFile: boolean): string {
  const columns = fields.map((field) => `NULL::${duckDbTypeOf(field.type)} AS ${quoteName(field.name)}`);
  if (withFile) columns.push(`NULL::VARCHAR AS ${FILE_COLUMN}`);
  if (columns.length === 0) columns.push('NULL AS __nothing');
  return `SELECT ${columns.join(', ')} WHERE false`;
}
