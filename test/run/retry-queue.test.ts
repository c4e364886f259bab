import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { log } from '../../src/config.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { RetryQueue } from '../../src/run/retry-queue.ts';
import { RunLibrary } from '../../src/run/run-library.ts';
import type { ShardExecutor } from '../../src/run/shard-executor.ts';
import type { AttemptCells } from '../../src/work/attempt.ts';
import { drawJpeg } from '../support/catalogue.ts';
import {
  copyLake,
  inProcessExecutor,
  makeLake,
  runWith,
  type TestLake,
  wrapAttempts,
} from '../support/run-in-process.ts';

/** A lake with two finished runs, whose missing image has come back since. */
async function makeBroken(): Promise<TestLake> {
  return copyLake('two runs to be retried', async () => {
    const lake = await makeLake(2);
    await lake.store.delete('originals/images/2.jpg');
    for (const name of ['a', 'b'])
      await runWith(lake.store, { name, sql: 'SELECT id FROM images', seed: name === 'a' ? 1 : 2 });
    await lake.store.write('originals/images/2.jpg', await drawJpeg(2, 12, 16));
    return lake;
  });
}

/** An executor whose attempts begin when they are let go. */
function createHeld(): {
  readonly executor: ShardExecutor;
  readonly release: () => void;
  readonly begun: string[];
} {
  const begun: string[] = [];
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const executor = wrapAttempts(inProcessExecutor, async ({ folder }, attempt) => {
    begun.push(folder.split('/')[1] ?? '');
    await released;
    return attempt();
  });
  return { executor, release, begun };
}

test('retries are done one after another, and each is live until it has ended', async () => {
  const { store } = await makeBroken();
  const { executor, release, begun } = createHeld();
  const queue = new RetryQueue(store, new RunLibrary(store, executor, 'pixlake/test'));
  await queue.accept('a', {});
  await queue.accept('b', {});
  await queue.accept('a', {});
  expect([queue.isLive('a'), queue.isLive('b'), queue.isLive('c')]).toEqual([true, true, false]);
  await expect.poll(() => begun).toEqual(['a']);
  // The plan of the other is frozen already, so that it would begin by now if it did not wait.
  await sleep(200);
  expect(begun).toEqual(['a']);
  release();
  await expect.poll(() => queue.isLive('b')).toBe(false);
  expect(queue.isLive('a')).toBe(false);
  expect(begun).toEqual(['a', 'b']);
  for (const name of ['a', 'b'])
    expect(await findRun(store, name)).toMatchObject({ imageCount: 2, errorCount: 0, retryCount: 1 });
  await queue.close();
});

test('a retry with nothing to do ends at once', async () => {
  const { store } = await makeBroken();
  const queue = new RetryQueue(store, new RunLibrary(store, inProcessExecutor, 'pixlake/test'));
  await queue.accept('a', { code: 'IMAGE_EMPTY' });
  expect(queue.isLive('a')).toBe(false);
  await queue.close();
});

test('what was accepted and not done is done by the next server, and nothing else', async () => {
  const { store } = await makeBroken();
  const library = new RunLibrary(store, inProcessExecutor, 'pixlake/test');
  expect(await library.beginRetry('b', {})).toBe(true);
  const next = new RetryQueue(store, library);
  await next.recover();
  expect([next.isLive('a'), next.isLive('b')]).toEqual([false, true]);
  await expect.poll(() => next.isLive('b')).toBe(false);
  expect(await findRun(store, 'b')).toMatchObject({ retryCount: 1, hasUnfinishedRetry: false });
  expect(await findRun(store, 'a')).toMatchObject({ retryCount: 0 });
  await next.close();
});

test('a server that ends asks a retry in progress to stop', async () => {
  const { store } = await makeBroken();
  let begun: AttemptCells | undefined;
  const executor = wrapAttempts(inProcessExecutor, async (_, _attempt, cells) => {
    begun = cells;
    await expect.poll(() => cells.isStopped).toBe(true);
    return { kind: 'failed', code: 'INTERRUPTED', message: 'stopped', remedy: undefined };
  });
  const warn = vi.spyOn(log, 'warn').mockReturnValue(undefined);
  onTestFinished(() => warn.mockRestore());
  const queue = new RetryQueue(store, new RunLibrary(store, executor, 'pixlake/test'));
  await queue.accept('a', {});
  await expect.poll(() => begun).toBeDefined();
  await queue.close();
  expect(begun?.isStopped).toBe(true);
  expect(await findRun(store, 'a')).toMatchObject({ retryCount: 0, hasUnfinishedRetry: true });
  expect(warn).toHaveBeenCalledExactlyOnceWith({ run: 'a', code: 'INTERRUPTED' }, 'a retry did not finish');
  expect(queue.isLive('a')).toBe(false);
  await expect(queue.accept('b', {})).rejects.toMatchObject({
    code: 'SERVER_BUSY',
    message: 'the server is shutting down',
  });
  expect(await findRun(store, 'b')).toMatchObject({ hasUnfinishedRetry: false });
});

test('a server that ends stops its retries, accepts no more, and leaves the rest to the next one', async () => {
  const { store } = await makeBroken();
  const { executor, release, begun } = createHeld();
  const queue = new RetryQueue(store, new RunLibrary(store, executor, 'pixlake/test'));
  await queue.accept('a', {});
  await queue.accept('b', {});
  await expect.poll(() => begun).toEqual(['a']);
  const closing = queue.close();
  await expect(queue.accept('a', {})).rejects.toMatchObject({ code: 'SERVER_BUSY' });
  release();
  await closing;
  expect(begun).toEqual(['a']);
  for (const name of ['a', 'b'])
    expect(await findRun(store, name)).toMatchObject({ retryCount: 0, hasUnfinishedRetry: true });
});

test('a retry that fails does not keep those behind it from their turn', async () => {
  const { store } = await makeBroken();
  const warn = vi.spyOn(log, 'warn').mockReturnValue(undefined);
  onTestFinished(() => warn.mockRestore());
  let attempts = 0;
  const executor = wrapAttempts(inProcessExecutor, async ({ folder }, attempt) => {
    if (!folder.includes('/a/')) return attempt();
    attempts += 1;
    return { kind: 'failed', code: 'RUN_CORRUPT', message: 'for ever', remedy: undefined };
  });
  const queue = new RetryQueue(store, new RunLibrary(store, executor, 'pixlake/test'));
  await queue.accept('a', {});
  await queue.accept('b', {});
  await expect.poll(() => queue.isLive('b')).toBe(false);
  expect(attempts).toBe(1);
  expect(queue.isLive('a')).toBe(false);
  expect(warn).toHaveBeenCalledExactlyOnceWith({ run: 'a', code: 'RUN_CORRUPT' }, 'a retry did not finish');
  expect(await findRun(store, 'a')).toMatchObject({ hasUnfinishedRetry: true });
  expect(await findRun(store, 'b')).toMatchObject({ retryCount: 1 });
  await queue.close();
});
