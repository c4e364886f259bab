import { PixlakeError } from '../errors.ts';
import type { ModelFiles } from '../model/model-files.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { BlockMerger } from './block-merger.ts';
import { commitRun, readSuccess, type Success } from './commit-run.ts';
import {
  type Execution,
  executionKeys,
  findNewestExecution,
  folderOf,
  readExecution,
  readRunState,
  type RunState,
} from './execution.ts';
import { type FinishedShards, readFinishedShards } from './finished-shards.ts';
import { freezePlan, openPlanner } from './plan-run.ts';
import { isSameRun, type Run } from './run-spec.ts';
import type { SelectRows } from './select-rows.ts';
import type { ShardExecutor, ShardProgress, StoreReference } from './shard-executor.ts';

/** Ways to follow and stop a run. */
export interface RunFollower {
  readonly signal?: AbortSignal;
  /** Called once the plan is fixed, with the shards that an earlier attempt had finished. */
  readonly onStart?: (execution: Execution, resumedShardCount: number) => void;
  readonly onProgress?: (progress: ShardProgress) => void;
  /** Goes on with a run that was cancelled; otherwise it is refused. */
  readonly liftsCancel?: boolean;
}

/** What running needs. */
export interface RunContext extends RunFollower {
  /** The lake that is read. */
  readonly source: ObjectStore;
  /** The lake that takes what is written; it may be the same. */
  readonly store: ObjectStore;
  readonly executor: ShardExecutor;
  /** Finds a model by name or path. */
  readonly resolveModel: (nameOrPath: string) => Promise<ModelFiles>;
  /** Software that plans and commits, such as `pixlake/0.1.0`. */
  readonly software: string;
  /** Runs untrusted SQL; other SQL is run in this process. */
  readonly selectRows?: SelectRows;
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
  /** Why the same SQL may match other rows next time; empty where it cannot. */
  readonly volatileBecause: readonly string[];
  readonly model: Execution['model'];
  readonly durationMs: number;
}

/** How often a run looks whether somebody cancelled it. */
const CANCEL_POLL_MS = 1000;

/** Rounds in which shards whose files turn out damaged are done again. */
const MAX_ROUNDS = 3;

/**
 * Executes a run: plans it, works off its shards, commits the manifest and writes `_SUCCESS`. The same run again resumes one that was
 * interrupted, on the snapshot it was planned on, and does nothing if it finished on the tables' present versions.
 *
 * @throws `RUN_NAME_TAKEN`, `INTERRUPTED`, `RUN_CANCELLED`, `RUN_CORRUPT`, `PLAN_…`, `SQL_…`, `MODEL_…`, `SHARD_FAILED`, `STORAGE_…`
 */
export async function runImages(context: RunContext, run: Run): Promise<RunReport> {
  const startMs = performance.now();
  const { store } = context;
  const model = run.model === undefined ? undefined : await context.resolveModel(run.model);
  const latest = await findNewestExecution(store, run.name);
  if (latest !== undefined && !isSameRun(latest.run, run)) {
    throw new PixlakeError('RUN_NAME_TAKEN', `run ${run.name} exists with another specification`, {
      remedy: `choose another --name; \`pixlake runs show ${run.name}\` prints the specification it has`,
    });
  }
  const state = latest === undefined ? undefined : await readRunState(store, folderOf(latest));
  await checkNotCancelled(context, latest, state);
  const isUnfinished = latest !== undefined && state !== 'finished';
  const execution = isUnfinished ? latest : await planAndFreeze(context, run, model);
  const folder = folderOf(execution);
  checkModel(execution, model);
  const known = await readSuccess(store, folder);
  if (known !== undefined) return toReport(execution, known, 'repeated', execution.shardCount, startMs);

  const finished = await readFinishedShards(store, execution);
  const resumedCount = finished.count;
  context.onStart?.(execution, resumedCount);
  await finishShards(context, execution, model, finished);
  const totals = await commitRun(store, execution, finished, context.software);
  return toReport(execution, totals, 'finished', resumedCount, startMs);
}

async function checkNotCancelled(
  { store, liftsCancel }: RunContext,
  latest: Execution | undefined,
  state: RunState | undefined,
): Promise<void> {
  if (latest === undefined || state !== 'cancelled') return;
  if (liftsCancel) return store.delete(executionKeys.cancelled(folderOf(latest)));
  throw new PixlakeError('RUN_CANCELLED', `run ${latest.run.name} was cancelled`, {
    remedy: `\`pixlake runs resume ${latest.run.name}\` goes on with it`,
  });
}

async function planAndFreeze(
  { source, store, software, selectRows }: RunContext,
  run: Run,
  model: ModelFiles | undefined,
): Promise<Execution> {
  await using planner = await openPlanner({ source, model, software, selectRows }, run);
  const folder = folderOf({ runId: planner.runId, run });
  // A frozen plan holds, also where the SQL would match other rows today.
  if (await store.stat(executionKeys.spec(folder))) return readExecution(store, folder);
  const { execution, files } = await planner.plan();
  const isElsewhere = source.uri !== store.uri;
  return await freezePlan(store, {
    execution: isElsewhere ? { ...execution, sourceLake: source.uri } : execution,
    files,
  });
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

/** Works off the shards that are left and merges their blocks, again where files turn out damaged. */
async function finishShards(
  context: RunContext,
  execution: Execution,
  model: ModelFiles | undefined,
  finished: FinishedShards,
): Promise<void> {
  const folder = folderOf(execution);
  await using merger = new BlockMerger(context.store, execution, finished);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    await executeShards(context, folder, model, finished, merger);
    if ((await merger.finish()) === 0) return;
  }
  throw new PixlakeError(
    'RUN_CORRUPT',
    `shards of ${folder} were damaged ${MAX_ROUNDS} times after they were done`,
    {
      remedy: 'check the disk or object store; the same command tries again',
    },
  );
}

async function executeShards(
  context: RunContext,
  folder: string,
  model: ModelFiles | undefined,
  finished: FinishedShards,
  merger: BlockMerger,
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
      finished.pending(),
      {
        shardCount: finished.pendingCount,
        signal: AbortSignal.any(signals),
        onProgress: (progress) => context.onProgress?.(progress),
        onShard: (shard) => merger.shardDone(shard),
      },
    );
  } catch (error) {
    if (cancelled.signal.aborted) {
      throw new PixlakeError('RUN_CANCELLED', `the run in ${folder} was cancelled`, { cause: error });
    }
    if (!context.signal?.aborted) throw error;
    throw new PixlakeError('INTERRUPTED', `the run in ${folder} was stopped before its end`, {
      cause: error,
      remedy: 'what is done is kept; the same command resumes it',
    });
  } finally {
    clearInterval(poll);
  }
}

function referTo({ uri, s3 }: ObjectStore): StoreReference {
  return { uri, s3 };
}

function toReport(
  execution: Execution,
  totals: Success,
  outcome: RunReport['outcome'],
  resumedShardCount: number,
  startMs: number,
): RunReport {
  const { run, runId, rowCount, shardCount, model, plan } = execution;
  const { imageCount, errorCount, imageBytes } = totals;
  return {
    name: run.name,
    runId,
    folder: folderOf(execution),
    outcome,
    rowCount,
    copies: run.copies,
    imageCount,
    errorCount,
    imageBytes,
    shardCount,
    resumedShardCount,
    volatileBecause: plan.volatileBecause,
    model,
    durationMs: performance.now() - startMs,
  };
}
