import { PixlakeError } from '../errors.ts';
import { executionFolder, runFolder } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AddAction } from '../table/delta-actions.ts';
import type { DeltaStruct } from '../table/delta-schema.ts';
import type { Run } from './run-spec.ts';
import { workInOrder } from './work-in-order.ts';

/** The model of an execution. */
export interface ExecutionModel {
  readonly name: string;
  readonly sha256: string;
  readonly isTrained: boolean;
  /** Manifest columns that hold embeddings. */
  readonly embeddings?: readonly string[];
}

/** One execution of a run as it was frozen before any work started: the contents of its `spec.json`. */
export interface Execution {
  readonly runId: string;
  readonly run: Run;
  /** Root of the lake that was read, where it is another than the one that the execution lies in. */
  readonly sourceLake?: string;
  /** Table whose originals are read, in SQL notation, and its version. */
  readonly sourceTable: string;
  readonly sourceVersion: number;
  readonly model: ExecutionModel | undefined;
  /** Software that planned it, such as `pixlake/0.1.0`. */
  readonly software: string;
  /** Rows that matched; each becomes `copies` images. */
  readonly rowCount: number;
  /** Rows in each shard but the last. */
  readonly shardSize: number;
  readonly shardCount: number;
  /** Columns that the SQL returned and that pass into the manifest. */
  readonly passedColumns: readonly string[];
  readonly manifestSchema: DeltaStruct;
}

/** What a finished shard left: the contents of its marker `shards/<shard>.json`, written after everything it speaks of. */
export interface ShardMarker {
  readonly shard: number;
  readonly imageCount: number;
  readonly errorCount: number;
  /** Bytes of the written images. */
  readonly imageBytes: number;
  /** The shard's part of the manifest, ready to be committed; null where no image was written. */
  readonly manifest: AddAction | null;
}

/** What became of a run so far, derived from the files in its folder. */
export type RunState = 'finished' | 'cancelled' | 'unfinished';

/** Keys of an execution's objects. */
export const executionKeys = {
  spec: (folder: string): string => `${folder}/spec.json`,
  plan: (folder: string): string => `${folder}/plan.parquet`,
  images: (folder: string, shard: number): string => `${folder}/images/${shardName(shard)}`,
  manifest: (folder: string): string => `${folder}/manifest`,
  errors: (folder: string): string => `${folder}/errors`,
  shards: (folder: string): string => `${folder}/shards`,
  shard: (folder: string, shard: number): string => `${folder}/shards/${shardName(shard)}.json`,
  cancelled: (folder: string): string => `${folder}/_CANCELLED`,
  success: (folder: string): string => `${folder}/_SUCCESS`,
};

/** A shard's number in file names, so that they sort: five digits or more. */
export function shardName(shard: number): string {
  return String(shard).padStart(5, '0');
}

/** Object key of an execution's folder. */
export function folderOf(execution: Pick<Execution, 'runId' | 'run'>): string {
  return executionFolder(execution.run.name, execution.runId);
}

/** Reads all executions of a named run, newest first. */
export async function listExecutions(store: ObjectStore, name: string): Promise<Execution[]> {
  const found: { execution: Execution; modifiedMs: number }[] = [];
  for (const child of await store.listFolders(runFolder(name))) {
    const key = executionKeys.spec(`${runFolder(name)}/${child}`);
    const entry = await store.stat(key);
    // A folder without a spec is a plan that was never frozen.
    if (entry === undefined) continue;
    found.push({ execution: await readExecution(store, key), modifiedMs: entry.modifiedMs });
  }
  return found.sort((a, b) => b.modifiedMs - a.modifiedMs).map(({ execution }) => execution);
}

/** Reads the frozen execution in a `spec.json`. @throws `RUN_NOT_FOUND` if it cannot be read */
export async function readExecution(store: ObjectStore, key: string): Promise<Execution> {
  try {
    return JSON.parse((await store.read(key)).toString('utf8')) as Execution;
  } catch (error) {
    throw new PixlakeError('RUN_NOT_FOUND', `${key} in ${store.uri} cannot be read`, { cause: error });
  }
}

/** Derives a run's state from its markers. */
export async function readRunState(store: ObjectStore, folder: string): Promise<RunState> {
  if (await store.stat(executionKeys.success(folder))) return 'finished';
  return (await store.stat(executionKeys.cancelled(folder))) ? 'cancelled' : 'unfinished';
}

/** Reads the markers of finished shards, in their order. */
export async function* readMarkers(
  store: ObjectStore,
  folder: string,
  shards: Iterable<number>,
): AsyncGenerator<ShardMarker> {
  yield* workInOrder(shards, MARKERS_AT_ONCE, async (shard) => {
    const marker = await store.read(executionKeys.shard(folder, shard));
    return JSON.parse(marker.toString('utf8')) as ShardMarker;
  });
}

const MARKERS_AT_ONCE = 32;

/** Numbers of the shards that are finished, from their markers alone. */
export async function listFinishedShards(store: ObjectStore, folder: string): Promise<Set<number>> {
  const finished = new Set<number>();
  for await (const { key } of store.list(executionKeys.shards(folder))) {
    const match = /\/(\d+)\.json$/u.exec(key);
    if (match) finished.add(Number(match[1]));
  }
  return finished;
}
