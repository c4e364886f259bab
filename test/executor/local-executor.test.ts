import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';
import { describeExecutor, type ExecutorUnderTest } from './executor-contract.ts';

// Threads need the entry of the build.
const BUILT = join(import.meta.dirname, '../../dist/executor/local-executor.js');

async function createLocal(workers: number): Promise<ExecutorUnderTest> {
  const { createLocalExecutor } = (await import(
    pathToFileURL(BUILT).href
  )) as typeof import('../../src/executor/local-executor.ts');
  const threads = new Set<Worker>();
  const note = (thread: Worker): void => {
    threads.add(thread);
    thread.once('exit', () => threads.delete(thread));
  };
  process.on('worker', note);
  onTestFinished(() => {
    process.off('worker', note);
  });
  return {
    executor: createLocalExecutor({ workers }),
    async killWorkers() {
      await Promise.all(Array.from(threads, (thread) => thread.terminate()));
    },
  };
}

describeExecutor(createLocal);
