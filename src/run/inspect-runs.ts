import { rm } from 'node:fs/promises';
import { openDuckDb } from '../engine/open-duckdb.ts';
import { quoteText } from '../engine/sql-text.ts';
import { PixlakeError } from '../errors.ts';
import type { ObjectEntry, ObjectStore } from '../storage/object-store.ts';
import {
  type Execution,
  executionKeys,
  folderOf,
  listExecutions,
  listFinishedShards,
  type RunState,
  readMarkers,
  readRunState,
} from './execution.ts';

/** Where an execution of a run stands; the counts are of its finished shards. */
export interface RunStatus {
  readonly execution: Execution;
  /** Object key of the execution's folder. */
  readonly folder: string;
  readonly state: RunState;
  readonly finishedShardCount: number;
  readonly imageCount: number;
  readonly errorCount: number;
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

/** Lists all executions of all runs: names sorted, newest execution first. */
export async function listRuns(store: ObjectStore): Promise<RunStatus[]> {
  const statuses: RunStatus[] = [];
  for (const name of await store.listFolders('runs')) {
    for (const execution of await listExecutions(store, name))
      statuses.push(await readStatus(store, execution));
  }
  return statuses;
}

/** Finds the newest execution of a named run. @throws `RUN_NOT_FOUND` */
export async function findRun(store: ObjectStore, name: string): Promise<RunStatus> {
  const [latest] = await listExecutions(store, name);
  if (latest !== undefined) return readStatus(store, latest);
  const names = await store.listFolders('runs');
  throw new PixlakeError('RUN_NOT_FOUND', `there is no run ${name} in ${store.uri}`, {
    remedy: names.length === 0 ? 'the lake has no runs yet' : `the lake has: ${names.join(', ')}`,
  });
}

/** Asks whoever executes a run, here or on another machine, to stop; what it finished is kept. @throws `RUN_NOT_FOUND`, `ARGUMENT_INVALID` */
export async function cancelRun(store: ObjectStore, name: string): Promise<RunStatus> {
  const status = await findRun(store, name);
  if (status.state === 'finished')
    throw new PixlakeError('ARGUMENT_INVALID', `run ${name} has finished already`);
  await store.write(executionKeys.cancelled(status.folder), Buffer.alloc(0));
  return { ...status, state: 'cancelled' };
}

/** Reads why images of a run were not written, at most `limit`, in the order of the plan. @throws `RUN_NOT_FOUND` */
export async function readRunErrors(store: ObjectStore, name: string, limit: number): Promise<RunError[]> {
  const { folder } = await findRun(store, name);
  const files: ObjectEntry[] = [];
  for await (const entry of store.list(executionKeys.errors(folder))) files.push(entry);
  if (files.length === 0) return [];
  const scratchDir = await store.makeScratchDir();
  try {
    using db = await openDuckDb({ scratchDir });
    files.sort((a, b) => (a.key < b.key ? -1 : 1));
    const list = (await db.locate(store, files)).map(quoteText).join(', ');
    return await db.rows<RunError>(`FROM read_parquet([${list}], hive_partitioning = false) LIMIT ${limit}`);
  } finally {
    await rm(scratchDir, { recursive: true, force: true });
  }
}

async function readStatus(store: ObjectStore, execution: Execution): Promise<RunStatus> {
  const folder = folderOf(execution);
  const shards = await listFinishedShards(store, folder);
  let imageCount = 0;
  let errorCount = 0;
  for await (const marker of readMarkers(store, folder, shards)) {
    imageCount += marker.imageCount;
    errorCount += marker.errorCount;
  }
  const state = await readRunState(store, folder);
  return { execution, folder, state, finishedShardCount: shards.size, imageCount, errorCount };
}
