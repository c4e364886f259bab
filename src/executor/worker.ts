import { toPixlakeError } from '../errors.ts';
import { openShardWorker, type ShardWorker } from '../run/shard-worker.ts';
import { type CloseTask, COUNTER, type ShardOutcome, type ShardTask } from './shard-task.ts';

let current: ShardWorker | undefined;

/** Entry of the worker threads: works on one shard of one execution, keeping what the next shard needs too until it is told to close it. */
export default async function work(task: ShardTask | CloseTask): Promise<ShardOutcome> {
  return 'shard' in task ? workOnShard(task) : close(task);
}

/** A thread that died meanwhile is not waited for longer than this. */
const CLOSE_MS = 2000;

async function close({ threads, counters }: CloseTask): Promise<ShardOutcome> {
  await current?.[Symbol.asyncDispose]();
  current = undefined;
  Atomics.add(counters, COUNTER.closed, 1);
  Atomics.notify(counters, COUNTER.closed);
  for (;;) {
    const closed = Atomics.load(counters, COUNTER.closed);
    if (closed >= threads || Atomics.wait(counters, COUNTER.closed, closed, CLOSE_MS) === 'timed-out')
      return { kind: 'done' };
  }
}

async function workOnShard({
  job,
  shard,
  modelThreads,
  counters,
  memoryCells,
}: ShardTask): Promise<ShardOutcome> {
  let imageCount = 0;
  let errorCount = 0;
  try {
    if (current?.job.folder !== job.folder || current.job.output.uri !== job.output.uri) {
      await current?.[Symbol.asyncDispose]();
      current = await openShardWorker(job, modelThreads, memoryCells);
    }
    await current.process(shard, {
      isCancelled: () => Atomics.load(counters, COUNTER.isCancelled) !== 0,
      onBatch: (images, errors) => {
        imageCount += images;
        errorCount += errors;
        Atomics.add(counters, COUNTER.images, images);
        Atomics.add(counters, COUNTER.errors, errors);
      },
    });
    return { kind: 'done' };
  } catch (error) {
    // What a failed attempt counted is counted again by the next one.
    Atomics.sub(counters, COUNTER.images, imageCount);
    Atomics.sub(counters, COUNTER.errors, errorCount);
    const { code, message, remedy } = toPixlakeError(error);
    return { kind: 'failed', code, message, remedy };
  }
}
