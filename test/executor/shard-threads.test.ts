import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ShardThreads } from '../../src/executor/shard-threads.ts';
import { AttemptCells } from '../../src/work/attempt.ts';
import { watchThreads } from './watch-threads.ts';

const job = { lake: '/no/such/lake', source: '', folder: 'runs/r/run_id=0', executionSha256: '0', shard: 0 };
const task = () => ({ job, cells: new AttemptCells().cells, modelSettings: {} });

// The entry of threads is in the build alone.
const built = join(import.meta.dirname, '../../dist/executor/shard-threads.js');
const { ShardThreads: Built } = (await import(
  pathToFileURL(built).href
)) as typeof import('../../src/executor/shard-threads.ts');

test('one thread starts at once, others with more tasks, and all end', async () => {
  const watched = watchThreads();
  const threads = await Built.open(2, {});
  await expect.poll(() => watched.size).toBe(1);
  const outcomes = await Promise.all([threads.run(task()), threads.run(task())]);
  expect(outcomes).toMatchObject([{ code: 'RUN_NOT_FOUND' }, { code: 'RUN_NOT_FOUND' }]);
  expect([watched.size, threads.isBroken]).toEqual([2, false]);
  await threads[Symbol.asyncDispose]();
  await expect.poll(() => watched.size).toBe(0);
});

test.each([0, 20, 60, 200])(
  'threads that cannot start fail a task that is given %i ms later, and end',
  async (delayMs) => {
    const threads = await ShardThreads.open(2, {});
    await sleep(delayMs);
    // A pool that has lost all threads would wait for ever.
    if (!threads.isBroken) await expect(threads.run(task())).rejects.toThrow('worker.js');
    await expect(threads[Symbol.asyncDispose]()).resolves.toBeUndefined();
  },
);
