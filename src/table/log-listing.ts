import type { ObjectStore } from '../storage/object-store.ts';

/** A complete checkpoint. */
export interface CheckpointFiles {
  readonly version: number;
  /** Object keys of its parts, in order. */
  readonly keys: readonly string[];
}

/** Contents of a table's log folder. */
export interface LogListing {
  /** Modification time in ms of each version's entry. */
  readonly entries: ReadonlyMap<number, number>;
  /** Complete checkpoints, newest first. */
  readonly checkpoints: readonly CheckpointFiles[];
  /** Whether the log has checkpoints in the format of the feature `v2Checkpoint`. */
  readonly hasV2Checkpoints: boolean;
  /** Newest version in the log. */
  readonly newest: number;
}

/** Object key of the folder of a table's log. */
export function logFolder(folder: string): string {
  return `${folder}/_delta_log`;
}

/** Object key of one log entry: the version as 20 digits. */
export function logKey(folder: string, version: number): string {
  return `${logFolder(folder)}/${paddedVersion(version)}.json`;
}

/** Object key of a checkpoint in one part. */
export function checkpointKey(folder: string, version: number): string {
  return `${logFolder(folder)}/${paddedVersion(version)}.checkpoint.parquet`;
}

/** Object key of the hint that names the newest checkpoint. */
export function lastCheckpointKey(folder: string): string {
  return `${logFolder(folder)}/_last_checkpoint`;
}

/** Object key of the marker of a table that is being dropped. Once it is there, the table no longer exists. */
export function droppedKey(folder: string): string {
  return `${logFolder(folder)}/_dropped`;
}

function paddedVersion(version: number): string {
  return String(version).padStart(20, '0');
}

/** File names of a log (PROTOCOL.md, "Delta Log Entries" and "Checkpoints"); other names do not matter to readers. */
const NAME =
  /^(?<version>\d{20})(?:\.json|\.checkpoint(?:\.(?<part>\d{10})\.(?<parts>\d{10}))?\.parquet|\.checkpoint\.(?<uuid>[0-9a-f-]{36})\.(?:parquet|json))$/u;

/** Names of files that belong to one version of a log: entries, checkpoints and the checksums that Spark writes. */
const VERSIONED = /^(?<version>\d{20})\.(?:json|crc|checkpoint\..+)$/u;

/** Object keys of the files of a table's log that belong to versions before one, oldest first. */
export async function listLogBefore(store: ObjectStore, folder: string, version: number): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(logFolder(folder))) {
    const found = VERSIONED.exec(key.slice(logFolder(folder).length + 1))?.groups?.['version'];
    if (found !== undefined && Number(found) < version) keys.push(key);
  }
  return keys.sort();
}

/** Lists a table's log; `undefined` if the folder has no log or the table is being dropped. */
export async function listLog(store: ObjectStore, folder: string): Promise<LogListing | undefined> {
  const entries = new Map<number, number>();
  const parts = new Map<string, { version: number; partCount: number; keys: Map<number, string> }>();
  let hasV2Checkpoints = false;
  for await (const { key, modifiedMs } of store.list(logFolder(folder))) {
    if (key === droppedKey(folder)) return undefined;
    const name = key.slice(logFolder(folder).length + 1);
    const match = NAME.exec(name)?.groups;
    if (match === undefined) continue;
    const version = Number(match['version']);
    if (name.endsWith('.json') && match['uuid'] === undefined) entries.set(version, modifiedMs);
    else if (match['uuid'] === undefined) {
      const partCount = Number(match['parts'] ?? 1);
      const id = `${version}/${match['parts'] ?? ''}`;
      const group = parts.get(id) ?? { version, partCount, keys: new Map<number, string>() };
      parts.set(id, group);
      group.keys.set(Number(match['part'] ?? 1), key);
    } else hasV2Checkpoints = true;
  }
  const checkpoints = [...parts.values()]
    .filter(({ partCount, keys }) => keys.size === partCount)
    .map(({ version, keys }) => ({
      version,
      keys: [...keys].sort(([a], [b]) => a - b).map(([, key]) => key),
    }))
    .sort((a, b) => b.version - a.version);
  if (entries.size === 0 && checkpoints.length === 0 && !hasV2Checkpoints) return undefined;
  let newest = checkpoints[0]?.version ?? -1;
  for (const version of entries.keys()) newest = Math.max(newest, version);
  return { entries, checkpoints, hasV2Checkpoints, newest };
}
