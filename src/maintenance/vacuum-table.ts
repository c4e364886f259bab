import { findOwnTable } from '../engine/lake-tables.ts';
import { PixlakeError } from '../errors.ts';
import { toDataKey } from '../table/data-path.ts';
import type { RemoveAction } from '../table/delta-actions.ts';
import { listLog } from '../table/log-listing.ts';
import { readLogEntry } from '../table/read-snapshot.ts';
import type { Snapshot } from '../table/snapshot.ts';
import { IN_FLIGHT_MS, type MaintenanceContext } from './maintenance-context.ts';

/** Which table is to be rid of what no version needs any more. */
export interface VacuumSpec {
  readonly table: string;
  /** Versions of so many ms ago stay readable; 7 days by default. */
  readonly retainMs?: number;
  /** Only tells what would go. */
  readonly isDryRun?: boolean;
}

/** What a vacuum did, or would do. */
export interface VacuumReport {
  readonly table: string;
  readonly isDryRun: boolean;
  /** Object keys of the files that went. */
  readonly removedKeys: readonly string[];
  readonly removedBytes: number;
  /** Temporary files and folders of processes that died. */
  readonly sweptCount: number;
}

const DEFAULT_RETAIN_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Removes data files that no version within the retention needs: those that were taken out of the table before it began, and those that
 * no commit ever knew. Also sweeps temporary files of processes that died.
 *
 * @throws `TABLE_NOT_FOUND`, `TABLE_READ_ONLY`, `ARGUMENT_INVALID`, `TABLE_FEATURE_UNSUPPORTED`, `STORAGE_…`
 */
export async function vacuumTable({ store }: MaintenanceContext, spec: VacuumSpec): Promise<VacuumReport> {
  const retainMs = spec.retainMs ?? DEFAULT_RETAIN_MS;
  if (!(retainMs >= 0)) throw new PixlakeError('ARGUMENT_INVALID', `cannot retain ${retainMs} ms`);
  const nowMs = Date.now();
  // Listed before the log is read, so that a file committed in between counts as known.
  const candidates = await listDataKeys(store, await findOwnTable(store, spec.table));
  const snapshot = await findOwnTable(store, spec.table);
  const { kept, known } = await sortOut(store, snapshot, nowMs - retainMs);
  const removedKeys: string[] = [];
  let removedBytes = 0;
  for (const { key, sizeBytes, modifiedMs } of candidates) {
    const isDue = known.has(key) || modifiedMs < nowMs - Math.max(retainMs, IN_FLIGHT_MS);
    if (kept.has(key) || !isDue) continue;
    removedKeys.push(key);
    removedBytes += sizeBytes;
  }
  const isDryRun = spec.isDryRun ?? false;
  if (!isDryRun) await store.deleteMany(removedKeys);
  const sweptCount = isDryRun ? 0 : await store.sweepTemporary(nowMs - IN_FLIGHT_MS);
  return { table: spec.table, isDryRun, removedKeys: removedKeys.sort(), removedBytes, sweptCount };
}

async function listDataKeys(
  store: MaintenanceContext['store'],
  { folder, partitionColumns }: Snapshot,
): Promise<{ key: string; sizeBytes: number; modifiedMs: number }[]> {
  const found = [];
  for await (const entry of store.list(folder)) {
    const parts = entry.key.slice(folder.length + 1).split('/');
    // Folders that begin with _ or . are hidden from vacuum, unless a partition column does (PROTOCOL.md, "Delta Log Entries").
    const isHidden = parts.some(
      (part) => /^[._]/u.test(part) && !partitionColumns.some((column) => part.startsWith(`${column}=`)),
    );
    if (!isHidden) found.push(entry);
  }
  return found;
}

/**
 * Keys of files that a version since `cutoffMs` needs, and of all files that the log knows. A file that such a version holds is in the table
 * still, or was taken out by a commit since then.
 */
async function sortOut(
  store: MaintenanceContext['store'],
  snapshot: Snapshot,
  cutoffMs: number,
): Promise<{ kept: Set<string>; known: Set<string> }> {
  const { folder, files, removed } = snapshot;
  const kept = new Set(files.map(({ key }) => key));
  const known = new Set(kept);
  const remember = ({ path }: RemoveAction, removedMs: number): void => {
    const key = toDataKey(store.uri, folder, path);
    known.add(key);
    if (removedMs >= cutoffMs) kept.add(key);
  };
  for (const remove of removed) remember(remove, remove.deletionTimestamp ?? 0);
  const listing = await listLog(store, folder);
  for (const [version, modifiedMs] of listing?.entries ?? []) {
    const actions = await readLogEntry(store, folder, version);
    const committedMs = actions.find(({ commitInfo }) => commitInfo)?.commitInfo?.timestamp ?? modifiedMs;
    for (const { add, remove } of actions) {
      if (add !== undefined) known.add(toDataKey(store.uri, folder, add.path));
      if (remove !== undefined) remember(remove, Math.max(committedMs, remove.deletionTimestamp ?? 0));
    }
  }
  return { kept, known };
}
