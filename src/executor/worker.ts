import { workerData } from 'node:worker_threads';
import { ShardWorker, type WorkerSettings } from '../run/shard-worker.ts';
import { AttemptCells, type AttemptOutcome } from '../work/attempt.ts';
import type { CloseTask, ShardTask } from './shard-task.ts';

const worker = new ShardWorker(workerData as WorkerSettings);

/** Entry of the worker threads: makes one attempt at a shard, or closes the resources of the thread. */
export default async function work(task: ShardTask | CloseTask): Promise<AttemptOutcome | undefined> {
  if ('job' in task) return worker.attempt(task.job, new AttemptCells(task.cells), task.modelSettings);
  await close(task);
  return undefined;
}

/** Maximum wait for threads that may have died. */
const CLOSE_MS = 2000;

async function close({ threads, closed }: CloseTask): Promise<void> {
  await worker[Symbol.asyncDispose]();
  Atomics.add(closed, 0, 1);
  Atomics.notify(closed, 0);
  for (;;) {
    const count = Atomics.load(closed, 0);
    if (count >= threads || Atomics.wait(closed, 0, count, CLOSE_MS) === 'timed-out') return;
  }
}
