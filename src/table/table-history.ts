import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AsOf } from './as-of.ts';
import { type Commit, readCommits } from './commit-times.ts';
import { listLog, type LogListing } from './log-listing.ts';
import { readSnapshot } from './read-snapshot.ts';
import type { Snapshot } from './snapshot.ts';

/** One commit of a table, as its log describes it. */
export interface TableVersion {
  readonly version: number;
  /** Time of the commit, as ISO 8601 text in UTC. */
  readonly timestamp: string;
  /** `UNKNOWN` if its writer did not say. */
  readonly operation: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly software: string | undefined;
}

/** Reads the descriptions of a table's commits, newest first, at most `limit`; `undefined` if the table does not exist. */
export async function readHistory(
  store: ObjectStore,
  folder: string,
  limit: number,
): Promise<TableVersion[] | undefined> {
  const listing = await listLog(store, folder);
  if (listing === undefined) return undefined;
  const history: TableVersion[] = [];
  for await (const { version, timestampMs, commitInfo } of readCommits(store, folder, listing)) {
    history.push({
      version,
      timestamp: new Date(timestampMs).toISOString(),
      operation: commitInfo?.operation ?? 'UNKNOWN',
      parameters: commitInfo?.operationParameters ?? {},
      metrics: commitInfo?.operationMetrics ?? {},
      software: commitInfo?.engineInfo,
    });
  }
  return history.toReversed().slice(0, limit);
}

/**
 * Reads a table's snapshot as of a version or a time; `undefined` if the table does not exist.
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
 * The newest version that was committed at or before a time in ms since 1970.
 *
 * @throws `SNAPSHOT_NOT_FOUND` if the table is younger, or its log does not reach back that far
 */
async function findVersionAt(
  store: ObjectStore,
  folder: string,
  listing: LogListing,
  timeMs: number,
): Promise<number> {
  let oldest: Commit | undefined;
  let found: Commit | undefined;
  for await (const commit of readCommits(store, folder, listing)) {
    oldest ??= commit;
    if (commit.timestampMs > timeMs) break;
    found = commit;
  }
  if (found !== undefined) return found.version;
  const asked = new Date(timeMs).toISOString();
  const known =
    oldest === undefined
      ? 'its log has no entries'
      : `its oldest version is ${oldest.version} of ${new Date(oldest.timestampMs).toISOString()}`;
  throw new PixlakeError('SNAPSHOT_NOT_FOUND', `${folder} has no version as of ${asked}: ${known}`);
}
