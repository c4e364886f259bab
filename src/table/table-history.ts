import type { ObjectStore } from '../storage/object-store.ts';
import { readCommits } from './commit-times.ts';
import { listLog } from './log-listing.ts';

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

/** Reads the descriptions of a table's commits before a version, newest first, at most `limit`; `undefined` if the table does not exist. */
export async function readHistory(
  store: ObjectStore,
  folder: string,
  limit: number,
  before = Number.MAX_SAFE_INTEGER,
): Promise<TableVersion[] | undefined> {
  const listing = await listLog(store, folder);
  if (listing === undefined) return undefined;
  const history: TableVersion[] = [];
  for await (const { version, timestampMs, commitInfo } of readCommits(store, folder, listing)) {
    if (version >= before) break;
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
