import { stat } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import type { ShardExecutor, WorkerDemand } from '../run/shard-executor.ts';
import type { WorkerSettings } from '../run/shard-worker.ts';
import type { Workers } from '../work/workers.ts';
import { ShardThreads } from './shard-threads.ts';

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
    start: async (demand) => startWorkers(await ShardThreads.open(workers, s3), workers, demand),
    prepare() {
      let prepared: Promise<ShardThreads> | undefined = ShardThreads.open(workers, s3);
      return {
        async start(demand) {
          const threads = await prepared;
          // Starting again reports why a thread cannot start.
          if (threads === undefined || threads.isBroken)
            return startWorkers(await ShardThreads.open(workers, s3), workers, demand);
          prepared = undefined;
          return startWorkers(threads, workers, demand);
        },
        async [Symbol.asyncDispose]() {
          await (await prepared)?.[Symbol.asyncDispose]();
        },
      };
    },
  };
}

async function startWorkers(
  threads: ShardThreads,
  workers: number,
  { jobCount, model }: WorkerDemand,
): Promise<Workers> {
  const count = Math.min(workers, jobCount, await maxWorkers(model?.onnxPath));
  // Workers times model threads are the cores: fewer workers leave more threads for the model of each.
  const modelSettings = { threads: Math.max(1, Math.floor(availableParallelism() / count)), atHand: model };
  return {
    count,
    attempt: async (job, { cells }) => threads.run({ job, cells, modelSettings }),
    [Symbol.asyncDispose]: async () => threads[Symbol.asyncDispose](),
  };
}

/** Each worker loads the model itself. Returns how many fit into half of the memory. */
async function maxWorkers(onnxPath: string | undefined): Promise<number> {
  if (onnxPath === undefined) return Number.POSITIVE_INFINITY;
  const sizeBytes = (await stat(onnxPath).catch(() => undefined))?.size ?? 0;
  return Math.max(1, Math.floor(totalmem() / 2 / (sizeBytes * SESSION_SHARE)));
}
