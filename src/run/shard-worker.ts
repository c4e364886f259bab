import { rm } from 'node:fs/promises';
import { type DuckDb, openDuckDb } from '../duckdb/open-duckdb.ts';
import { MemoryGate, memoryGate } from '../image/memory-gate.ts';
import { type ModelSession, openModelSession } from '../model/open-session.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openStore } from '../storage/open-store.ts';
import type { Execution } from './execution-schema.ts';
import { openPlanReader, type PlanReader } from './plan-reader.ts';
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

/** Opening a DuckDB takes as long as a hundred small images. It is renewed after this, as the credentials are that it holds. */
const MAX_BENCH_MS = 60_000;

/** A DuckDB that serves several shards one after another. */
interface Bench {
  readonly db: DuckDb;
  readonly plan: PlanReader;
  readonly scratchDir: string;
  readonly openedMs: number;
}

async function openBench(store: ObjectStore, folder: string, execution: Execution): Promise<Bench> {
  const scratchDir = await store.makeScratchDir();
  try {
    const db = await openDuckDb({ scratchDir, threads: 1 });
    // Each shard of a large plan reads one row group of a part that has hundreds.
    await db.run('SET parquet_metadata_cache = true');
    const plan = openPlanReader(db, store, folder, execution, scratchDir);
    return { db, plan, scratchDir, openedMs: performance.now() };
  } catch (error) {
    await rm(scratchDir, { recursive: true, force: true });
    throw error;
  }
}

/** Makes what the threads that work on shards together share to bound the memory of images in work. */
export function makeMemoryCells(): Int32Array<SharedArrayBuffer> {
  return new MemoryGate().cells;
}

/** Opens a worker on an execution, whose model uses so many threads. @throws `MODEL_…`, `DEVICE_UNAVAILABLE`, `RUN_NOT_FOUND` */
export async function openShardWorker(
  job: ShardJob,
  modelThreads: number,
  memoryCells: Int32Array<SharedArrayBuffer>,
): Promise<ShardWorker> {
  memoryGate(memoryCells);
  const source = openStore(job.source.uri, job.source.s3, true);
  const store = openStore(job.output.uri, job.output.s3, true);
  const { execution } = job;
  let session: ModelSession | undefined;
  if (job.model !== undefined) {
    const { device } = execution.run;
    session = await openModelSession(job.model, { threads: modelThreads, device });
  }
  let bench: Bench | undefined;
  const closeBench = async (): Promise<void> => {
    const closing = bench;
    bench = undefined;
    closing?.db[Symbol.dispose]();
    if (closing !== undefined) await rm(closing.scratchDir, { recursive: true, force: true });
  };
  return {
    job,
    async process(shard, hooks) {
      if (bench !== undefined && performance.now() - bench.openedMs > MAX_BENCH_MS) await closeBench();
      const { folder } = job;
      bench ??= await openBench(store, folder, execution);
      const { db, plan, scratchDir } = bench;
      try {
        await processShard(
          { source, store, folder, execution, plan, session, db, scratchDir, ...hooks },
          shard,
        );
      } catch (error) {
        // Whatever a failed shard left open must not disturb the next one.
        await closeBench();
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await closeBench();
      await session?.close();
    },
  };
}
