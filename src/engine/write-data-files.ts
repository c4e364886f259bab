import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { ObjectStore } from '../storage/object-store.ts';
import { encodeDataPath } from '../table/data-path.ts';
import type { AddAction } from '../table/delta-actions.ts';
import type { DeltaStruct } from '../table/delta-schema.ts';
import { type ReturnedStatistics, toFileStats } from './file-stats.ts';
import type { DuckDb } from './open-duckdb.ts';
import { quoteName, quoteText } from './sql-text.ts';

/** What {@link writeDataFiles} writes and where. */
export interface DataFilesRequest {
  /** Rows in the order in which they are to lie; columns must be those of `schema`. */
  readonly query: string;
  readonly schema: DeltaStruct;
  readonly partitionColumns: readonly string[];
  /** Object key of the table's folder. */
  readonly folder: string;
  /** Name of the file where the table has no partitions; random by default. */
  readonly fileName?: string;
  readonly scratchDir: string;
  /** Rows per row group; smaller ones prune better, larger ones compress better. */
  readonly rowGroupSize?: number;
}

/** DuckDB's default of 122,880 would put a whole small partition into one row group, where statistics prune nothing. */
const ROW_GROUP_SIZE = 8_192;

interface CopiedFile {
  readonly filename: string;
  readonly count: bigint;
  readonly file_size_bytes: bigint;
  readonly column_statistics: ReturnedStatistics;
  readonly partition_keys: readonly { readonly key: string; readonly value: string | null }[] | null;
}

/**
 * Writes the rows of a query as Parquet data files (zstd; Hive-style folders for partition columns) into a table's folder and gives the
 * `add` actions for the commit that makes them visible. A query without rows writes nothing.
 *
 * @throws `SQL_FAILED`, `STORAGE_FULL` and other storage errors
 */
export async function writeDataFiles(
  db: DuckDb,
  store: ObjectStore,
  request: DataFilesRequest,
): Promise<AddAction[]> {
  const target = join(request.scratchDir, randomUUID());
  await mkdir(target, { recursive: true });
  try {
    const copied = await copyToParquet(db, request, target);
    const actions: AddAction[] = [];
    for (const file of copied) {
      if (file.count === 0n) continue;
      const path = relative(target, file.filename).split(sep).join('/');
      await store.moveIn(`${request.folder}/${path}`, file.filename);
      const partition = (file.partition_keys ?? []).map(({ key, value }) => [key, value] as const);
      actions.push({
        path: encodeDataPath(path),
        partitionValues: Object.fromEntries(partition),
        size: Number(file.file_size_bytes),
        modificationTime: Date.now(),
        dataChange: true,
        stats: JSON.stringify(toFileStats(request.schema, Number(file.count), file.column_statistics)),
      });
    }
    return actions;
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}

async function copyToParquet(db: DuckDb, request: DataFilesRequest, target: string): Promise<CopiedFile[]> {
  const { partitionColumns } = request;
  const isPartitioned = partitionColumns.length > 0;
  const options = [
    'FORMAT parquet',
    'COMPRESSION zstd',
    `ROW_GROUP_SIZE ${request.rowGroupSize ?? ROW_GROUP_SIZE}`,
    'RETURN_STATS',
    ...(isPartitioned
      ? [`PARTITION_BY (${partitionColumns.map(quoteName).join(', ')})`, `FILENAME_PATTERN 'part-{uuid}'`]
      : []),
  ];
  const destination = isPartitioned
    ? target
    : join(target, request.fileName ?? `part-${randomUUID()}.parquet`);
  return db.rows<CopiedFile>(`COPY (${request.query}) TO ${quoteText(destination)} (${options.join(', ')})`);
}
