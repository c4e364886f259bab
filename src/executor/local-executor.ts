import { stat } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { Piscina } from 'piscina';
import { type ErrorCode, messageOf, PixlakeError } from '../errors.ts';
import type { ShardExecutor, ShardProgress } from '../run/shard-executor.ts';
import { makeMemoryCells } from '../run/shard-worker.ts';
import { type CloseTask, COUNTER, type ShardOutcome, type ShardTask, toError } from './shard-task.ts';

/** Attempts at a shard before the run gives up. */
const ATTEMPTS = 3;

/** A session takes about so many times the bytes of its file: as read, as loaded, and for a batch in work. */
const SESSION_SHARE = 4;

/**
 * Young objects of a worker. Images lie outside the heap and go when young objects are collected: in a larger space that happens so seldom that V8
 * collects everything instead, five times a second.
 */
const YOUNG_MB = 8;

/** Progress is reported by time, so that its cost does not grow with the number of images. */
const PROGRESS_MS = 200;

/** Errors that another attempt would only meet again. */
const FINAL_CODES = new Set<ErrorCode>([
  'INTERRUPTED',
  'STORAGE_FULL',
  'STORAGE_DENIED',
  'BUCKET_NOT_FOUND',
  'HTTPFS_UNAVAILABLE',
  'RUN_CORRUPT',
  'MODEL_MISMATCH',
  'MODEL_NOT_FOUND',
  'MODEL_CARD_INVALID',
  'DEVICE_UNAVAILABLE',
  'WORKER_TOO_SMALL',
]);

/** Runs shards in worker threads of this process, one for each core by default. */
export function createLocalExecutor(workers: number = availableParallelism()): ShardExecutor {
  return {
    async execute(job, shards, { shardCount, signal, onProgress, onShard }) {
      if (shardCount === 0) return;
      const counters = new Int32Array(new SharedArrayBuffer(4 * Int32Array.BYTES_PER_ELEMENT));
      const threads = Math.min(workers, shardCount, await maxWorkers(job.model?.onnxPath));
      // A thread that dies gives nothing back, so each run counts for itself.
      const memoryCells = makeMemoryCells();
      // All cores are used, none by two: fewer workers leave more threads to each one's model.
      const modelThreads = Math.max(1, Math.floor(availableParallelism() / threads));
      const pool = new Piscina({
        filename: new URL('./worker.js', import.meta.url).href,
        minThreads: threads,
        maxThreads: threads,
        // Nobody reads them, and Deno, in which notebooks run, lacks what they are kept with.
        recordTiming: false,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      });
      const cancel = (): void => {
        Atomics.store(counters, COUNTER.isCancelled, 1);
      };
      const report = setInterval(() => onProgress(progressOf(counters)), PROGRESS_MS);
      signal.addEventListener('abort', cancel, { once: true });
      if (signal.aborted) cancel();
      const queue = shards[Symbol.iterator]();
      // As many loops as threads: shards are taken one at a time, so that the queue of a billion images takes no memory.
      const loops = Array.from({ length: threads }, async () => {
        for (let next = queue.next(); !next.done; next = queue.next()) {
          await attempt(pool, { job, shard: next.value, modelThreads, counters, memoryCells }, signal);
          onShard(next.value);
        }
      });
      try {
        await Promise.all(loops);
      } catch (error) {
        cancel();
        throw error;
      } finally {
        clearInterval(report);
        signal.removeEventListener('abort', cancel);
        // The shards of the others end soon after a failure, since that cancels them.
        await Promise.allSettled(loops);
        await closePool(pool, { threads, counters });
        onProgress(progressOf(counters));
      }
    },
  };
}

/** Has each thread, all of which are idle, close what it holds. Ending one inside native code could take the process down. */
async function closePool(pool: Piscina, task: CloseTask): Promise<void> {
  await Promise.allSettled(Array.from({ length: task.threads }, () => pool.run(task)));
  await pool.close();
}

/** Each worker loads the model for itself: so many fit into half of the memory. */
async function maxWorkers(onnxPath: string | undefined): Promise<number> {
  if (onnxPath === undefined) return Number.POSITIVE_INFINITY;
  const sizeBytes = (await stat(onnxPath).catch(() => undefined))?.size ?? 0;
  return Math.max(1, Math.floor(totalmem() / 2 / (sizeBytes * SESSION_SHARE)));
}

async function attempt(pool: Piscina, task: ShardTask, signal: AbortSignal): Promise<void> {
  let last: PixlakeError | undefined;
  for (let count = 0; count < ATTEMPTS; count++) {
    if (signal.aborted) throw new PixlakeError('INTERRUPTED', 'the run was stopped');
    const outcome = await runTask(pool, task);
    if (outcome.kind === 'done') return;
    last = toError(outcome);
    if (FINAL_CODES.has(last.code)) throw last;
  }
  throw new PixlakeError(
    'SHARD_FAILED',
    `shard ${task.shard} failed ${ATTEMPTS} times: ${last?.message ?? ''}`,
    {
      cause: last,
    },
  );
}

async function runTask(pool: Piscina, task: ShardTask): Promise<ShardOutcome> {
  try {
    return (await pool.run(task)) as ShardOutcome;
  } catch (error) {
    // The thread itself died, for example because it ran out of memory.
    return { kind: 'failed', code: 'INTERNAL_ERROR', message: messageOf(error), remedy: undefined };
  }
}

function progressOf(counters: Int32Array): ShardProgress {
  return {
    imageCount: Atomics.load(counters, COUNTER.images),
    errorCount: Atomics.load(counters, COUNTER.errors),
  };
}
