import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { messageOf, PixlakeError } from '../errors.ts';
import { hashFile } from '../storage/hash-file.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { checksumTag } from '../table/checksum-tag.ts';
import { columnTags } from '../table/column-tag.ts';
import { encodeDataPath } from '../table/data-path.ts';
import type { AddAction, PartitionValues } from '../table/delta-actions.ts';
import type { DeltaStruct } from '../table/delta-schema.ts';
import { discardDataFiles } from '../table/discard-data-files.ts';
import { listInvariants } from '../table/features/invariants.ts';
import { type ReturnedStatistics, stringifyFileStats, toFileStats } from './file-stats.ts';
import type { DuckDb } from './open-duckdb.ts';
import { parseSelect } from '../sql/parse-select.ts';
import { quoteName, quoteText } from '../sql/sql-text.ts';

/** What {@link writeDataFiles} writes and where. */
export interface DataFilesRequest {
  /** Rows in the order in which they are stored; columns must be those of `schema`. */
  readonly query: string;
  readonly schema: DeltaStruct;
  readonly partitionColumns: readonly string[];
  /** Object key of the table's folder. */
  readonly folder: string;
  /** Prefix of the file name in a table without partitions; a hash of the contents follows. By default the name is random. */
  readonly namePrefix?: string;
  /** Puts all rows into this partition. `query` then has no partition columns. */
  readonly partition?: DataPartition;
  /** Size in bytes after which a new file begins; by default each partition is one file. */
  readonly targetBytes?: number;
  readonly scratchDir: string;
  /** Level of zstd from 1 to 22; DuckDB's default is 3. */
  readonly compressionLevel?: number;
  /** Rows per row group. Smaller groups prune better, larger ones compress better. */
  readonly rowGroupSize?: number;
}

/** One partition: its values, and its folder relative to the table (`''` without partition columns). */
export interface DataPartition {
  readonly values: PartitionValues;
  readonly folder: string;
}

/** DuckDB's default of 122,880 would put a small partition into one row group, in which statistics cannot skip anything. */
const ROW_GROUP_SIZE = 8_192;

interface CopiedFile {
  readonly filename: string;
  readonly count: bigint;
  readonly file_size_bytes: bigint;
  readonly column_statistics: ReturnedStatistics;
  readonly partition_keys: readonly { readonly key: string; readonly value: string | null }[] | null;
}

/**
 * Writes the rows of a query as Parquet data files (zstd; Hive-style folders for partition columns) into a table's folder and returns the
 * `add` actions for the commit that makes them visible. A query without rows writes nothing. A failure leaves no files behind, except files
 * with a `namePrefix`, which others may also have written.
 *
 * @throws `CONSTRAINT_VIOLATED` for rows that the schema forbids, `SQL_FAILED`, `STORAGE_FULL` and other storage errors
 */
export async function writeDataFiles(
  db: DuckDb,
  store: ObjectStore,
  request: DataFilesRequest,
): Promise<AddAction[]> {
  const target = join(request.scratchDir, randomUUID());
  await mkdir(target, { recursive: true });
  const placed: { readonly path: string }[] = [];
  try {
    const copied = await copyToParquet(db, request, target);
    checkNulls(request, copied);
    const tags = columnTags(request.schema, request.partitionColumns);
    const actions: AddAction[] = [];
    for (const file of copied) {
      if (file.count === 0n) continue;
      const sha256 = await hashFile(file.filename);
      const path = pathInTable(request, target, file.filename, sha256);
      const encoded = encodeDataPath(path);
      placed.push({ path: encoded });
      await store.moveIn(`${request.folder}/${path}`, file.filename);
      const keys = (file.partition_keys ?? []).map(({ key, value }) => [key, value] as const);
      actions.push({
        path: encoded,
        partitionValues: request.partition?.values ?? Object.fromEntries(keys),
        size: Number(file.file_size_bytes),
        modificationTime: Date.now(),
        dataChange: true,
        stats: stringifyFileStats(toFileStats(request.schema, Number(file.count), file.column_statistics)),
        tags: { ...tags, ...checksumTag(sha256) },
      });
    }
    return actions;
  } catch (error) {
    if (request.namePrefix === undefined) await discardDataFiles(store, request.folder, placed);
    throw error;
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}

/** Destination of a file that was written below the scratch folder `target`. */
function pathInTable(
  { partition, targetBytes, namePrefix }: DataFilesRequest,
  target: string,
  written: string,
  sha256: string,
): string {
  if (namePrefix !== undefined) return `${namePrefix}-${sha256.slice(0, 8)}.parquet`;
  const path = relative(target, written).split(sep).join('/');
  // DuckDB numbers the files of each write from 0 when it splits by size.
  const name = targetBytes === undefined ? path : `part-${randomUUID()}.parquet`;
  return partition === undefined || partition.folder === '' ? name : `${partition.folder}/${name}`;
}

async function copyToParquet(db: DuckDb, request: DataFilesRequest, target: string): Promise<CopiedFile[]> {
  const { partitionColumns, targetBytes } = request;
  const isPartitioned = partitionColumns.length > 0 && request.partition === undefined;
  const options = [
    'FORMAT parquet',
    'COMPRESSION zstd',
    ...(request.compressionLevel === undefined ? [] : [`COMPRESSION_LEVEL ${request.compressionLevel}`]),
    `ROW_GROUP_SIZE ${request.rowGroupSize ?? ROW_GROUP_SIZE}`,
    'RETURN_STATS',
    ...(targetBytes === undefined ? [] : [`FILE_SIZE_BYTES ${targetBytes}`]),
    ...(isPartitioned
      ? [`PARTITION_BY (${partitionColumns.map(quoteName).join(', ')})`, `FILENAME_PATTERN 'part-{uuid}'`]
      : []),
  ];
  const isFolder = isPartitioned || targetBytes !== undefined;
  const destination = isFolder ? target : join(target, `part-${randomUUID()}.parquet`);
  try {
    return await db.rows<CopiedFile>(
      `COPY (${await checkedQuery(db, request)}) TO ${quoteText(destination)} (${options.join(', ')})`,
    );
  } catch (error) {
    const cause = messageOf(error);
    const violated = cause.indexOf(VIOLATED);
    if (violated !== -1)
      throw new PixlakeError('CONSTRAINT_VIOLATED', cause.slice(violated).split('\n', 1).join(''), {
        cause: error,
      });
    if (!/file name too long/iu.test(cause)) throw error;
    const message = `a value of ${partitionColumns.join(' or ')} is too long for the name of a folder`;
    throw new PixlakeError('SCHEMA_MISMATCH', message, {
      cause: error,
      remedy: 'partition by a column with short values (--partition-by)',
    });
  }
}

/** The rows as they are stored: partition values that cannot be told from null are null, and invariants are checked. */
async function checkedQuery(db: DuckDb, request: DataFilesRequest): Promise<string> {
  const { query, schema, partitionColumns } = request;
  // The rows of one given partition were in the table before.
  if (request.partition !== undefined) return query;
  const emptied = schema.fields
    .filter(({ name, type }) => type === 'string' && partitionColumns.includes(name))
    .map(({ name }) => `nullif(${quoteName(name)}, '') AS ${quoteName(name)}`);
  const conditions = await invariantsOf(db, schema);
  if (emptied.length + conditions.length === 0) return query;
  const replaced = emptied.length === 0 ? '*' : `* REPLACE (${emptied.join(', ')})`;
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return `SELECT ${replaced} FROM (${query})${where}`;
}

/** Conditions on rows from the metadata of columns (PROTOCOL.md, "Column Invariants"). A row that violates one fails the query. */
async function invariantsOf(db: DuckDb, schema: DeltaStruct): Promise<string[]> {
  const conditions: string[] = [];
  for (const { column, expression } of listInvariants(schema)) {
    const isPlain = expression !== undefined && !/\bselect\b/iu.test(expression);
    if (!isPlain || (await parseSelect(db, `SELECT (${expression})`)).tables.length > 0) {
      throw new PixlakeError(
        'TABLE_FEATURE_UNSUPPORTED',
        `column ${column} has an invariant that pixlake cannot check`,
      );
    }
    const failure = quoteText(`${VIOLATED} ${column}: ${expression}`);
    conditions.push(`CASE WHEN (${expression}) THEN true ELSE error(${failure}) END`);
  }
  return conditions;
}

const VIOLATED = 'a row violates the invariant of column';

function checkNulls({ schema }: DataFilesRequest, copied: readonly CopiedFile[]): void {
  for (const { name, nullable } of schema.fields) {
    if (nullable) continue;
    const key = quoteName(name);
    const hasNulls = copied.some(({ column_statistics: columns, partition_keys: partition }) => {
      const statistics = columns.find((column) => column.key === key)?.value;
      const nullCount = statistics?.find((item) => item.key === 'null_count')?.value ?? '0';
      const isNullPartition = partition?.some((item) => item.key === name && item.value === null);
      return nullCount !== '0' || isNullPartition;
    });
    if (hasNulls) throw new PixlakeError('CONSTRAINT_VIOLATED', `column ${name} must not be null`);
  }
}
