import { findOwnTable } from '../catalog/find-table.ts';
import { PixlakeError } from '../errors.ts';
import { commitTimeOf } from '../table/commit-times.ts';
import type { RemoveAction } from '../table/delta-actions.ts';
import { fileKeyOf } from '../table/file-identity.ts';
import { listLog } from '../table/log-listing.ts';
import { checkWritable } from '../table/protocol.ts';
import { readLogEntry, readSnapshot } from '../table/read-snapshot.ts';
import type { Snapshot } from '../table/snapshot.ts';
import { retentionOf } from '../table/table-properties.ts';
import { listExpiredLog } from './expired-log.ts';
import { IN_FLIGHT_MS, type MaintenanceContext } from './maintenance-context.ts';

/** Which table to vacuum, and how much history to keep. */
export interface VacuumSpec {
  readonly table: string;
  /**
   * Versions of `retainMs` ago stay readable. By default the table's properties decide: `delta.deletedFileRetentionDuration` (7 days) for
   * data files and `delta.logRetentionDuration` (30 days) for log entries.
   */
  readonly retainMs?: number;
  /** Whether to only report what would be removed. */
  readonly isDryRun?: boolean;
}

/** Result of a vacuum, or of a dry run. */
export interface VacuumReport {
  readonly table: string;
  readonly isDryRun: boolean;
  /** Object keys of the removed data files. */
  readonly removedKeys: readonly string[];
  readonly removedBytes: number;
  /** Object keys of the removed log entries and checkpoints. */
  readonly removedLogKeys: readonly string[];
  /** Number of removed temporary files and folders of dead processes. */
  readonly sweptCount: number;
}

/**
 * Removes data files that no version within the retention needs: files that were removed from the table before it began, and files that
 * no commit ever named. Removes log entries that only older versions need, and sweeps temporary files of dead processes. What an
 * unfinished run reads stays.
 *
 * @throws `TABLE_NOT_FOUND`, `TABLE_READ_ONLY`, `ARGUMENT_INVALID`, `TABLE_FEATURE_UNSUPPORTED`, `STORAGE_…`
 */
export async function vacuumTable(
  { store, pinnedVersions }: MaintenanceContext,
  spec: VacuumSpec,
): Promise<VacuumReport> {
  const nowMs = Date.now();
  // Listed before the log is read, so a file that is committed in between counts as known.
  const candidates = await listDataKeys(store, await findOwnTable(store, spec.table));
  const snapshot = await findOwnTable(store, spec.table);
  checkWritable(snapshot.folder, snapshot.protocol);
  const retainMs = chooseRetention(spec, snapshot, 'delta.deletedFileRetentionDuration');
  const logRetainMs = chooseRetention(spec, snapshot, 'delta.logRetentionDuration');
  const pinned = (await pinnedVersions?.(snapshot.folder)) ?? [];
  const { kept, known, times } = await sortOut(store, snapshot, nowMs - retainMs);
  for (const version of pinned) for (const key of await listKeysAt(store, snapshot, version)) kept.add(key);
  const removedKeys: string[] = [];
  let removedBytes = 0;
  for (const { key, sizeBytes, modifiedMs } of candidates) {
    const isDue = known.has(key) || modifiedMs < nowMs - Math.max(retainMs, IN_FLIGHT_MS);
    if (kept.has(key) || !isDue) continue;
    removedKeys.push(key);
    removedBytes += sizeBytes;
  }
  const removedLogKeys = await listExpiredLog(store, snapshot.folder, {
    times,
    cutoffMs: nowMs - logRetainMs,
    pinned,
  });
  const isDryRun = spec.isDryRun ?? false;
  if (!isDryRun) await store.deleteMany([...removedKeys, ...removedLogKeys]);
  const sweptCount = isDryRun ? 0 : await store.sweepTemporary(nowMs - IN_FLIGHT_MS);
  removedKeys.sort();
  return { table: spec.table, isDryRun, removedKeys, removedBytes, removedLogKeys, sweptCount };
}

function chooseRetention(
  { retainMs }: VacuumSpec,
  { folder, metadata }: Snapshot,
  property: Parameters<typeof retentionOf>[1],
): number {
  const chosen = retainMs ?? retentionOf(metadata, property);
  if (chosen === undefined) {
    const text = JSON.stringify(metadata.configuration[property]);
    throw new PixlakeError(
      'ARGUMENT_INVALID',
      `the property ${property} of ${folder} is not an interval: ${text}`,
      {
        remedy: 'set how much history to keep with --retain',
      },
    );
  }
  if (!(chosen >= 0)) throw new PixlakeError('ARGUMENT_INVALID', `cannot retain ${chosen} ms`);
  return chosen;
}

/** Keys of the data files of one version; empty if it can no longer be read. */
async function listKeysAt(
  store: MaintenanceContext['store'],
  { folder }: Snapshot,
  version: number,
): Promise<string[]> {
  try {
    return (await readSnapshot(store, folder, version))?.files.map(({ key }) => key) ?? [];
  } catch (error) {
    if (error instanceof PixlakeError && error.code === 'SNAPSHOT_NOT_FOUND') return [];
    throw error;
  }
}

async function listDataKeys(
  store: MaintenanceContext['store'],
  { folder, partitionColumns }: Snapshot,
): Promise<{ key: string; sizeBytes: number; modifiedMs: number }[]> {
  const found = [];
  for await (const entry of store.list(folder)) {
    const parts = entry.key.slice(folder.length + 1).split('/');
    // Vacuum ignores folders that begin with _ or ., unless a partition column begins so (PROTOCOL.md, "Delta Log Entries").
    const isHidden = parts.some(
      (part) => /^[._]/u.test(part) && !partitionColumns.some((column) => part.startsWith(`${column}=`)),
    );
    if (!isHidden) found.push(entry);
  }
  return found;
}

interface SortedOut {
  /** Keys of files that versions since the cutoff need. */
  readonly kept: Set<string>;
  /** Keys of all files in the log. */
  readonly known: Set<string>;
  /** Time in ms of each commit in the log, oldest first. */
  readonly times: ReadonlyMap<number, number>;
}

/** A file of a version since `cutoffMs` is still in the table, or was removed by a commit since then. */
async function sortOut(
  store: MaintenanceContext['store'],
  snapshot: Snapshot,
  cutoffMs: number,
): Promise<SortedOut> {
  const { folder, files, removed } = snapshot;
  const kept = new Set(files.map(({ key }) => key));
  const known = new Set(kept);
  const times = new Map<number, number>();
  const remember = (remove: RemoveAction, removedMs: number): void => {
    const key = fileKeyOf(store, folder, remove);
    known.add(key);
    if (removedMs >= cutoffMs) kept.add(key);
  };
  for (const remove of removed) remember(remove, remove.deletionTimestamp ?? 0);
  const listing = await listLog(store, folder);
  let previousMs: number | undefined;
  for (const [version, modifiedMs] of [...(listing?.entries ?? [])].sort(([a], [b]) => a - b)) {
    const actions = await readLogEntry(store, folder, version);
    const committedMs = commitTimeOf(
      actions.find(({ commitInfo }) => commitInfo)?.commitInfo,
      modifiedMs,
      previousMs,
    );
    previousMs = committedMs;
    times.set(version, committedMs);
    for (const { add, remove } of actions) {
      if (add !== undefined) known.add(fileKeyOf(store, folder, add));
      if (remove !== undefined) remember(remove, Math.max(committedMs, remove.deletionTimestamp ?? 0));
    }
  }
  return { kept, known, times };
}
