import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { executionKeys } from '../../src/run/execution.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { RunLibrary } from '../../src/run/run-library.ts';
import { type RunEvent, RunService } from '../../src/run/run-service.ts';
import type { RunSpec } from '../../src/run/run-spec.ts';
import type { SqlRunner } from '../../src/run/select-rows.ts';
import type { ShardExecutor } from '../../src/run/shard-executor.ts';
import { Submissions } from '../../src/run/submissions.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { inProcessExecutor, makeLake, wrapAttempts, writeParquet } from '../support/run-in-process.ts';
import { findQueriedTable } from '../../src/catalog/find-table.ts';
import { parseTableName } from '../../src/sql/table-reference.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const specOf = (name: string): RunSpec => ({ name, sql: 'SELECT id FROM images', shardSize: 1 });

/** Stands for the sandbox: knows the one SQL of these tests. */
function createSandbox(store: ObjectStore, ids: string): SqlRunner {
  const table = async (): ReturnType<typeof findQueriedTable> =>
    findQueriedTable(store, parseTableName('images'));
  return {
    check: async () => ({ columns: ['id'], tables: [await table()] }),
    async selectInto(_sql, path) {
      await copyFile(join(await writeParquet(await makeTestFolder(), ids), 'rows.parquet'), path);
      return { tables: [await table()], tree: {} };
    },
  };
}

/** Attempts that wait until their run is let go, and the runs that have begun. */
class Hold {
  readonly begun: string[] = [];
  readonly #released = new Set<string>();

  release(...names: readonly string[]): void {
    for (const name of names) this.#released.add(name);
  }

  get executor(): ShardExecutor {
    return wrapAttempts(inProcessExecutor, async ({ folder, shard }, attempt) => {
      const [, name = ''] = folder.split('/');
      if (shard === 0) this.begun.push(name);
      while (!this.#released.has(name)) await sleep(5);
      return attempt();
    });
  }
}

interface Served {
  readonly store: ObjectStore;
  readonly service: RunService;
  readonly open: (executor?: ShardExecutor) => RunService;
}

async function serve(executor = inProcessExecutor, runsAtOnce = 1): Promise<Served> {
  const { store } = await makeLake(3);
  const open = (own = executor): RunService => {
    const service = new RunService({
      store,
      runs: new RunLibrary(store, own, 'pixlake/test'),
      sandbox: createSandbox(store, 'SELECT i AS id FROM range(1, 4) t(i)'),
      runsAtOnce,
    });
    onTestFinished(() => service[Symbol.asyncDispose]());
    return service;
  };
  return { store, service: open(), open };
}

const stateOf = async (service: RunService, name: string): Promise<string> =>
  (await service.describe(name)).state;

async function ended(service: RunService, name: string): Promise<string> {
  await expect.poll(() => service.isLive(name)).toBe(false);
  return stateOf(service, name);
}

test('runs are worked on in the order of submission, no more at once than allowed', async () => {
  const hold = new Hold();
  const { service } = await serve(hold.executor, 2);
  for (const name of ['c', 'b', 'a']) await service.submit(specOf(name), undefined);
  await expect.poll(() => hold.begun.length).toBe(2);
  expect(hold.begun.toSorted()).toEqual(['b', 'c']);
  expect(service.counts).toEqual({ queued: 1, running: 2 });
  expect(await service.list()).toMatchObject([
    { name: 'a', state: 'queued', isRetrying: false },
    { name: 'b', state: 'running' },
    { name: 'c', state: 'running' },
  ]);
  hold.release('a', 'b', 'c');
  expect(await ended(service, 'a')).toBe('finished');
  expect(hold.begun[2]).toBe('a');
  expect(service.counts).toEqual({ queued: 0, running: 0 });
});

test('a run that is accepted and recorded is executed, and the same again is the same run', async () => {
  const { service, store } = await serve();
  expect(await service.submit(specOf('r'), 'key')).toMatchObject({ name: 'r' });
  await service.submit(specOf('r'), 'key');
  expect(await ended(service, 'r')).toBe('finished');
  expect(await findRun(store, 'r')).toMatchObject({ imageCount: 3 });
  expect(await new Submissions(store).read('r')).toMatchObject({ state: 'finished' });
  expect(await service.submit(specOf('r'), 'key')).toMatchObject({ state: 'finished' });
  await expect(service.submit({ ...specOf('r'), seed: 1 }, undefined)).rejects.toMatchObject({
    code: 'RUN_NAME_TAKEN',
  });
});

test('a run that fails says why, and the next one has its turn', async () => {
  const executor = wrapAttempts(inProcessExecutor, async ({ folder }, attempt) =>
    folder.includes('/bad/')
      ? { kind: 'failed', code: 'RUN_CORRUPT', message: 'damaged', remedy: 'mend it' }
      : attempt(),
  );
  const { service } = await serve(executor);
  await service.submit(specOf('bad'), undefined);
  await service.submit(specOf('good'), undefined);
  expect(await ended(service, 'good')).toBe('finished');
  expect(await service.describe('bad')).toMatchObject({
    state: 'failed',
    submission: { failure: { code: 'RUN_CORRUPT', remedy: 'mend it' } },
  });
});

test('a service that ends leaves its runs accepted, and the next one finishes them', async () => {
  const hold = new Hold();
  const { service, store, open } = await serve(hold.executor);
  await service.submit(specOf('one'), undefined);
  await service.submit(specOf('two'), undefined);
  await expect.poll(() => hold.begun).toEqual(['one']);
  const closing = service[Symbol.asyncDispose]();
  await expect(service.submit(specOf('three'), undefined)).rejects.toMatchObject({ code: 'SERVER_BUSY' });
  hold.release('one', 'two');
  await closing;
  expect(hold.begun).toEqual(['one']);
  for (const name of ['one', 'two'])
    expect(await new Submissions(store).read(name)).toMatchObject({ state: 'accepted' });
  const next = open(inProcessExecutor);
  expect(await next.recover()).toEqual(['one', 'two']);
  expect(await ended(next, 'two')).toBe('finished');
  expect(await stateOf(next, 'one')).toBe('finished');
  expect(await open().recover()).toEqual([]);
});

test('a cancelled run stops, whether it waits or is in progress, and goes on when it is resumed', async () => {
  const hold = new Hold();
  const { service, store, open } = await serve(hold.executor);
  await service.submit(specOf('running'), undefined);
  await service.submit(specOf('waiting'), undefined);
  await expect.poll(() => hold.begun).toEqual(['running']);
  expect(await service.cancel('waiting')).toMatchObject({ state: 'cancelled' });
  await service.cancel('running');
  const { folder } = await findRun(store, 'running');
  expect(await store.stat(executionKeys.cancelled(folder))).toBeDefined();
  // The attempt is still ending; what is accepted meanwhile follows it.
  await service.resume('running');
  hold.release('running', 'waiting');
  expect(await ended(service, 'running')).toBe('finished');
  expect(await open().recover()).toEqual([]);
  expect(await stateOf(service, 'waiting')).toBe('cancelled');
  await service.resume('waiting');
  expect(await ended(service, 'waiting')).toBe('finished');
  for (const verb of ['cancel', 'resume'] as const)
    await expect(service[verb]('waiting')).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
  await expect(service.cancel('none')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
});

test('a run that another server cancelled while it waited here is not begun', async () => {
  const hold = new Hold();
  const { service, store } = await serve(hold.executor);
  await service.submit(specOf('first'), undefined);
  await service.submit(specOf('second'), undefined);
  const submissions = new Submissions(store);
  const second = (await submissions.read('second')) ?? expect.fail('not recorded');
  await submissions.end(second, { state: 'cancelled' });
  hold.release('first', 'second');
  expect(await ended(service, 'second')).toBe('cancelled');
  expect(hold.begun).toEqual(['first']);
});

test('failed images are retried, and the run says so while it lasts', async () => {
  const hold = new Hold();
  const { service, store, open } = await serve();
  await store.delete('originals/images/2.jpg');
  await service.submit(specOf('r'), undefined);
  expect(await ended(service, 'r')).toBe('finished');
  const retrying = open(hold.executor);
  expect(await retrying.retry('r', {})).toMatchObject({ state: 'finished', isRetrying: true });
  expect(await retrying.list()).toMatchObject([{ name: 'r', isRetrying: true }]);
  hold.release('r');
  await expect.poll(async () => (await retrying.describe('r')).isRetrying).toBe(false);
  expect(await retrying.describe('r')).toMatchObject({ status: { retryCount: 1, errorCount: 1 } });
});

test('a follower is told the state of a run, each change of it, and its end', async () => {
  const hold = new Hold();
  const { service } = await serve(hold.executor);
  const { signal } = new AbortController();
  for (const name of ['first', 'r']) await service.submit(specOf(name), undefined);
  const following = service.follow('r', undefined, signal);
  expect((await following.next()).value).toMatchObject({ id: '', kind: 'run', run: { state: 'queued' } });
  hold.release('first');
  const started = (await following.next()).value as RunEvent;
  expect(started).toMatchObject({ kind: 'state', payload: { id: 'r', state: 'running' } });
  const planned = (await following.next()).value as RunEvent;
  const counts = { rowCount: 3, totalImages: 3, shardCount: 3, resumedShardCount: 0 };
  expect(planned).toMatchObject({ kind: 'plan', payload: counts });
  // One that comes back is told what it missed only; one that nobody here knows, or that is new, the state.
  const back = service.follow('r', started.id, signal);
  expect((await back.next()).value).toEqual(planned);
  const stranger = service.follow('r', 'of-another-server-1', signal);
  expect((await stranger.next()).value).toMatchObject({ kind: 'run', run: { state: 'running' } });
  hold.release('r');
  for (const events of [following, back, stranger])
    expect(await lastOf(events)).toMatchObject({ id: 'end', kind: 'run', run: { state: 'finished' } });
  expect(await lastOf(service.follow('r', 'end', signal))).toMatchObject({ id: 'end' });
  await expect(service.follow('none', undefined, signal).next()).rejects.toMatchObject({
    code: 'RUN_NOT_FOUND',
  });
  expect.assertions(10);
});

async function lastOf(events: AsyncIterable<RunEvent>): Promise<RunEvent | undefined> {
  let last: RunEvent | undefined;
  for await (const event of events) last = event;
  return last;
}

test('a follower that goes away is told nothing more', async () => {
  const hold = new Hold();
  const { service } = await serve(hold.executor);
  const gone = new AbortController();
  await service.submit(specOf('r'), undefined);
  const following = service.follow('r', undefined, gone.signal);
  await following.next();
  gone.abort();
  expect(await lastOf(following)).toBeUndefined();
  hold.release('r');
  expect(await ended(service, 'r')).toBe('finished');
});
