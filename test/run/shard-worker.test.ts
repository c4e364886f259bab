import { readdir } from 'node:fs/promises';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { hashExecution } from '../../src/run/load-execution.ts';
import { makeMemoryCells } from '../../src/run/memory-cells.ts';
import { planRun } from '../../src/run/plan-run.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import { ShardWorker } from '../../src/run/shard-worker.ts';
import { resolveModel } from '../../src/model/lake-models.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { AttemptCells, type AttemptOutcome } from '../../src/work/attempt.ts';
import type { ShardJob } from '../../src/work/shard-job.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeContext, makeLake, openTestDb, type TestLake } from '../support/run-in-process.ts';

let lake: TestLake;

beforeEach(async () => {
  lake = await makeLake(4);
});

function openWorker(): ShardWorker {
  const worker = new ShardWorker({ s3: {}, memoryCells: makeMemoryCells() });
  onTestFinished(() => worker[Symbol.asyncDispose]());
  return worker;
}

/** Freezes a run of two shards and gives the job of each. */
async function freeze(
  spec: Partial<RunSpec> = {},
): Promise<{ readonly execution: Execution; readonly jobs: readonly [ShardJob, ShardJob] }> {
  const run = parseRunSpec({ name: 'r', sql: 'SELECT id FROM images', shardSize: 2, ...spec }, 'test');
  const execution = await planRun(makeContext(lake.store), run);
  const { uri } = lake.store;
  const job = (shard: number): ShardJob => ({
    lake: uri,
    source: uri,
    folder: folderOf(execution),
    executionSha256: hashExecution(execution),
    shard,
  });
  return { execution, jobs: [job(0), job(1)] };
}

const done = { kind: 'done', imageCount: 2, errorCount: 0 };
const scratch = async (): Promise<string[]> => keysOf(lake.store, '.tmp');

test('a worker does shards of several executions one after another, counts its images, and leaves nothing', async () => {
  const worker = openWorker();
  const [one, other] = [await freeze(), await freeze({ name: 'other', seed: 1 })];
  const jobs = [one.jobs[0], other.jobs[0], one.jobs[1], other.jobs[1]];
  for (const job of jobs) {
    const cells = new AttemptCells();
    expect(await worker.attempt(job, cells)).toEqual(done);
    expect(cells.progress).toEqual({ imageCount: 2, errorCount: 0 });
    expect(await lake.store.stat(executionKeys.shard(job.folder, job.shard))).toBeDefined();
  }
  expect.assertions(4 * 3 + 1);
  await worker[Symbol.asyncDispose]();
  expect(await scratch()).toEqual([]);
});

test('a failed shard is an outcome, and the worker does the next one', async () => {
  const worker = openWorker();
  const { execution, jobs } = await freeze();
  const gone = { ...jobs[0], folder: 'runs/none/run_id=0' };
  expect(await worker.attempt(gone, new AttemptCells())).toMatchObject({ code: 'RUN_NOT_FOUND' });
  const other = { ...jobs[0], executionSha256: '0'.repeat(64) };
  expect(await worker.attempt(other, new AttemptCells())).toMatchObject({ code: 'RUN_CORRUPT' });
  const part = executionKeys.planPart(jobs[0].folder, execution.plan, 0);
  const bytes = await lake.store.read(part);
  await lake.store.write(part, Buffer.from('PAR1'));
  expect(await worker.attempt(jobs[0], new AttemptCells())).toMatchObject({ code: 'RUN_CORRUPT' });
  await lake.store.write(part, bytes);
  for (const job of jobs) expect(await worker.attempt(job, new AttemptCells())).toEqual(done);
  expect.assertions(5);
});

/** Names of the temporary folders of the lake. */
const folders = async (): Promise<string[]> => readdir(lake.store.locate('.tmp')).catch(() => []);

test('what shards of one execution share is kept for a minute, and not beyond a failure', async () => {
  const worker = openWorker();
  const { execution, jobs } = await freeze({ shardSize: 1 });
  const job = (shard: number): ShardJob => ({ ...jobs[0], shard });
  const startMs = Math.ceil(performance.now());
  const now = vi.spyOn(performance, 'now').mockReturnValue(startMs);
  onTestFinished(() => now.mockRestore());
  const one = { kind: 'done', imageCount: 1, errorCount: 0 };
  expect(await worker.attempt(job(0), new AttemptCells())).toEqual(one);
  const first = await folders();
  expect(first).toHaveLength(1);
  now.mockReturnValue(startMs + 60_000);
  expect(await worker.attempt(job(1), new AttemptCells())).toEqual(one);
  expect(await folders()).toEqual(first);
  now.mockReturnValue(startMs + 60_001);
  expect(await worker.attempt(job(2), new AttemptCells())).toEqual(one);
  const second = await folders();
  expect(second).toHaveLength(1);
  expect(second).not.toEqual(first);
  const stopped = new AttemptCells();
  stopped.stop();
  expect(await worker.attempt(job(3), stopped)).toMatchObject({ code: 'INTERRUPTED' });
  expect(await folders()).toEqual([]);
  expect(await worker.attempt(job(3), new AttemptCells())).toEqual(one);
  expect(await folders()).toHaveLength(1);
  const other = await freeze({ name: 'other', seed: execution.run.seed + 1 });
  expect(await worker.attempt(other.jobs[0], new AttemptCells())).toEqual(done);
  expect(await folders()).toHaveLength(1);
  await worker[Symbol.asyncDispose]();
  await worker[Symbol.asyncDispose]();
  expect(await folders()).toEqual([]);
});

test('originals are read from the source, and all else lies in the lake of the job', async () => {
  const source = lake;
  lake = await makeLake(1);
  const { store } = source;
  const run = parseRunSpec({ name: 'r', sql: 'SELECT id FROM images', shardSize: 2 }, 'test');
  const execution = await planRun({ ...makeContext(lake.store), source: store }, run);
  const job = {
    lake: lake.uri,
    source: source.uri,
    folder: folderOf(execution),
    executionSha256: hashExecution(execution),
    shard: 1,
  };
  const before = await keysOf(store);
  expect(await openWorker().attempt(job, new AttemptCells())).toEqual(done);
  expect(await keysOf(store)).toEqual(before);
  expect(await keysOf(lake.store, executionKeys.images(job.folder, 1))).toHaveLength(2);
});

test('an attempt that is stopped makes nothing', async () => {
  const worker = openWorker();
  const { jobs } = await freeze();
  const cells = new AttemptCells();
  cells.stop();
  const outcome = await worker.attempt(jobs[0], cells);
  expect(outcome).toMatchObject({ kind: 'failed', code: 'INTERRUPTED', message: 'shard 0 was stopped' });
  expect(await lake.store.stat(executionKeys.shard(jobs[0].folder, 0))).toBeUndefined();
});

test('a cancel is seen before a shard, and again once it was lifted', async () => {
  const worker = openWorker();
  const { jobs } = await freeze();
  const key = executionKeys.cancelled(jobs[0].folder);
  await lake.store.write(key, Buffer.alloc(0));
  const cancelled = { kind: 'failed', code: 'RUN_CANCELLED' };
  expect(await worker.attempt(jobs[0], new AttemptCells())).toMatchObject(cancelled);
  await lake.store.delete(key);
  expect(await worker.attempt(jobs[0], new AttemptCells())).toEqual(done);
  await lake.store.write(key, Buffer.alloc(0));
  await sleep(1100);
  expect(await worker.attempt(jobs[1], new AttemptCells())).toMatchObject(cancelled);
});

test('a cancel is seen within a shard', async () => {
  lake = await makeLake(100);
  const { jobs } = await freeze({ shardSize: 100, transform: { blur: 1 } });
  const cells = new AttemptCells();
  const making = openWorker().attempt(jobs[0], cells);
  while (cells.progress.imageCount === 0) await nextTurn();
  await lake.store.write(executionKeys.cancelled(jobs[0].folder), Buffer.alloc(0));
  // An answer is valid for a second.
  const lateMs = performance.now() + 2000;
  const now = vi.spyOn(performance, 'now').mockReturnValue(lateMs);
  onTestFinished(() => now.mockRestore());
  expect(await making).toMatchObject({ kind: 'failed', code: 'RUN_CANCELLED' });
  expect(await lake.store.stat(executionKeys.shard(jobs[0].folder, 0))).toBeUndefined();
});

test.each(['at hand', 'to be found'])('a model %s labels the images', async (how) => {
  const atHand = how === 'at hand' ? await resolveModel(lake.store, 'fashion-tiny') : undefined;
  const { execution, jobs } = await freeze({ model: 'fashion-tiny' });
  expect(execution.model?.name).toBe('fashion-tiny');
  const worker = openWorker();
  const outcomes: AttemptOutcome[] = [];
  for (const job of jobs)
    outcomes.push(await worker.attempt(job, new AttemptCells(), { threads: 2, atHand }));
  expect(outcomes).toEqual([done, done]);
  const parts = (await keysOf(lake.store, executionKeys.parts(jobs[0].folder))).map((key) =>
    quoteText(lake.store.locate(key)),
  );
  using db = await openTestDb();
  const labelled = `SELECT count("pred_masterCategory") AS count FROM read_parquet([${parts.join(', ')}])`;
  expect(await db.rows(labelled)).toEqual([{ count: 4n }]);
});

test('a model at hand that is another is not taken for that of the run', async () => {
  const { jobs } = await freeze({ model: 'fashion-tiny' });
  const atHand = { ...(await resolveModel(lake.store, 'fashion-tiny')), onnxPath: '/nowhere', sha256: '1' };
  expect(await openWorker().attempt(jobs[0], new AttemptCells(), { atHand })).toEqual(done);
});
