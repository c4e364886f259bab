import { ShardWorker } from '../../src/run/shard-worker.ts';
import type { AttemptOutcome } from '../../src/work/attempt.ts';
import { describeExecutor, type ExecutorUnderTest } from '../executor/executor-contract.ts';
import { makeMemoryCells } from '../../src/run/memory-cells.ts';

/**
 * Works in this process and hands over jobs and outcomes as text, as a queue does. A worker that is killed works on: it is as one that stood still
 * and wakes up after its job was given to another.
 */
function createFake(count: number): ExecutorUnderTest {
  const settings = { s3: {}, memoryCells: makeMemoryCells() };
  const kills = new Set<() => void>();
  return {
    async killWorkers() {
      for (const kill of kills) kill();
    },
    executor: {
      async start() {
        const workers: ShardWorker[] = [];
        const idle: ShardWorker[] = [];
        const works: Promise<unknown>[] = [];
        const hire = (): ShardWorker => {
          const worker = new ShardWorker(settings);
          workers.push(worker);
          return worker;
        };
        return {
          count,
          async attempt(job, cells) {
            const worker = idle.pop() ?? hire();
            const work = worker.attempt(JSON.parse(JSON.stringify(job)) as typeof job, cells);
            works.push(work);
            const outcome = await Promise.race([
              work,
              new Promise<never>((_, reject) => kills.add(() => reject(new Error('killed')))),
            ]);
            idle.push(worker);
            return JSON.parse(JSON.stringify(outcome)) as AttemptOutcome;
          },
          async [Symbol.asyncDispose]() {
            await Promise.all(works);
            for (const worker of workers) await worker[Symbol.asyncDispose]();
          },
        };
      },
    },
  };
}

describeExecutor(async (workers) => createFake(workers));
