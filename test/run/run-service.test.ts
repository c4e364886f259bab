import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { log } from '../../src/config.ts';
import { executionKeys } from '../../src/run/execution.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { RunLibrary } from '../../src/run/run-library.ts';
import { type RunEvent, RunService } from '../../src/run/run-service.ts';
import type { Submission } from '../../src/run/submission-log.ts';
import { Submissions } from '../../src/run/submissions.ts';
import { createSandbox, Hold, serve, specOf } from '../support/run-server.ts';
import { withFaults } from '../support/failing-store.ts';
import { inProcessExecutor, runWith, wrapAttempts } from '../support/run-in-process.ts';

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
  const warn = vi.spyOn(log, 'warn').mockReturnValue(undefined);
  onTestFinished(() => warn.mockRestore());
  const executor = wrapAttempts(inProcessExecutor, async ({ folder }, attempt) =>
    folder.includes('/bad/')
      ? { kind: 'failed', code: 'RUN_CORRUPT', message: 'damaged', remedy: 'mend it' }
      : attempt(),
  );
  const { service } = await serve(executor);
  await service.submit(specOf('bad'), undefined);
  await service.submit(specOf('good'), undefined);
  expect(await ended(service, 'good')).toBe('finished');
  expect(warn).toHaveBeenCalledExactlyOnceWith({ run: 'bad', code: 'RUN_CORRUPT' }, 'a run failed');
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

/** The newest record of a run, which is there. */
async function recordOf(submissions: Submissions, name: string): Promise<Submission> {
  return (await submissions.read(name)) ?? expect.fail('not recorded');
}

test.each([
  ['cancelled', 'cancelled', undefined],
  ['accepted again', 'interrupted', undefined],
])('a run that another server has %s while it was planned here is stopped', async (what, state, failure) => {
  let attempts = 0;
  const executor = wrapAttempts(inProcessExecutor, async (_, attempt) => {
    attempts += 1;
    await sleep(20);
    return attempt();
  });
  const { service, store } = await serve(executor, 1, async (lake) => {
    const other = new Submissions(lake);
    const submission = await recordOf(other, 'r');
    await other.end(submission, { state: what === 'cancelled' ? 'cancelled' : 'failed' });
    if (what !== 'cancelled') await other.accept(specOf('r'));
  });
  await service.submit(specOf('r'), undefined);
  expect(await ended(service, 'r')).toBe(state);
  expect(await recordOf(new Submissions(store), 'r')).toMatchObject({
    state: what === 'cancelled' ? 'cancelled' : 'accepted',
  });
  expect((await service.describe('r')).submission?.failure).toBe(failure);
  expect(attempts).toBeLessThan(3);
});

test('a follower is told how far a run is, no more often than it can read, with its counts', async () => {
  const hold = new Hold();
  const { service } = await serve(hold.executor);
  for (const name of ['first', 'r']) await service.submit(specOf(name), undefined);
  vi.spyOn(Date, 'now').mockReturnValue(Date.now());
  onTestFinished(() => void vi.restoreAllMocks());
  const kinds: string[] = [];
  const payloads: unknown[] = [];
  const following = service.follow('r', undefined, new AbortController().signal);
  await following.next();
  hold.release('first', 'r');
  for await (const event of following) {
    kinds.push(event.kind);
    if (event.kind === 'progress' && 'payload' in event) payloads.push(event.payload);
  }
  expect(kinds).toEqual(['state', 'plan', 'progress', 'run']);
  expect(payloads).toEqual([{ imageCount: expect.any(Number), errorCount: 0 }]);
});

test('an end that cannot be recorded is in the log, and the next server resumes the run', async () => {
  const error = vi.spyOn(log, 'error').mockReturnValue(undefined);
  onTestFinished(() => error.mockRestore());
  let isFull = true;
  const { service, store, open } = await serve();
  const full = withFaults(store, {
    async writeIfAbsent(key, bytes, options) {
      if (isFull && key.startsWith('submissions/changes/')) throw new Error('full');
      return store.writeIfAbsent(key, bytes, options);
    },
  });
  const runs = new RunLibrary(store, inProcessExecutor, 'pixlake/test');
  const sandbox = createSandbox(store, 'SELECT i AS id FROM range(1, 4) t(i)');
  await using failing = new RunService({ store: full, runs, sandbox, runsAtOnce: 1 });
  await failing.submit(specOf('r'), undefined);
  await expect.poll(() => failing.isLive('r')).toBe(false);
  expect(error).toHaveBeenCalledWith(
    expect.objectContaining({ run: 'r' }),
    'the end of a run could not be recorded',
  );
  expect(await recordOf(new Submissions(store), 'r')).toMatchObject({ state: 'accepted' });
  isFull = false;
  expect(service.isLive('r')).toBe(false);
  const next = open();
  expect(await next.recover()).toEqual(['r']);
  expect(await ended(next, 'r')).toBe('finished');
});

test('a run that no service accepted can be resumed, and one in progress is left as it is', async () => {
  const hold = new Hold();
  const { service, store } = await serve(hold.executor);
  const { folder } = await runWith(store, specOf('r'));
  await store.delete(executionKeys.success(folder));
  await store.delete(executionKeys.shard(folder, 0));
  await store.delete(executionKeys.block(folder, 0));
  expect(await service.cancel('r')).toMatchObject({ name: 'r', state: 'cancelled' });
  expect(await service.resume('r')).toMatchObject({ name: 'r', state: 'running' });
  const { id } = await recordOf(new Submissions(store), 'r');
  expect(await service.resume('r')).toMatchObject({ submission: { id } });
  expect(service.counts).toEqual({ queued: 0, running: 1 });
  hold.release('r');
  expect(await ended(service, 'r')).toBe('finished');
  expect(hold.begun).toEqual(['r']);
  expect(await findRun(store, 'r')).toMatchObject({ folder, imageCount: 3 });
});
