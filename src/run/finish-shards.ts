import { describeErrorLimit, type ErrorLimit, exceedsErrors } from '../error-limit.ts';
import { PixlakeError } from '../errors.ts';
import type { ModelFiles } from '../model/model-files.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { BlockMerger } from './block-merger.ts';
import { executionKeys, folderOf, imagesPerRow } from './execution.ts';
import type { Execution } from './execution-schema.ts';
import type { FinishedShards } from './finished-shards.ts';
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
  /** Makes all images anew, also those that an earlier execution has made of the same originals. */
  readonly isFull?: boolean;
  /** Images that may fail; with more, the run is stopped before its commit. What is done is kept. */
  readonly maxErrors?: ErrorLimit;
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

/** How often a run looks whether somebody cancelled it. */
const CANCEL_POLL_MS = 1000;

/** Rounds in which shards whose files turn out damaged are done again. */
const MAX_ROUNDS = 3;

/**
 * Works off the shards that are left and merges their blocks, again where files turn out damaged.
 *
 * @throws `INTERRUPTED`, `RUN_CANCELLED`, `RUN_CORRUPT`, `SHARD_FAILED`, `STORAGE_…`
 */
export async function finishShards(
  context: RunContext,
  execution: Execution,
  model: ModelFiles | undefined,
  finished: FinishedShards,
): Promise<void> {
  const folder = folderOf(execution);
  await using merger = new BlockMerger(context.store, execution, finished);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    await executeShards(context, execution, model, finished, merger);
    if ((await merger.finish()) > 0) continue;
    // A run may be done before it next looks; who cancelled it was told that it stops.
    if (await context.store.stat(executionKeys.cancelled(folder))) throw cancelledError(folder);
    return;
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
  execution: Execution,
  model: ModelFiles | undefined,
  finished: FinishedShards,
  merger: BlockMerger,
): Promise<void> {
  const { source, store, maxErrors } = context;
  const folder = folderOf(execution);
  const total = execution.rowCount * imagesPerRow(execution);
  const cancelled = new AbortController();
  const failing = new AbortController();
  const poll = setInterval(() => {
    // A poll that fails is no reason to stop; the next one may succeed.
    store.stat(executionKeys.cancelled(folder)).then(
      (marker) => marker && cancelled.abort(),
      () => undefined,
    );
  }, CANCEL_POLL_MS);
  const signals = [
    cancelled.signal,
    failing.signal,
    ...(context.signal === undefined ? [] : [context.signal]),
  ];
  try {
    await context.executor.execute(
      { source: referTo(source), output: referTo(store), folder, execution, model },
      finished.pending(),
      {
        shardCount: finished.pendingCount,
        signal: AbortSignal.any(signals),
        onProgress: (progress) => {
          context.onProgress?.(progress);
          if (maxErrors !== undefined && exceedsErrors(maxErrors, progress.errorCount, total))
            failing.abort();
        },
        onShard: (shard) => merger.shardDone(shard),
      },
    );
  } catch (error) {
    if (cancelled.signal.aborted) {
      throw cancelledError(folder, error);
    }
    if (failing.signal.aborted) throw tooManyErrors(execution, undefined, maxErrors);
    if (!context.signal?.aborted) throw error;
    throw new PixlakeError('INTERRUPTED', `the run in ${folder} was stopped before its end`, {
      cause: error,
      remedy: 'what is done is kept; the same command resumes it',
    });
  } finally {
    clearInterval(poll);
  }
}

function cancelledError(folder: string, cause?: unknown): PixlakeError {
  return new PixlakeError('RUN_CANCELLED', `the run in ${folder} was cancelled`, { cause });
}

function referTo({ uri, s3 }: ObjectStore): StoreReference {
  return { uri, s3 };
}

/** @param errorCount unknown where the run was stopped before its end */
export function tooManyErrors(
  execution: Execution,
  errorCount: number | undefined,
  limit: ErrorLimit | undefined,
): PixlakeError {
  const { name } = execution.run;
  const total = execution.rowCount * imagesPerRow(execution);
  const failed = errorCount === undefined ? 'too many' : errorCount;
  return new PixlakeError(
    'TOO_MANY_ERRORS',
    `${failed} of ${total} images of run ${name} failed; the limit is ${limit === undefined ? 'none' : describeErrorLimit(limit)}`,
    {
      remedy: `\`pixlake runs errors ${name}\` says why; what is done is kept, and the same run with a higher limit goes on`,
    },
  );
}
