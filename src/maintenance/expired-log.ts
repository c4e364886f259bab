import type { ObjectStore } from '../storage/object-store.ts';
import { listLog, listLogBefore } from '../table/log-listing.ts';
import { readCheckpoint } from '../table/read-checkpoint.ts';

/**
 * Object keys of the log entries and checkpoints that are needed only by versions that are neither pinned nor were current since `cutoffMs`. All
 * of them are older than a checkpoint that has just been read completely and from which all kept versions can be restored.
 *
 * @param options `times`: time in ms of each commit in the log
 * @throws storage errors
 */
export async function listExpiredLog(
  store: ObjectStore,
  folder: string,
  options: {
    readonly times: ReadonlyMap<number, number>;
    readonly cutoffMs: number;
    readonly pinned: readonly number[];
  },
): Promise<string[]> {
  const past = [...options.times].filter(([, timeMs]) => timeMs <= options.cutoffMs);
  if (past.length === 0) return [];
  // The version that was current at the beginning of the retention.
  const current = Math.max(...past.map(([version]) => version));
  const oldestNeeded = Math.min(current, ...options.pinned);
  const listing = await listLog(store, folder);
  for (const { version, keys } of listing?.checkpoints ?? []) {
    if (version <= oldestNeeded && (await isWhole(store, keys))) return listLogBefore(store, folder, version);
  }
  return [];
}

/** Whether a checkpoint can replace the entries before it. */
async function isWhole(store: ObjectStore, keys: readonly string[]): Promise<boolean> {
  let hasMetadata = false;
  let hasProtocol = false;
  try {
    for (const key of keys) {
      for await (const { metaData, protocol, sidecar } of readCheckpoint(store, key)) {
        // What it says stands in other files, so it replaces nothing that pixlake can read.
        if (sidecar !== undefined) return false;
        hasMetadata ||= metaData !== undefined;
        hasProtocol ||= protocol !== undefined;
      }
    }
  } catch {
    return false;
  }
  return hasMetadata && hasProtocol;
}
