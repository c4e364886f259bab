import { exceedsErrors } from '../error-limit.ts';
import { PixlakeError } from '../errors.ts';
import { PIXELS_VERSION } from '../image/render-image.ts';
import type { ModelFiles } from '../model/model-files.ts';
import { addUpBlocks, commitRun, readSuccess, type Success } from './commit-run.ts';
import { executionKeys, folderOf, MANIFEST_VERSION, readRunState, type RunState } from './execution.ts';
import { findNewestExecution, readExecution } from './read-executions.ts';
import type { Execution } from './execution-schema.ts';
import { finishShards, type RunContext, tooManyErrors } from './finish-shards.ts';
import { readFinishedShards } from './finished-shards.ts';
import { freezePlan, openPlanner } from './plan-run.ts';
import { isSameRun, type Run } from './run-spec.ts';

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
  /** Of the images, those that were taken over from an earlier execution. */
  readonly takenCount: number;
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
  const known = await readSuccess(store, folder);
  if (known !== undefined) return toReport(execution, known, 'repeated', execution.shardCount, startMs);
  checkInputs(execution, model);

  const finished = await readFinishedShards(store, execution);
  const resumedCount = finished.count;
  context.onStart?.(execution, resumedCount);
  await finishShards(context, execution, model, finished);
  const { errorCount } = addUpBlocks(execution, finished).success;
  const { maxErrors } = context;
  if (maxErrors !== undefined && exceedsErrors(maxErrors, errorCount, execution.rowCount * run.copies))
    throw tooManyErrors(execution, errorCount, maxErrors);
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
  { source, store, software, selectRows, isFull }: RunContext,
  run: Run,
  model: ModelFiles | undefined,
): Promise<Execution> {
  await using planner = await openPlanner(
    { source, output: store, model, software, selectRows, isFull },
    run,
  );
  const folder = folderOf({ runId: planner.runId, run });
  // A frozen plan holds, also where the SQL would match other rows today.
  if (await store.stat(executionKeys.spec(folder))) return await readExecution(store, folder);
  const { execution, files } = await planner.plan();
  const isElsewhere = source.uri !== store.uri;
  return await freezePlan(store, {
    execution: isElsewhere ? { ...execution, sourceLake: source.uri } : execution,
    files,
  });
}

/** Checks that an execution can be gone on with as it was begun. @throws `MODEL_MISMATCH`, `RUN_TOO_OLD` */
export function checkInputs(execution: Execution, model: ModelFiles | undefined): void {
  if (execution.pixelsVersion !== PIXELS_VERSION || execution.manifestVersion !== MANIFEST_VERSION) {
    throw new PixlakeError(
      'RUN_TOO_OLD',
      `run ${execution.run.name} was begun by ${execution.software}, which makes other pixels or manifests than this pixlake`,
      { remedy: 'start a run of another name' },
    );
  }
  if (execution.model === undefined || execution.model.sha256 === model?.sha256) return;
  throw new PixlakeError(
    'MODEL_MISMATCH',
    `model ${execution.model.name} changed since run ${execution.run.name} was planned`,
    {
      remedy: 'start a run of another name',
    },
  );
}

function toReport(
  execution: Execution,
  totals: Success,
  outcome: RunReport['outcome'],
  resumedShardCount: number,
  startMs: number,
): RunReport {
  const { run, runId, rowCount, shardCount, model, plan } = execution;
  const { imageCount, takenCount, errorCount, imageBytes } = totals;
  return {
    name: run.name,
    runId,
    folder: folderOf(execution),
    outcome,
    rowCount,
    copies: run.copies,
    imageCount,
    takenCount,
    errorCount,
    imageBytes,
    shardCount,
    resumedShardCount,
    volatileBecause: plan.volatileBecause,
    model,
    durationMs: performance.now() - startMs,
  };
}
