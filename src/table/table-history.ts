import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AsOf } from './as-of.ts';
import type { CommitInfoAction } from './delta-actions.ts';
import { listLog, type LogListing } from './log-listing.ts';
import { readLogEntry, readSnapshot } from './read-snapshot.ts';
import type { Snapshot } from './snapshot.ts';

/** One commit of a table, as its log tells of it. */
export interface TableVersion {
  readonly version: number;
  /** When it was committed, as ISO 8601 text in UTC. */
  readonly timestamp: string;
  /** `UNKNOWN` where its writer did not say. */
  readonly operation: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly engine: string | undefined;
}

/** Reads what the log tells of a table's commits, newest first, at most `limit`; `undefined` where there is no table. */
export async function readHistory(
  store: ObjectStore,
  folder: string,
  limit: number,
): Promise<TableVersion[] | undefined> {
  const listing = await listLog(store, folder);
  if (listing === undefined) return undefined;
  const versions = [...listing.entries.keys()].sort((a, b) => b - a).slice(0, limit);
  const history: TableVersion[] = [];
  for (const version of versions) {
    const commitInfo = await readCommitInfo(store, folder, version);
    history.push({
      version,
      timestamp: new Date(commitInfo?.timestamp ?? listing.entries.get(version) ?? 0).toISOString(),
      operation: commitInfo?.operation ?? 'UNKNOWN',
      parameters: commitInfo?.operationParameters ?? {},
      metrics: commitInfo?.operationMetrics ?? {},
      engine: commitInfo?.engineInfo,
    });
  }
  return history;
}

/**
 * Reads a table's snapshot as of a version or a time; `undefined` where there is no table.
 *
 * @throws `SNAPSHOT_NOT_FOUND`, `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED`
 */
export async function readSnapshotAsOf(
  store: ObjectStore,
  folder: string,
  asOf: AsOf | undefined,
): Promise<Snapshot | undefined> {
  if (asOf?.kind !== 'time') return readSnapshot(store, folder, asOf?.version);
  const listing = await listLog(store, folder);
  if (listing === undefined) return undefined;
  return readSnapshot(store, folder, await findVersionAt(store, folder, listing, asOf.timeMs));
}

/**
 * The newest version that was committed at a time, in ms since 1970, or before. Found by halving, since every commit is stamped later
 * than the one before it.
 *
 * @throws `SNAPSHOT_NOT_FOUND` if the table is younger, or its log does not reach back that far
 */
async function findVersionAt(
  store: ObjectStore,
  folder: string,
  listing: LogListing,
  timeMs: number,
): Promise<number> {
  const versions = [...listing.entries.keys()].sort((a, b) => a - b);
  let low = 0;
  let high = versions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const stamp = await readTimestamp(store, folder, listing, versions[middle] ?? 0);
    if (stamp <= timeMs) low = middle + 1;
    else high = middle;
  }
  const found = versions[low - 1];
  if (found !== undefined) return found;
  const asked = new Date(timeMs).toISOString();
  const oldest = versions[0];
  const known =
    oldest === undefined
      ? 'its log has no entries'
      : `its oldest version is ${oldest} of ${new Date(await readTimestamp(store, folder, listing, oldest)).toISOString()}`;
  throw new PixlakeError('SNAPSHOT_NOT_FOUND', `${folder} has no version as of ${asked}: ${known}`);
}

async function readTimestamp(
  store: ObjectStore,
  folder: string,
  { entries }: LogListing,
  version: number,
): Promise<number> {
  return (await readCommitInfo(store, folder, version))?.timestamp ?? entries.get(version) ?? 0;
}

async function readCommitInfo(
  store: ObjectStore,
  folder: string,
  version: number,
): Promise<CommitInfoAction | undefined> {
  const actions = await readLogEntry(store, folder, version);
  return actions.find(({ commitInfo }) => commitInfo !== undefined)?.commitInfo;
}
