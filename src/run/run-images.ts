import { commitRun } from './commit-run.ts';
import { driveShards } from './drive-shards.ts';
import { folderOf } from './execution.ts';
import type { Execution } from './execution-schema.ts';
import { readFinishedShards } from './finished-shards.ts';
import { planRun } from './plan-run.ts';
import type { RunContext } from './run-context.ts';
import type { Run } from './run-spec.ts';
import { readSuccess, type Success } from './success.ts';

/** Result of a run. Always `imageCount + errorCount = rowCount * copies`. */
export interface RunReport {
  readonly name: string;
  readonly runId: string;
  /** Object key of the execution's folder. */
  readonly folder: string;
  /** `repeated` means that the same run had already finished, so nothing was done. */
  readonly outcome: 'finished' | 'repeated';
  readonly rowCount: number;
  readonly copies: number;
  readonly imageCount: number;
  /** Images that were taken over from an earlier execution; part of `imageCount`. */
  readonly takenCount: number;
  readonly errorCount: number;
  readonly imageBytes: number;
  readonly shardCount: number;
  /** Shards that an earlier, interrupted attempt had finished. */
  readonly resumedShardCount: number;
  /** Why the same SQL may match other rows the next time; empty if it cannot. */
  readonly volatileBecause: readonly string[];
  readonly model: Execution['model'];
  readonly durationMs: number;
}

/**
 * Executes a run: plans it, works off its shards, commits the manifest and writes `_SUCCESS`. The same run again resumes an
 * interrupted run on the snapshot of its plan, and does nothing if it has finished on the present versions of the tables.
 *
 * @throws `RUN_NAME_TAKEN`, `INTERRUPTED`, `RUN_CANCELLED`, `RUN_CORRUPT`, `PLAN_…`, `SQL_…`, `MODEL_…`, `SHARD_FAILED`, `STORAGE_…`
 */
export async function runImages(context: RunContext, run: Run): Promise<RunReport> {
  const startMs = performance.now();
  const { store } = context;
  await using prepared = context.executor.prepare?.();
  const execution = await planRun(context, run);
  const known = await readSuccess(store, folderOf(execution));
  if (known !== undefined) return toReport(execution, known, 'repeated', execution.shardCount, startMs);
  const finished = await readFinishedShards(store, execution);
  const resumedCount = finished.count;
  await driveShards({ ...context, executor: prepared ?? context.executor }, execution, finished);
  const totals = await commitRun(context, execution, finished);
  return toReport(execution, totals, 'finished', resumedCount, startMs);
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
