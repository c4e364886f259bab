import type { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';

/** The threads of this process that have started in the test and not ended. */
export function watchThreads(): Set<Worker> {
  const threads = new Set<Worker>();
  const note = (thread: Worker): void => {
    threads.add(thread);
    thread.once('exit', () => threads.delete(thread));
  };
  process.on('worker', note);
  onTestFinished(() => {
    process.off('worker', note);
  });
  return threads;
}
