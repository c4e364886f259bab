import { stat } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { Piscina } from 'piscina';
import type { ShardExecutor } from '../run/shard-executor.ts';
import { type WorkerSettings } from '../run/shard-worker.ts';
import type { AttemptOutcome } from '../work/attempt.ts';
import type { CloseTask, ShardTask } from './shard-task.ts';
import { makeMemoryCells } from '../run/memory-cells.ts';

/**
 * Young objects of a worker. Images lie outside the heap and go when young objects are collected: in a larger space that happens so seldom that V8
 * collects everything instead, five times a second.
 */
const YOUNG_MB = 8;

/** A session takes about so many times the bytes of its file: as read, as loaded, and for a batch in work. */
const SESSION_SHARE = 4;

/** Settings of a local executor. */
export interface LocalExecutorOptions {
  /** Worker threads of a run; one for each core by default. */
  readonly workers?: number | undefined;
  /** How S3 is reached, where a lake lies there. */
  readonly s3?: WorkerSettings['s3'] | undefined;
}

/** Runs shards in worker threads of this process. */
export function createLocalExecutor({
  workers = availableParallelism(),
  s3 = {},
}: LocalExecutorOptions = {}): ShardExecutor {
  return {
    async start({ jobCount, model }) {
      const threads = Math.min(workers, jobCount, await maxWorkers(model?.onnxPath));
      const pool = new Piscina({
        filename: new URL('./worker.js', import.meta.url).href,
        minThreads: threads,
        maxThreads: threads,
        // Nobody reads them, and Deno, in which notebooks run, lacks what they are kept with.
        recordTiming: false,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
        workerData: {
          s3,
          // All cores are used, none by two: fewer workers leave more threads to each one's model.
          modelThreads: Math.max(1, Math.floor(availableParallelism() / threads)),
          // A thread that dies gives nothing back, so each run counts for itself.
          memoryCells: makeMemoryCells(),
          model,
        } satisfies WorkerSettings,
      });
      return {
        count: threads,
        async attempt(job, { cells }) {
          return (await pool.run({ job, cells } satisfies ShardTask)) as AttemptOutcome;
        },
        [Symbol.asyncDispose]: () => closePool(pool, threads),
      };
    },
  };
}

/** Has each thread, all of which are idle, close what it holds. Ending one inside native code could take the process down. */
async function closePool(pool: Piscina, threads: number): Promise<void> {
  const closed = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const task: CloseTask = { threads, closed };
  await Promise.allSettled(Array.from({ length: threads }, () => pool.run(task)));
  await pool.close();
}

/** Each worker loads the model for itself: so many fit into half of the memory. */
async function maxWorkers(onnxPath: string | undefined): Promise<number> {
  if (onnxPath === undefined) return Number.POSITIVE_INFINITY;
  const sizeBytes = (await stat(onnxPath).catch(() => undefined))?.size ?? 0;
  return Math.max(1, Math.floor(totalmem() / 2 / (sizeBytes * SESSION_SHARE)));
}
