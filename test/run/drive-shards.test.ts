import { afterEach, expect, test, vi } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import { PIXELS_VERSION } from '../../src/image/render-image.ts';
import { readBlock } from '../../src/run/block-marker.ts';
import { driveShards } from '../../src/run/drive-shards.ts';
import { executionKeys, folderOf, MANIFEST_VERSION } from '../../src/run/execution.ts';
import { readFinishedShards } from '../../src/run/finished-shards.ts';
import { hashExecution } from '../../src/run/load-execution.ts';
import { writeExecution } from '../../src/run/read-executions.ts';
import type { RunContext } from '../../src/run/run-context.ts';
import type { ShardExecutor } from '../../src/run/shard-executor.ts';
import { placeMarker } from '../../src/run/shard-marker.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { AttemptCells, AttemptOutcome } from '../../src/work/attempt.ts';
import type { ShardJob } from '../../src/work/shard-job.ts';
import { makeExecution } from '../support/execution.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { makeContext } from '../support/run-in-process.ts';

const EXECUTION = makeExecution('r', {
  rowCount: 3,
  shardCount: 3,
  pixelsVersion: PIXELS_VERSION,
  manifestVersion: MANIFEST_VERSION,
});
const FOLDER = folderOf(EXECUTION);

/** A shard none of whose rows is left, so that it has no files. */
const NOTHING = { imageCount: 0, takenCount: 0, errorCount: 0, imageBytes: 0, part: null, errors: null };

afterEach(() => {
  vi.useRealTimers();
});

async function openStore(): Promise<ObjectStore> {
  const store = openLocalStore(await makeTestFolder());
  await writeExecution(store, EXECUTION);
  return store;
}

async function mark(store: ObjectStore, shard: number): Promise<AttemptOutcome> {
  await placeMarker(store, FOLDER, { shard, ...NOTHING });
  return { kind: 'done', imageCount: 2, errorCount: 1 };
}

/** An attempt that goes on until it is stopped, and then says what stopped ones say. */
async function untilStopped(cells: AttemptCells): Promise<AttemptOutcome> {
  await vi.waitUntil(async () => {
    await vi.advanceTimersByTimeAsync(200);
    return cells.isStopped;
  });
  return { kind: 'failed', code: 'INTERRUPTED', message: 'stopped', remedy: undefined };
}

/** What is driven by one worker, and what became of the worker. */
function makeDriven(
  store: ObjectStore,
  work: (job: ShardJob, cells: AttemptCells) => Promise<AttemptOutcome>,
): { readonly context: RunContext; readonly jobs: ShardJob[]; readonly log: unknown[] } {
  const jobs: ShardJob[] = [];
  const log: unknown[] = [];
  const executor: ShardExecutor = {
    async start(demand) {
      log.push(demand);
      return {
        count: 1,
        async attempt(job, cells) {
          jobs.push(job);
          return work(job, cells);
        },
        async [Symbol.asyncDispose]() {
          log.push('ended');
        },
      };
    },
  };
  return { context: makeContext(store, executor), jobs, log };
}

test('each unfinished shard is a job, and its block is merged once all are done', async () => {
  const store = await openStore();
  await mark(store, 1);
  const { context, jobs, log } = makeDriven(store, ({ shard }) => mark(store, shard));
  const started: unknown[] = [];
  const told: unknown[] = [];
  const source = openLocalStore(await makeTestFolder());
  await driveShards(
    {
      ...context,
      source,
      onStart: (...start) => started.push(start),
      onProgress: (progress) => told.push(progress),
    },
    EXECUTION,
  );
  const executionSha256 = hashExecution(EXECUTION);
  expect(jobs).toEqual(
    [0, 2].map((shard) => ({ lake: store.uri, source: source.uri, folder: FOLDER, executionSha256, shard })),
  );
  expect(log).toEqual([{ jobCount: 2, model: undefined }, 'ended']);
  expect(started).toEqual([[EXECUTION, 1]]);
  expect(told.at(-1)).toEqual({ imageCount: 4, errorCount: 2 });
  expect(await readBlock(store, EXECUTION, 0)).toMatchObject({ shardCount: 3, manifest: null, errors: null });
  expect(await keysOf(store, '.tmp')).toEqual([]);
});

test('no worker starts where all shards are done, whose block is merged all the same', async () => {
  const store = await openStore();
  for (const shard of [0, 1, 2]) await mark(store, shard);
  const { context, log } = makeDriven(store, async () => expect.fail('nothing is left to do'));
  const finished = await readFinishedShards(store, EXECUTION);
  await driveShards(context, EXECUTION, finished);
  expect(log).toEqual([]);
  expect([...finished.blocks.keys()]).toEqual([0]);
});

test('what is known to be finished is not read again, and is kept up to date', async () => {
  const store = await openStore();
  const finished = await readFinishedShards(store, EXECUTION);
  await mark(store, 0);
  const { context, jobs } = makeDriven(store, ({ shard }) => mark(store, shard));
  await driveShards(context, EXECUTION, finished);
  expect(jobs.map(({ shard }) => shard)).toEqual([0, 1, 2]);
  expect([finished.count, finished.pendingCount, finished.blocks.size]).toEqual([3, 0, 1]);
});

test('a shard that was damaged after it was done is done again, it alone', async () => {
  const store = await openStore();
  let isDamaged = false;
  const { context, jobs, log } = makeDriven(store, async ({ shard }) => {
    const outcome = await mark(store, shard);
    if (shard === 1 && !isDamaged) await store.write(executionKeys.shard(FOLDER, 1), Buffer.from('{'));
    isDamaged ||= shard === 1;
    return outcome;
  });
  await driveShards(context, EXECUTION);
  expect(jobs.map(({ shard }) => shard)).toEqual([0, 1, 2, 1]);
  expect(log).toEqual([
    { jobCount: 3, model: undefined },
    'ended',
    { jobCount: 1, model: undefined },
    'ended',
  ]);
  expect(await readBlock(store, EXECUTION, 0)).toMatchObject({ shardCount: 3 });
});

test('a shard that is damaged each time ends the run after three rounds', async () => {
  const store = await openStore();
  const { context, jobs } = makeDriven(store, async ({ shard }) => {
    const outcome = await mark(store, shard);
    if (shard === 2) await store.write(executionKeys.shard(FOLDER, 2), Buffer.from('{'));
    return outcome;
  });
  await expect(driveShards(context, EXECUTION)).rejects.toMatchObject({
    code: 'RUN_CORRUPT',
    message: `shards of ${FOLDER} were damaged 3 times after they were done`,
  });
  expect(jobs.map(({ shard }) => shard)).toEqual([0, 1, 2, 2, 2]);
  expect(await readBlock(store, EXECUTION, 0)).toBeUndefined();
});

test('a shard that fails time and again ends the run with its cause, and what is done is kept', async () => {
  const store = await openStore();
  const { context, jobs, log } = makeDriven(store, async ({ shard }) =>
    shard === 1
      ? { kind: 'failed', code: 'STORAGE_FAILED', message: 'cannot write', remedy: undefined }
      : mark(store, shard),
  );
  await expect(driveShards(context, EXECUTION)).rejects.toMatchObject({
    code: 'SHARD_FAILED',
    message: 'shard 1 failed 3 times: cannot write',
  });
  expect(jobs.map(({ shard }) => shard)).toEqual([0, 1, 1, 1]);
  expect(log.at(-1)).toBe('ended');
  expect((await readFinishedShards(store, EXECUTION)).count).toBe(1);
});

test.each([
  ['a cancel of the run', 'RUN_CANCELLED', `the run in ${FOLDER} was cancelled`],
  ['too many errors', 'TOO_MANY_ERRORS', 'too many of 3 images of run r failed; the limit is 1'],
  ['its signal', 'INTERRUPTED', `the run in ${FOLDER} was stopped before it was done`],
])('work in progress is stopped by %s', async (reason, code, message) => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const store = await openStore();
  const stop = new AbortController();
  const { context, jobs, log } = makeDriven(store, async (_, cells) => {
    if (reason === 'its signal') stop.abort();
    if (reason === 'a cancel of the run') await store.write(executionKeys.cancelled(FOLDER), Buffer.alloc(0));
    if (reason === 'too many errors') cells.add({ imageCount: 0, errorCount: 2 });
    return untilStopped(cells);
  });
  const limited: RunContext = { ...context, signal: stop.signal, maxErrors: { kind: 'count', value: 1 } };
  await expect(driveShards(limited, EXECUTION)).rejects.toMatchObject({ code, message });
  expect(jobs).toHaveLength(1);
  expect(log.at(-1)).toBe('ended');
});

test('a run that was stopped names what ended it as the cause; without a signal an interrupt stays as it is', async () => {
  const store = await openStore();
  const interrupted = {
    kind: 'failed',
    code: 'INTERRUPTED',
    message: 'by itself',
    remedy: undefined,
  } as const;
  const { context } = makeDriven(store, async () => interrupted);
  await expect(driveShards(context, EXECUTION)).rejects.toMatchObject({ message: 'by itself' });
  const { signal } = new AbortController();
  await expect(driveShards({ ...context, signal }, EXECUTION)).rejects.toMatchObject({
    message: 'by itself',
  });
  const stopped = { ...context, signal: AbortSignal.abort() };
  await expect(driveShards(stopped, EXECUTION)).rejects.toMatchObject({
    code: 'INTERRUPTED',
    message: `the run in ${FOLDER} was stopped before it was done`,
    cause: expect.any(PixlakeError),
  });
});

test('as many errors as the limit allows do not stop a run', async () => {
  const store = await openStore();
  const { context } = makeDriven(store, ({ shard }) => mark(store, shard));
  await driveShards({ ...context, maxErrors: { kind: 'count', value: 3 } }, EXECUTION);
  expect(await readBlock(store, EXECUTION, 0)).toBeDefined();
});

test('an execution that this software cannot continue is not begun', async () => {
  const store = await openStore();
  const { context, log } = makeDriven(store, ({ shard }) => mark(store, shard));
  const older = { ...EXECUTION, pixelsVersion: PIXELS_VERSION - 1 };
  await expect(driveShards(context, older)).rejects.toMatchObject({ code: 'RUN_TOO_OLD' });
  expect(log).toEqual([]);
});
