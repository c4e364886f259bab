import { stat } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import type { Piscina } from 'piscina';
import type { ShardExecutor, WorkerDemand } from '../run/shard-executor.ts';
import type { WorkerSettings } from '../run/shard-worker.ts';
import type { AttemptOutcome } from '../work/attempt.ts';
import type { Workers } from '../work/workers.ts';
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
    start: async (demand) => startWorkers(await openPool(workers, s3), workers, demand),
    prepare() {
      let prepared: Promise<Piscina> | undefined = openPool(workers, s3);
      return {
        async start(demand) {
          const pool = prepared ?? openPool(workers, s3);
          prepared = undefined;
          return startWorkers(await pool, workers, demand);
        },
        async [Symbol.asyncDispose]() {
          const pool = await prepared;
          if (pool !== undefined) await closePool(pool);
        },
      };
    },
  };
}

/** Opens a pool with one thread, which gets others when it has work for them. */
async function openPool(workers: number, s3: WorkerSettings['s3']): Promise<Piscina> {
  const { Piscina: Pool } = await import('piscina');
  const pool = new Pool({
    filename: new URL('./worker.js', import.meta.url).href,
    minThreads: 1,
    maxThreads: workers,
    idleTimeout: Number.POSITIVE_INFINITY,
    // Not used, and not available in Deno, in which notebooks run.
    recordTiming: false,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    workerData: {
      s3,
      // A thread that dies does not give its memory back, so each run has its own cells.
      memoryCells: makeMemoryCells(),
    } satisfies WorkerSettings,
  });
  // A thread that does not start fails its attempts, which report it.
  pool.on('error', () => undefined);
  return pool;
}

async function startWorkers(
  pool: Piscina,
  workers: number,
  { jobCount, model }: WorkerDemand,
): Promise<Workers> {
  const count = Math.min(workers, jobCount, await maxWorkers(model?.onnxPath));
  // Workers times model threads are the cores: fewer workers leave more threads for the model of each.
  const modelSettings = { threads: Math.max(1, Math.floor(availableParallelism() / count)), atHand: model };
  return {
    count,
    async attempt(job, { cells }) {
      return (await pool.run({ job, cells, modelSettings } satisfies ShardTask)) as AttemptOutcome;
    },
    [Symbol.asyncDispose]: () => closePool(pool),
  };
}

/** Lets each thread, all of which are idle, close its resources. Ending a thread inside native code could crash the process. */
async function closePool(pool: Piscina): Promise<void> {
  const threads = pool.threads.length;
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
