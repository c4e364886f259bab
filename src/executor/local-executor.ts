import { stat } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import type { Piscina } from 'piscina';
import type { ShardExecutor } from '../run/shard-executor.ts';
import type { WorkerSettings } from '../run/shard-worker.ts';
import type { AttemptOutcome } from '../work/attempt.ts';
import type { CloseTask, ShardTask } from './shard-task.ts';
import { makeMemoryCells } from '../run/memory-cells.ts';

/**
 * Size of a worker's young generation. Images lie outside the heap and are freed when young objects are collected. In a larger space that happens so rarely that V8
 * collects the whole heap instead, five times a second.
 */
const YOUNG_MB = 8;

/** A session takes about this many times the bytes of its file: as read, as loaded, and for a batch in progress. */
const SESSION_SHARE = 4;

/** Settings of a local executor. */
export interface LocalExecutorOptions {
  /** Worker threads of a run; one for each core by default. */
  readonly workers?: number | undefined;
  /** S3 settings, for lakes on S3. */
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
      const { Piscina: Pool } = await import('piscina');
      const pool = new Pool({
        filename: new URL('./worker.js', import.meta.url).href,
        minThreads: threads,
        maxThreads: threads,
        // Not used, and not available in Deno, in which notebooks run.
        recordTiming: false,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
        workerData: {
          s3,
          // Workers times model threads are the cores: fewer workers leave more threads for the model of each.
          modelThreads: Math.max(1, Math.floor(availableParallelism() / threads)),
          // A thread that dies does not give its memory back, so each run has its own cells.
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

/** Lets each thread, all of which are idle, close its resources. Ending a thread inside native code could crash the process. */
async function closePool(pool: Piscina, threads: number): Promise<void> {
  const closed = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const task: CloseTask = { threads, closed };
  await Promise.allSettled(Array.from({ length: threads }, () => pool.run(task)));
  await pool.close();
}

/** Each worker loads the model itself. Returns how many fit into half of the memory. */
async function maxWorkers(onnxPath: string | undefined): Promise<number> {
  if (onnxPath === undefined) return Number.POSITIVE_INFINITY;
  const sizeBytes = (await stat(onnxPath).catch(() => undefined))?.size ?? 0;
  return Math.max(1, Math.floor(totalmem() / 2 / (sizeBytes * SESSION_SHARE)));
}
