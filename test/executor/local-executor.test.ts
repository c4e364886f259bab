import { truncate, writeFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { ModelFiles } from '../../src/model/model-files.ts';
import { AttemptCells } from '../../src/work/attempt.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { toyCard } from '../model/toy-model.ts';
import { describeExecutor, type ExecutorUnderTest } from './executor-contract.ts';
import { watchThreads } from './watch-threads.ts';

// Threads need the entry of the build.
const BUILT = join(import.meta.dirname, '../../dist/executor/local-executor.js');
const { createLocalExecutor } = (await import(
  pathToFileURL(BUILT).href
)) as typeof import('../../src/executor/local-executor.ts');

async function createLocal(workers: number): Promise<ExecutorUnderTest> {
  const threads = watchThreads();
  return {
    executor: createLocalExecutor({ workers }),
    async killWorkers() {
      await Promise.all(Array.from(threads, (thread) => thread.terminate()));
    },
  };
}

describeExecutor(createLocal);

describe('threads', () => {
  /** A model of which only the size of its file matters. */
  async function modelOf(sizeBytes: number): Promise<ModelFiles> {
    const onnxPath = join(await makeTestFolder(), 'model.onnx');
    await writeFile(onnxPath, '');
    await truncate(onnxPath, sizeBytes);
    return { card: toyCard(), onnxPath, sha256: '0'.repeat(64) };
  }

  async function countOf(
    executor: ReturnType<typeof createLocalExecutor>,
    jobCount: number,
    model?: ModelFiles,
  ): Promise<number> {
    await using workers = await executor.start({ jobCount, model });
    return workers.count;
  }

  test('are as many as there are cores, or as they are asked for, and no more than jobs', async () => {
    expect(await countOf(createLocalExecutor(), 100)).toBe(availableParallelism());
    expect(await countOf(createLocalExecutor({ workers: undefined }), 100)).toBe(availableParallelism());
    expect(await countOf(createLocalExecutor({ workers: 3 }), 100)).toBe(3);
    expect(await countOf(createLocalExecutor({ workers: 3 }), 2)).toBe(2);
    expect(await countOf(createLocalExecutor({ workers: 3 }), 1)).toBe(1);
  });

  test('are no more than models fit into half of the memory, four times the size of the file each', async () => {
    const executor = createLocalExecutor({ workers: 4 });
    const fitting = (count: number): number => Math.floor(totalmem() / 8 / (count + 0.5));
    expect(await countOf(executor, 100, await modelOf(1000))).toBe(4);
    expect(await countOf(executor, 100, await modelOf(fitting(3)))).toBe(3);
    expect(await countOf(executor, 100, await modelOf(fitting(1)))).toBe(1);
    expect(await countOf(executor, 100, await modelOf(totalmem()))).toBe(1);
    const gone = { ...(await modelOf(0)), onnxPath: '/no/such/model.onnx' };
    expect(await countOf(executor, 100, gone)).toBe(4);
  });

  test('end with the workers, and have a small young generation', async () => {
    const threads = watchThreads();
    const workers = await createLocalExecutor({ workers: 2 }).start({ jobCount: 2, model: undefined });
    await expect.poll(() => threads.size).toBe(1);
    const job = {
      lake: '/no/such/lake',
      source: '',
      folder: 'runs/r/run_id=0',
      executionSha256: '0',
      shard: 0,
    };
    await Promise.all([1, 2].map(async () => workers.attempt(job, new AttemptCells())));
    expect(threads.size).toBe(2);
    const limits = Array.from(threads, ({ resourceLimits }) => resourceLimits?.maxYoungGenerationSizeMb);
    expect(limits).toEqual([8, 8]);
    await workers[Symbol.asyncDispose]();
    await expect.poll(() => threads.size).toBe(0);
  });
});
