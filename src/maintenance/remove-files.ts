import { openAppender } from '../duckdb/appender.ts';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { rowBatches } from '../duckdb/result-stream.ts';
import { quoteText } from '../sql/sql-text.ts';
import type { ObjectEntry, ObjectStore } from '../storage/object-store.ts';
import { LISTED, REFERENCED } from './image-references.ts';

/** Files that were removed, or would be. */
export interface RemovedFiles {
  /** Object key of their folder. */
  readonly folder: string;
  readonly fileCount: number;
  readonly sizeBytes: number;
}

/** Files that were kept, and why. */
export interface KeptFiles extends RemovedFiles {
  readonly reason: string;
}

/** Result of a removal, or of a dry run, by folder. */
export interface Removal {
  readonly removed: readonly RemovedFiles[];
  readonly kept: readonly KeptFiles[];
}

interface RemoveOptions {
  readonly isDryRun: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Files that are counted here and removed by the caller at the end. */
  readonly leftKeys?: readonly string[];
  /** Called with the keys before they are removed. */
  readonly onRemove?: (keys: readonly string[]) => void;
}

/** Lists files of a folder for {@link removeListed}. */
export async function listForRemoval(
  db: DuckDb,
  folder: string,
  files: AsyncIterable<ObjectEntry>,
): Promise<void> {
  const appender = await openAppender(db, LISTED, ['VARCHAR', 'VARCHAR', 'BIGINT']);
  try {
    for await (const { key, sizeBytes } of files) appender.append([folder, key, sizeBytes]);
  } finally {
    appender.close();
  }
}

/**
 * Removes the listed files except those in {@link REFERENCED}. Logs of tables go first, beginning with the newest entry: other engines see a table as
 * long as it has a log.
 *
 * @throws `INTERRUPTED`, `STORAGE_…`
 */
export async function removeListed(
  db: DuckDb,
  store: ObjectStore,
  { isDryRun, signal, leftKeys = [], onRemove }: RemoveOptions,
): Promise<Removal> {
  const unreferenced = `FROM ${LISTED} ANTI JOIN ${REFERENCED} USING (key)`;
  const removed = await db.rows<Sums>(`SELECT ${SUMS} ${unreferenced} GROUP BY folder ORDER BY folder`);
  const kept = await db.rows<Sums & { referrers: string }>(`
    SELECT referrers, ${SUMS} FROM ${LISTED} JOIN (
      SELECT key, string_agg(DISTINCT referrer, ', ' ORDER BY referrer) AS referrers FROM ${REFERENCED} GROUP BY key
    ) USING (key) GROUP BY folder, referrers ORDER BY folder, referrers`);
  const left = ["''", ...leftKeys.map(quoteText)].join(', ');
  const keys = await db.connection.stream(`
    SELECT key ${unreferenced} WHERE key NOT IN (${left})
    ORDER BY contains(key, '/_delta_log/') DESC, key DESC`);
  for await (const batch of rowBatches(keys)) {
    signal?.throwIfAborted();
    const batchKeys = batch.getRows().map(([key]) => String(key));
    onRemove?.(batchKeys);
    if (!isDryRun) await store.deleteMany(batchKeys);
  }
  return {
    removed: removed.map(toFiles),
    kept: kept.map((sums) => ({ ...toFiles(sums), reason: `${sums.referrers} refers to them` })),
  };
}

/** Counts the files below a folder. */
export async function countFiles(
  store: ObjectStore,
  folder: string,
): Promise<{ fileCount: number; sizeBytes: number }> {
  let [fileCount, sizeBytes] = [0, 0];
  for await (const entry of store.list(folder)) {
    fileCount += 1;
    sizeBytes += entry.sizeBytes;
  }
  return { fileCount, sizeBytes };
}

interface Sums {
  readonly folder: string;
  readonly files: bigint;
  readonly bytes: bigint;
}

const SUMS = 'folder, count(*) AS files, sum(size_bytes)::BIGINT AS bytes';

function toFiles({ folder, files, bytes }: Sums): RemovedFiles {
  return { folder, fileCount: Number(files), sizeBytes: Number(bytes) };
}
