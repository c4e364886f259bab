import { openAppender } from '../engine/appender.ts';
import type { DuckDb } from '../engine/open-duckdb.ts';
import { rowBatches } from '../engine/result-stream.ts';
import { quoteText } from '../engine/sql-text.ts';
import type { ObjectEntry, ObjectStore } from '../storage/object-store.ts';
import { REFERENCED } from './image-references.ts';

/** Files that a removal took, or would take. */
export interface RemovedFiles {
  /** Object key of the folder that they lay in. */
  readonly folder: string;
  readonly fileCount: number;
  readonly sizeBytes: number;
}

/** Files that a removal left, and why. */
export interface KeptFiles extends RemovedFiles {
  readonly reason: string;
}

/** What a removal did, or would do. */
export interface Removal {
  readonly removed: RemovedFiles;
  readonly kept: readonly KeptFiles[];
}

interface RemoveOptions {
  readonly isDryRun: boolean;
  readonly signal?: AbortSignal | undefined;
  /** A file that is counted, but that the caller removes last. */
  readonly leftKey?: string;
  /** Called with the keys before they go. */
  readonly onRemove?: (keys: readonly string[]) => void;
}

/** Lists files for {@link removeListed}; the list may be longer than memory. */
export async function listForRemoval(db: DuckDb, files: AsyncIterable<ObjectEntry>): Promise<void> {
  await db.run('CREATE OR REPLACE TABLE listed (key VARCHAR, size_bytes BIGINT)');
  const appender = await openAppender(db, 'listed', ['VARCHAR', 'BIGINT']);
  try {
    for await (const { key, sizeBytes } of files) appender.append([key, sizeBytes]);
  } finally {
    appender.close();
  }
}

/**
 * Removes the listed files of a folder but those that are in {@link REFERENCED}. Logs of tables go first, from the newest entry on: other engines
 * see a table as long as it has a log.
 *
 * @throws `INTERRUPTED`, `STORAGE_…`
 */
export async function removeListed(
  db: DuckDb,
  store: ObjectStore,
  folder: string,
  { isDryRun, signal, leftKey = '', onRemove }: RemoveOptions,
): Promise<Removal> {
  const unreferenced = `FROM listed ANTI JOIN ${REFERENCED} USING (key)`;
  const [sums] = await db.rows<Sums>(`SELECT ${SUMS} ${unreferenced}`);
  const kept = await db.rows<Sums & { referrers: string }>(`
    SELECT referrers, ${SUMS} FROM listed JOIN (
      SELECT key, string_agg(DISTINCT referrer, ', ' ORDER BY referrer) AS referrers FROM ${REFERENCED} GROUP BY key
    ) USING (key) GROUP BY referrers ORDER BY referrers`);
  const removal = {
    removed: { folder, ...toCounts(sums) },
    kept: kept.map(({ referrers, ...counts }) => ({
      folder,
      ...toCounts(counts),
      reason: `${referrers} refers to them`,
    })),
  };
  const keys = await db.connection.stream(`
    SELECT key ${unreferenced} WHERE key <> ${quoteText(leftKey)}
    ORDER BY contains(key, '/_delta_log/') DESC, key DESC`);
  for await (const batch of rowBatches(keys)) {
    signal?.throwIfAborted();
    const batchKeys = batch.getRows().map(([key]) => String(key));
    onRemove?.(batchKeys);
    if (!isDryRun) await store.deleteMany(batchKeys);
  }
  return removal;
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
  readonly files: bigint;
  readonly bytes: bigint;
}

const SUMS = 'count(*) AS files, coalesce(sum(size_bytes), 0)::BIGINT AS bytes';

function toCounts(sums: Sums | undefined): { fileCount: number; sizeBytes: number } {
  return { fileCount: Number(sums?.files ?? 0), sizeBytes: Number(sums?.bytes ?? 0) };
}
