import { type ModelSession, openModelSession } from '../model/open-session.ts';
import { openStore } from '../storage/open-store.ts';
import { executionKeys, readExecution } from './execution.ts';
import { processShard } from './process-shard.ts';
import type { ShardJob } from './shard-executor.ts';

/** Processes shards of one execution; keeps what they share, such as the loaded model. */
export interface ShardWorker extends AsyncDisposable {
  readonly job: ShardJob;
  /** Works on one shard to its end. @throws as {@link processShard} does */
  process(shard: number, hooks: ShardHooks): Promise<void>;
}

/** How a shard reports and is stopped while it is in work. */
export interface ShardHooks {
  readonly isCancelled: () => boolean;
  readonly onBatch: (imageCount: number, errorCount: number) => void;
}

/** Opens a worker on an execution, whose model uses so many threads. @throws `MODEL_…`, `DEVICE_UNAVAILABLE`, `RUN_NOT_FOUND` */
export async function openShardWorker(job: ShardJob, modelThreads: number): Promise<ShardWorker> {
  const source = openStore(job.source.uri, job.source.s3, true);
  const store = openStore(job.output.uri, job.output.s3, true);
  const execution = await readExecution(store, executionKeys.spec(job.folder));
  let session: ModelSession | undefined;
  if (job.model !== undefined) {
    const { device } = execution.run;
    session = await openModelSession(job.model, { threads: modelThreads, device });
  }
  return {
    job,
    async process(shard, hooks) {
      const { folder } = job;
      await processShard({ source, store, folder, execution, session, ...hooks }, shard);
    },
    async [Symbol.asyncDispose]() {
      await session?.close();
    },
  };
}
