import type { ObjectStore } from '../storage/object-store.ts';
import type { CommitInfoAction } from './delta-actions.ts';
import { type LogListing, logKey } from './log-listing.ts';
import { parseLogLines } from './log-entry.ts';

/** A commit that is still in the log: its time in ms since 1970, and its description. */
export interface Commit {
  readonly version: number;
  readonly timestampMs: number;
  readonly commitInfo: CommitInfoAction | undefined;
}

/** Log entries read at once. */
const CONCURRENCY = 32;

/**
 * Reads the commits of a table, oldest first. Clocks of writers differ, so a commit that claims not to be later than the one before it
 * counts as a millisecond later, as in Spark (`DeltaHistoryManager.monotonizeCommitTimestamps`).
 *
 * @throws `TABLE_CORRUPT`, storage errors
 */
export async function* readCommits(
  store: ObjectStore,
  folder: string,
  { entries }: LogListing,
): AsyncGenerator<Commit> {
  const versions = [...entries.keys()].sort((a, b) => a - b);
  let previousMs: number | undefined;
  for (let start = 0; start < versions.length; start += CONCURRENCY) {
    const some = versions.slice(start, start + CONCURRENCY);
    const found = await Promise.all(some.map((version) => readCommitInfo(store, folder, version)));
    for (const [index, version] of some.entries()) {
      const commitInfo = found[index];
      const timestampMs = commitTimeOf(commitInfo, entries.get(version), previousMs);
      previousMs = timestampMs;
      yield { version, timestampMs, commitInfo };
    }
  }
}

/** The time of a commit in ms, from its description or else from the time of its file; always later than the commit before it. */
export function commitTimeOf(
  commitInfo: CommitInfoAction | undefined,
  modifiedMs = 0,
  previousMs = Number.NEGATIVE_INFINITY,
): number {
  const statedMs = commitInfo?.inCommitTimestamp ?? commitInfo?.timestamp ?? modifiedMs;
  return Math.max(statedMs, previousMs + 1);
}

/** Reads the description of a commit from its log entry. @throws `TABLE_CORRUPT`, storage errors */
export async function readCommitInfo(
  store: ObjectStore,
  folder: string,
  version: number,
): Promise<CommitInfoAction | undefined> {
  const text = (await store.read(logKey(folder, version))).toString('utf8');
  // An entry may name a hundred thousand files, which are not needed here.
  const lines = text.split('\n').filter((line) => line.includes('"commitInfo"'));
  const actions = parseLogLines(lines, `version ${version} of ${folder}`);
  return actions.find(({ commitInfo }) => commitInfo !== undefined)?.commitInfo;
}
