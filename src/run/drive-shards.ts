import { PixlakeError } from '../errors.ts';
import type { ModelFiles } from '../model/model-files.ts';
import { CancelWatch } from '../work/cancel-watch.ts';
import type { ShardJob } from '../work/shard-job.ts';
import { workOffJobs } from '../work/work-off-jobs.ts';
import { BlockMerger } from './block-merger.ts';
import { executionKeys, folderOf } from './execution.ts';
import type { Execution } from './execution-schema.ts';
import { type FinishedShards, readFinishedShards } from './finished-shards.ts';
import { hashExecution } from './load-execution.ts';
import { openInputs } from './open-inputs.ts';
import { cancelledError } from './refuse-cancelled.ts';
import type { RunContext } from './run-context.ts';
import { hasTooManyErrors, tooManyErrors } from './too-many-errors.ts';

/** Rounds in which shards with damaged files are done again. */
const MAX_ROUNDS = 3;

/**
 * Works off the unfinished shards of a frozen execution and merges their blocks; shards with damaged files are done again. Any process may do this, also several
 * at once: finished shards are skipped.
 *
 * @param known which shards are finished, if already known; it is kept up to date
 * @throws `INTERRUPTED`, `RUN_CANCELLED`, `RUN_CORRUPT`, `RUN_TOO_OLD`, `TOO_MANY_ERRORS`, `MODEL_…`, `SHARD_FAILED`, `STORAGE_…`
 */
export async function driveShards(
  context: RunContext,
  execution: Execution,
  known?: FinishedShards,
): Promise<void> {
  const model = await openInputs(execution, context.resolveModel);
  const finished = known ?? (await readFinishedShards(context.store, execution));
  context.onStart?.(execution, finished.count);
  await using merger = new BlockMerger(context.store, execution, finished);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    await workOffShards(context, execution, model, finished, merger);
    if ((await merger.finish()) === 0) return;
  }
  throw new PixlakeError(
    'RUN_CORRUPT',
    `shards of ${folderOf(execution)} were damaged ${MAX_ROUNDS} times after they were done`,
    {
      remedy: 'check the disk or object store, then run the same command again',
    },
  );
}

async function workOffShards(
  context: RunContext,
  execution: Execution,
  model: ModelFiles | undefined,
  finished: FinishedShards,
  merger: BlockMerger,
): Promise<void> {
  const jobCount = finished.pendingCount;
  if (jobCount === 0) return;
  const { store, executor, maxErrors } = context;
  const folder = folderOf(execution);
  const stopping = new AbortController();
  const watch = new CancelWatch(store, executionKeys.cancelled(folder));
  const signals = [stopping.signal, ...(context.signal === undefined ? [] : [context.signal])];
  try {
    await using workers = await executor.start({ jobCount, model });
    merger.prepare();
    await workOffJobs(workers, toJobs(context, execution, finished), {
      signal: AbortSignal.any(signals),
      onProgress: (progress) => {
        context.onProgress?.(progress);
        // Workers check it too, but there may be none at present.
        if (watch.isCancelled) stopping.abort(cancelledError(folder));
        if (maxErrors !== undefined && hasTooManyErrors(execution, progress.errorCount, maxErrors))
          stopping.abort(tooManyErrors(execution, undefined, maxErrors));
      },
      onShard: (shard) => merger.shardDone(shard),
    });
  } catch (error) {
    stopping.signal.throwIfAborted();
    if (!context.signal?.aborted) throw error;
    throw new PixlakeError('INTERRUPTED', `the run in ${folder} was stopped before it was done`, {
      cause: error,
      remedy: 'finished work is kept; the same command resumes the run',
    });
  }
}

/** A job for each unfinished shard. */
export function* toJobs(
  { store, source }: Pick<RunContext, 'store' | 'source'>,
  execution: Execution,
  finished: FinishedShards,
): Generator<ShardJob> {
  const folder = folderOf(execution);
  const executionSha256 = hashExecution(execution);
  for (const shard of finished.pending())
    yield { lake: store.uri, source: source.uri, folder, executionSha256, shard };
}
