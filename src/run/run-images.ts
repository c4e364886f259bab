import { PixlakeError } from '../errors.ts';
import type { ModelFiles } from '../model/model-files.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { commitTable } from '../table/commit-table.ts';
import { NONE } from '../table/file-predicate.ts';
import { readSnapshot } from '../table/read-snapshot.ts';
import {
  type Execution,
  executionKeys,
  folderOf,
  listExecutions,
  listFinishedShards,
  readMarkers,
  readRunState,
  type ShardMarker,
} from './execution.ts';
import { planRun, type SelectRows } from './plan-run.ts';
import { isSameRun, type Run } from './run-spec.ts';
import type { ShardExecutor, ShardProgress, StoreReference } from './shard-executor.ts';

/** What running needs. */
export interface RunContext {
  /** The lake that is read. */
  readonly source: ObjectStore;
  /** The lake that takes what is written; it may be the same. */
  readonly store: ObjectStore;
  readonly executor: ShardExecutor;
  /** Finds a model by name or path. */
  readonly resolveModel: (nameOrPath: string) => Promise<ModelFiles>;
  /** Software that plans and commits, such as `pixlake/0.1.0`. */
  readonly software: string;
  /** Runs the SQL of strangers; that of others is run in this process. */
  readonly selectRows?: SelectRows;
  readonly signal?: AbortSignal;
  readonly onStart?: (execution: Execution, resumedShardCount: number) => void;
  readonly onProgress?: (progress: ShardProgress) => void;
}

/** How a run ended: `imageCount + errorCount = rowCount * copies` always holds. */
export interface RunReport {
  readonly name: string;
  readonly runId: string;
  /** Object key of the execution's folder. */
  readonly folder: string;
  /** `repeated` means that the very same run had finished before and nothing was done. */
  readonly outcome: 'finished' | 'repeated';
  readonly rowCount: number;
  readonly copies: number;
  readonly imageCount: number;
  readonly errorCount: number;
  readonly imageBytes: number;
  readonly shardCount: number;
  /** Shards that an earlier, interrupted attempt had finished. */
  readonly resumedShardCount: number;
  readonly model: Execution['model'];
  readonly durationMs: number;
}

/** Contents of `_SUCCESS`. */
interface Success {
  readonly imageCount: number;
  readonly errorCount: number;
  readonly imageBytes: number;
}

/** How often a run looks whether somebody cancelled it. */
const CANCEL_POLL_MS = 1000;

/**
 * Executes a run: plans it, works off its shards, commits the manifest and writes `_SUCCESS`. The same run again resumes one that was
 * interrupted, on the snapshot it was planned on, and does nothing if it finished on the tables' present versions.
 *
 * @throws `RUN_NAME_TAKEN`, `INTERRUPTED`, `RUN_CANCELLED`, `PLAN_…`, `SQL_…`, `MODEL_…`, `SHARD_FAILED`, `STORAGE_…`
 */
export async function runImages(context: RunContext, run: Run): Promise<RunReport> {
  const startMs = performance.now();
  const { store } = context;
  const model = run.model === undefined ? undefined : await context.resolveModel(run.model);
  const [latest] = await listExecutions(store, run.name);
  if (latest !== undefined && !isSameRun(latest.run, run)) {
    throw new PixlakeError('RUN_NAME_TAKEN', `run ${run.name} exists with another specification`, {
      remedy: `choose another --name; \`pixlake runs show ${run.name}\` prints the specification it has`,
    });
  }
  const isUnfinished = latest !== undefined && (await readRunState(store, folderOf(latest))) !== 'finished';
  const execution = isUnfinished ? latest : await planAndFreeze(context, run, model);
  const folder = folderOf(execution);
  checkModel(execution, model);
  const success = await readSuccess(store, folder);
  if (success !== undefined) return toReport(execution, success, 'repeated', execution.shardCount, startMs);

  await store.delete(executionKeys.cancelled(folder));
  const finished = await listFinishedShards(store, folder);
  context.onStart?.(execution, finished.size);
  const pending = Array.from({ length: execution.shardCount }, (_, shard) => shard).filter(
    (shard) => !finished.has(shard),
  );
  await executeShards(context, folder, model, pending);
  const totals = await commitManifest(context, execution);
  await store.write(executionKeys.success(folder), Buffer.from(`${JSON.stringify(totals)}\n`));
  return toReport(execution, totals, 'finished', finished.size, startMs);
}

async function planAndFreeze(
  context: RunContext,
  run: Run,
  model: ModelFiles | undefined,
): Promise<Execution> {
  await using planned = await planRun(context.source, run, model, context.software, context.selectRows);
  const { source, store } = context;
  const execution: Execution =
    source.uri === store.uri ? planned.execution : { ...planned.execution, sourceLake: source.uri };
  if ((await store.stat(executionKeys.spec(folderOf(execution)))) === undefined)
    await planned.freeze(store, execution);
  return execution;
}

function checkModel(execution: Execution, model: ModelFiles | undefined): void {
  if (execution.model === undefined || execution.model.sha256 === model?.sha256) return;
  throw new PixlakeError(
    'MODEL_MISMATCH',
    `model ${execution.model.name} changed since run ${execution.run.name} was planned`,
    {
      remedy: 'start a run of another name',
    },
  );
}

async function executeShards(
  context: RunContext,
  folder: string,
  model: ModelFiles | undefined,
  shards: readonly number[],
): Promise<void> {
  const { source, store } = context;
  const cancelled = new AbortController();
  const poll = setInterval(() => {
    // A poll that fails is no reason to stop; the next one may succeed.
    store.stat(executionKeys.cancelled(folder)).then(
      (marker) => marker && cancelled.abort(),
      () => undefined,
    );
  }, CANCEL_POLL_MS);
  const signals = context.signal === undefined ? [cancelled.signal] : [cancelled.signal, context.signal];
  try {
    await context.executor.execute(
      { source: referTo(source), output: referTo(store), folder, model },
      shards,
      {
        signal: AbortSignal.any(signals),
        onProgress: (progress) => context.onProgress?.(progress),
      },
    );
  } catch (error) {
    if (cancelled.signal.aborted) {
      throw new PixlakeError('RUN_CANCELLED', `the run in ${folder} was cancelled`, { cause: error });
    }
    if (!context.signal?.aborted) throw error;
    throw new PixlakeError('INTERRUPTED', `the run in ${folder} was stopped before its end`, {
      cause: error,
      remedy: 'what is done is kept; the same command takes it up again',
    });
  } finally {
    clearInterval(poll);
  }
}

function referTo({ uri, s3 }: ObjectStore): StoreReference {
  return { uri, s3 };
}

async function commitManifest(context: RunContext, execution: Execution): Promise<Success> {
  const { store } = context;
  const folder = folderOf(execution);
  const markers: ShardMarker[] = [];
  const shards = Array.from({ length: execution.shardCount }, (_, shard) => shard);
  for await (const marker of readMarkers(store, folder, shards)) markers.push(marker);
  const totals = markers.reduce<Success>(
    (sum, marker) => ({
      imageCount: sum.imageCount + marker.imageCount,
      errorCount: sum.errorCount + marker.errorCount,
      imageBytes: sum.imageBytes + marker.imageBytes,
    }),
    { imageCount: 0, errorCount: 0, imageBytes: 0 },
  );
  const manifestFolder = executionKeys.manifest(folder);
  await commitTable(store, {
    folder: manifestFolder,
    base: await readSnapshot(store, manifestFolder),
    schema: execution.manifestSchema,
    partitionColumns: [],
    added: markers.flatMap(({ manifest }) => (manifest === null ? [] : [manifest])),
    removed: [],
    reads: NONE,
    // A crash between commit and _SUCCESS leaves a manifest that is complete already.
    transaction: { appId: `pixlake-run-${execution.runId}`, version: 0 },
    operation: 'WRITE',
    parameters: { runId: execution.runId },
    metrics: { numAddedRows: totals.imageCount, numErrors: totals.errorCount },
    engine: context.software,
  });
  return totals;
}

async function readSuccess(store: ObjectStore, folder: string): Promise<Success | undefined> {
  const key = executionKeys.success(folder);
  if ((await store.stat(key)) === undefined) return undefined;
  return JSON.parse((await store.read(key)).toString('utf8')) as Success;
}

function toReport(
  execution: Execution,
  totals: Success,
  outcome: RunReport['outcome'],
  resumedShardCount: number,
  startMs: number,
): RunReport {
  const { run, runId, rowCount, shardCount, model } = execution;
  return {
    name: run.name,
    runId,
    folder: folderOf(execution),
    outcome,
    rowCount,
    copies: run.copies,
    ...totals,
    shardCount,
    resumedShardCount,
    model,
    durationMs: performance.now() - startMs,
  };
}
