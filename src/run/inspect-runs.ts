import { withDuckDb } from '../duckdb/with-duckdb.ts';
import { quoteText } from '../sql/sql-text.ts';
import { selectSnapshot } from '../catalog/table-view.ts';
import { type ErrorCode, PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readSuccess } from './success.ts';
import { blockCountOf, blockOf, executionKeys, folderOf, readRunState, type RunState } from './execution.ts';
import { findNewestExecution, listExecutions, runNotFound } from './read-executions.ts';
import type { Execution } from './execution-schema.ts';
import { type FinishedShards, readFinishedShards } from './finished-shards.ts';
import { selectErrors } from './select-errors.ts';
import { listRetries } from './retries.ts';
import type { ShardMarker } from './marker-schema.ts';
import { readMarker } from './shard-marker.ts';
import type { Standing } from './standing.ts';
import { workInOrder } from './work-in-order.ts';

/** State of an execution of a run. The counts are those of its finished shards. */
export interface RunStatus {
  readonly execution: Execution;
  /** Object key of the execution's folder. */
  readonly folder: string;
  readonly state: RunState;
  readonly finishedShardCount: number;
  readonly imageCount: number;
  readonly errorCount: number;
  /** Finished retries, whose images are part of the counts. */
  readonly retryCount: number;
  readonly hasUnfinishedRetry: boolean;
  /** When it finished, in ms since 1970; `undefined` if it has not, or if an older version finished it. */
  readonly finishedMs: number | undefined;
}

/** An unreadable execution of a run, and why. */
export interface UnreadableRunStatus {
  readonly name: string;
  /** Object key of the execution's folder. */
  readonly folder: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string | undefined;
}

/** The runs of a lake, sorted by name, newest execution first. */
export interface RunListing {
  readonly runs: readonly RunStatus[];
  readonly unreadable: readonly UnreadableRunStatus[];
}

/** Why one image was not written. */
export interface RunError {
  readonly id: string;
  readonly copy: number;
  readonly source_key: string | null;
  readonly stage: string;
  readonly code: string;
  readonly message: string;
}

/** Lists all executions of all runs, and the unreadable ones. */
export async function listRuns(store: ObjectStore): Promise<RunListing> {
  const runs: RunStatus[] = [];
  const unreadable: UnreadableRunStatus[] = [];
  for (const name of await store.listFolders('runs')) {
    const found = await listExecutions(store, name);
    for (const execution of found.executions) runs.push(await describeExecution(store, execution));
    for (const { folder, error } of found.unreadable) {
      const { code, message, remedy } = error;
      unreadable.push({ name, folder, code, message, remedy });
    }
  }
  return { runs, unreadable };
}

const RUNS_AT_ONCE = 16;

/** The newest readable execution of each run whose name begins with a text, by name, and its state. */
export async function listStandings(store: ObjectStore, prefix: string): Promise<Map<string, Standing>> {
  const names = (await store.listFolders('runs')).filter((name) => name.startsWith(prefix));
  const read = async (name: string): Promise<readonly [string, Standing | undefined]> => {
    const [execution] = (await listExecutions(store, name)).executions;
    if (execution === undefined) return [name, undefined];
    return [name, { execution, state: await readRunState(store, folderOf(execution)) }];
  };
  const standings = new Map<string, Standing>();
  for await (const [name, standing] of workInOrder(names, RUNS_AT_ONCE, read))
    if (standing !== undefined) standings.set(name, standing);
  return standings;
}

/** Finds the newest execution of a named run. @throws `RUN_NOT_FOUND`, `RUN_TOO_OLD`, `RUN_CORRUPT` */
export async function findRun(store: ObjectStore, name: string): Promise<RunStatus> {
  const latest = await findNewestExecution(store, name);
  if (latest !== undefined) return describeExecution(store, latest);
  const [old] = (await listExecutions(store, name)).unreadable;
  if (old !== undefined) throw old.error;
  throw await runNotFound(store, name);
}

/** Asks a run to stop, here or on another machine. Finished work is kept. @throws `RUN_NOT_FOUND`, `ARGUMENT_INVALID` */
export async function cancelRun(store: ObjectStore, name: string): Promise<RunStatus> {
  const status = await findRun(store, name);
  if (status.state === 'finished')
    throw new PixlakeError('ARGUMENT_INVALID', `run ${name} has already finished`);
  await store.write(executionKeys.cancelled(status.folder), Buffer.alloc(0));
  return { ...status, state: 'cancelled' };
}

/** Reads why images of a run were not written, at most `limit`, in the order of the plan. @throws `RUN_NOT_FOUND` */
export async function readRunErrors(store: ObjectStore, name: string, limit: number): Promise<RunError[]> {
  const { execution, state } = await findRun(store, name);
  return withDuckDb(store, async (db) => {
    const rows =
      state === 'finished'
        ? await selectErrors(db, store, name)
        : await selectShardErrors(db, store, execution, limit);
    if (rows === undefined) return [];
    return await db.rows<RunError>(
      `SELECT * EXCLUDE (ordinal) FROM (${rows}) ORDER BY ordinal, "copy" LIMIT ${limit}`,
    );
  });
}

type Locator = Parameters<typeof selectSnapshot>[0];

/** The errors of finished shards of an unfinished run, up to the limit. */
async function selectShardErrors(
  db: Locator,
  store: ObjectStore,
  execution: Execution,
  limit: number,
): Promise<string | undefined> {
  const folder = folderOf(execution);
  const finished = await readFinishedShards(store, execution);
  const files: { key: string; sizeBytes: number; modifiedMs: number }[] = [];
  let errorCount = 0;
  for await (const marker of readMarkers(store, execution, finished, () => true)) {
    if (errorCount >= limit) break;
    if (marker.errors === null) continue;
    const { name, sizeBytes } = marker.errors;
    files.push({ key: `${executionKeys.errors(folder)}/${name}`, sizeBytes, modifiedMs: 0 });
    errorCount += marker.errorCount;
  }
  if (files.length === 0) return undefined;
  const paths = (await db.locate(store, files)).map(quoteText).join(', ');
  return `SELECT * EXCLUDE (__ordinal) FROM read_parquet([${paths}], hive_partitioning = false)`;
}

const MARKERS_AT_ONCE = 32;

/** The markers of the wanted finished shards, in order. */
async function* readMarkers(
  store: ObjectStore,
  execution: Execution,
  finished: FinishedShards,
  isWanted: (shard: number) => boolean,
): AsyncGenerator<ShardMarker> {
  const shards = finished.done(isWanted);
  const read = async (shard: number): Promise<ShardMarker | undefined> =>
    readMarker(store, folderOf(execution), shard);
  for await (const marker of workInOrder(shards, MARKERS_AT_ONCE, read))
    if (marker !== undefined) yield marker;
}

/** The status of one execution. */
export async function describeExecution(store: ObjectStore, execution: Execution): Promise<RunStatus> {
  const folder = folderOf(execution);
  const state = await readRunState(store, folder);
  const success = state === 'finished' ? await readSuccess(store, folder) : undefined;
  if (success !== undefined) {
    const retries = await listRetries(store, folder);
    const done = retries.flatMap((retry) => retry.success ?? []);
    const retriedCount = done.reduce((sum, retry) => sum + retry.imageCount, 0);
    return {
      execution,
      folder,
      state,
      finishedShardCount: execution.shardCount,
      imageCount: success.imageCount + retriedCount,
      errorCount: success.errorCount - retriedCount,
      retryCount: done.length,
      hasUnfinishedRetry: retries.length > done.length,
      finishedMs: success.finishedMs,
    };
  }
  // A merged block of a thousand shards has its counts in one object. Single markers are read only for other blocks.
  const finished = await readFinishedShards(store, execution);
  let [imageCount, errorCount] = [0, 0];
  for (let block = 0; block < blockCountOf(execution); block++) {
    imageCount += finished.blocks.get(block)?.imageCount ?? 0;
    errorCount += finished.blocks.get(block)?.errorCount ?? 0;
  }
  const isUnmerged = (shard: number): boolean => !finished.blocks.has(blockOf(shard));
  for await (const marker of readMarkers(store, execution, finished, isUnmerged)) {
    imageCount += marker.imageCount;
    errorCount += marker.errorCount;
  }
  return {
    execution,
    folder,
    state,
    finishedShardCount: finished.count,
    imageCount,
    errorCount,
    retryCount: 0,
    hasUnfinishedRetry: false,
    finishedMs: undefined,
  };
}
