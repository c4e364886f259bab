import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { commitRun } from '../../src/run/commit-run.ts';
import { driveShards } from '../../src/run/drive-shards.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { hashExecution } from '../../src/run/load-execution.ts';
import { planRun } from '../../src/run/plan-run.ts';
import type { RunContext } from '../../src/run/run-context.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { AttemptCells, type AttemptOutcome, type ShardProgress } from '../../src/work/attempt.ts';
import { MAX_ATTEMPTS } from '../../src/work/retry-shard.ts';
import type { ShardExecutor } from '../../src/run/shard-executor.ts';
import type { ShardJob } from '../../src/work/shard-job.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { makeContext, makeLake, openTestDb, type TestLake, wrapAttempts } from '../support/run-in-process.ts';
import { keysOf } from '../support/keys-of.ts';

/** An executor, and a way to disturb it. */
export interface ExecutorUnderTest {
  readonly executor: ShardExecutor;
  /** Ends all workers as a crash does, whatever they are at. */
  readonly killWorkers: () => Promise<void>;
}

/** Rows of a shard that takes so long that it can be disturbed. */
const LONG_SHARD = 100;

/** Blurred images are not made in one go, so an executor in this process can be disturbed as well. */
const ALL = { sql: 'SELECT id, year FROM images', transform: { blur: 1 } };

/** A lake with a run that is frozen, and none of whose shards is done. */
async function freeze(
  rowCount: number,
  spec: Partial<RunSpec> = {},
): Promise<{ readonly lake: TestLake; readonly execution: Execution; readonly folder: string }> {
  const lake = await makeLake(rowCount);
  const run = parseRunSpec({ name: 'r', ...ALL, shardSize: rowCount, ...spec }, 'test');
  const execution = await planRun(makeContext(lake.store), run);
  return { lake, execution, folder: folderOf(execution) };
}

function toJob({ store }: TestLake, execution: Execution, shard: number): ShardJob {
  const folder = folderOf(execution);
  return {
    lake: store.uri,
    source: store.uri,
    folder,
    executionSha256: hashExecution(execution),
    shard,
  };
}

/** A context whose attempts are kept, and the last progress that was reported. */
function observe(
  lake: TestLake,
  executor: ShardExecutor,
  disturb: (attempt: number, cells: AttemptCells) => Promise<void> = async () => undefined,
): {
  readonly context: RunContext;
  readonly outcomes: (AttemptOutcome | 'died')[];
  readonly progress: () => ShardProgress | undefined;
} {
  const outcomes: (AttemptOutcome | 'died')[] = [];
  let begun = 0;
  let last: ShardProgress | undefined;
  const observed = wrapAttempts(executor, async (_job, attempt, cells) => {
    const making = attempt();
    begun += 1;
    making.then(
      (outcome) => outcomes.push(outcome),
      () => outcomes.push('died'),
    );
    await disturb(begun, cells);
    return making;
  });
  const context = { ...makeContext(lake.store, observed), onProgress: (now: ShardProgress) => (last = now) };
  return { context, outcomes, progress: () => last };
}

/** Waits until an attempt has made images, and thus is in the middle of its shard. */
async function reachMiddle(cells: AttemptCells): Promise<void> {
  while (cells.progress.imageCount === 0) await nextTurn();
}

async function expectWhole({ lakehouse }: TestLake, imageCount: number): Promise<void> {
  expect(await lakehouse.tables.verify('runs.r', true)).toMatchObject({ imageCount, problems: [] });
}

/** What holds for every executor; `create` makes one with so many workers. */
export function describeExecutor(create: (workers: number) => Promise<ExecutorUnderTest>): void {
  describe('an attempt that fails', () => {
    test('is made again where that may help, and what it counted is not counted twice', async () => {
      const { executor } = await create(1);
      const { lake, execution, folder } = await freeze(LONG_SHARD);
      // Images can be written, but the part cannot.
      const blocked = executionKeys.parts(folder);
      await lake.store.write(blocked, Buffer.alloc(0));
      const seen = observe(lake, executor);
      const context = {
        ...seen.context,
        executor: wrapAttempts(seen.context.executor, async (_job, attempt) => {
          const outcome = await attempt();
          if (outcome.kind === 'failed') await lake.store.delete(blocked);
          return outcome;
        }),
      };
      await driveShards(context, execution);
      expect(seen.outcomes).toMatchObject([{ code: 'STORAGE_FAILED' }, { kind: 'done' }]);
      expect(seen.progress()).toEqual({ imageCount: LONG_SHARD, errorCount: 0 });
      await commitRun(context, execution);
      await expectWhole(lake, LONG_SHARD);
    });

    test('is made a few times only', async () => {
      const { executor } = await create(1);
      const { lake, execution, folder } = await freeze(3);
      await lake.store.write(executionKeys.parts(folder), Buffer.alloc(0));
      const { context, outcomes } = observe(lake, executor);
      await expect(driveShards(context, execution)).rejects.toMatchObject({
        code: 'SHARD_FAILED',
        cause: { code: 'STORAGE_FAILED' },
      });
      expect(outcomes).toHaveLength(MAX_ATTEMPTS);
      expect(await lake.store.stat(executionKeys.shard(folder, 0))).toBeUndefined();
    });

    test.each<[string, string, (lake: TestLake, execution: Execution) => Promise<void>]>([
      [
        'RUN_CORRUPT',
        'the plan is torn',
        ({ store }, execution) =>
          store.write(executionKeys.planPart(folderOf(execution), execution.plan, 0), Buffer.from('PAR1')),
      ],
      [
        'RUN_CORRUPT',
        'the folder contains another execution than the job names',
        ({ store }, execution) =>
          store.write(
            executionKeys.spec(folderOf(execution)),
            encodeStored({ ...execution, sourceVersion: execution.sourceVersion + 1 }),
          ),
      ],
      [
        'RUN_NOT_FOUND',
        'the execution is gone',
        ({ store }, execution) => store.delete(executionKeys.spec(folderOf(execution))),
      ],
    ])('is final with %s where %s', async (code, _, damage) => {
      const { executor } = await create(1);
      const { lake, execution, folder } = await freeze(3);
      const { context, outcomes } = observe(lake, executor);
      const damaged = wrapAttempts(context.executor, async (_job, attempt) => {
        await damage(lake, execution);
        return attempt();
      });
      const driven = driveShards({ ...context, executor: damaged }, execution);
      await expect(driven).rejects.toMatchObject({ code });
      expect(outcomes).toHaveLength(1);
      expect(await keysOf(lake.store, `${folder}/images`)).toEqual([]);
    });

    test('is final with MODEL_NOT_FOUND where the worker has not the model of the run', async () => {
      const { executor } = await create(1);
      const { lake, execution } = await freeze(3, { model: 'fashion-tiny' });
      await using workers = await executor.start({ jobCount: 1, model: undefined });
      const other = { ...execution, run: { ...execution.run, model: 'no-such-model' } };
      await lake.store.write(executionKeys.spec(folderOf(execution)), encodeStored(other));
      const outcome = await workers.attempt(toJob(lake, other, 0), new AttemptCells());
      expect(outcome).toMatchObject({ kind: 'failed', code: 'MODEL_NOT_FOUND' });
    });
  });

  test('a worker finds the model of a run by itself', async () => {
    const { executor } = await create(1);
    const { lake, execution, folder } = await freeze(3, { model: 'fashion-tiny' });
    await using workers = await executor.start({ jobCount: 1, model: undefined });
    const outcome = await workers.attempt(toJob(lake, execution, 0), new AttemptCells());
    expect(outcome).toEqual({ kind: 'done', imageCount: 3, errorCount: 0 });
    const [part = ''] = await keysOf(lake.store, executionKeys.parts(folder));
    using db = await openTestDb();
    const labelled = `SELECT count("pred_masterCategory") AS count FROM ${quoteText(lake.store.locate(part))}`;
    expect(await db.rows(labelled)).toEqual([{ count: 3n }]);
  });

  describe('a run that was cancelled', () => {
    test('is noticed in the lake by each worker, and goes on when that is lifted', async () => {
      const { executor } = await create(1);
      const { lake, execution, folder } = await freeze(3, { shardSize: 1 });
      await using workers = await executor.start({ jobCount: 3, model: undefined });
      const attempt = (shard: number): Promise<AttemptOutcome> =>
        workers.attempt(toJob(lake, execution, shard), new AttemptCells());
      expect(await attempt(0)).toMatchObject({ kind: 'done' });
      await lake.store.write(executionKeys.cancelled(folder), Buffer.alloc(0));
      await sleep(1100);
      expect(await attempt(1)).toMatchObject({ kind: 'failed', code: 'RUN_CANCELLED' });
      expect(await lake.store.stat(executionKeys.shard(folder, 1))).toBeUndefined();
      await lake.store.delete(executionKeys.cancelled(folder));
      expect(await attempt(1)).toMatchObject({ kind: 'done' });
    });

    test('is not worked on', async () => {
      const { executor } = await create(2);
      const { lake, execution, folder } = await freeze(8, { shardSize: 1 });
      await lake.store.write(executionKeys.cancelled(folder), Buffer.alloc(0));
      const { context } = observe(lake, executor);
      await expect(driveShards(context, execution)).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
      expect(await keysOf(lake.store, `${folder}/images`)).toEqual([]);
    });
  });

  test('a run that is stopped ends in the middle of a shard, and is finished later', async () => {
    const { executor } = await create(1);
    const { lake, execution, folder } = await freeze(LONG_SHARD);
    const stop = new AbortController();
    const { context, outcomes } = observe(lake, executor, async (_, cells) => {
      await reachMiddle(cells);
      stop.abort();
    });
    const driven = driveShards({ ...context, signal: stop.signal }, execution);
    await expect(driven).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(outcomes).toMatchObject([{ kind: 'failed', code: 'INTERRUPTED' }]);
    expect(await lake.store.stat(executionKeys.shard(folder, 0))).toBeUndefined();
    await driveShards(makeContext(lake.store, executor), execution);
    await commitRun(context, execution);
    await expectWhole(lake, LONG_SHARD);
  });

  test('a shard whose worker dies in the middle of it is done by another one', async () => {
    const { executor, killWorkers } = await create(1);
    const { lake, execution } = await freeze(LONG_SHARD);
    const { context, outcomes, progress } = observe(lake, executor, async (attempt, cells) => {
      if (attempt > 1) return;
      await reachMiddle(cells);
      await killWorkers();
    });
    await driveShards(context, execution);
    expect(outcomes).toMatchObject(['died', { kind: 'done', imageCount: LONG_SHARD }]);
    expect(progress()).toEqual({ imageCount: LONG_SHARD, errorCount: 0 });
    await commitRun(context, execution);
    await expectWhole(lake, LONG_SHARD);
  });

  test('a shard that kills each of its workers ends the run', async () => {
    const { executor, killWorkers } = await create(1);
    const { lake, execution } = await freeze(LONG_SHARD);
    const { context, outcomes } = observe(lake, executor, async (_, cells) => {
      await reachMiddle(cells);
      await killWorkers();
    });
    await expect(driveShards(context, execution)).rejects.toMatchObject({
      code: 'SHARD_FAILED',
      message: expect.stringContaining('its worker died'),
    });
    expect(outcomes).toEqual(Array(MAX_ATTEMPTS).fill('died'));
  });

  test('a job that is delivered twice, at once and later, is done once', async () => {
    const { executor } = await create(2);
    const { lake, execution, folder } = await freeze(LONG_SHARD, { shardSize: LONG_SHARD / 2 });
    await using workers = await executor.start({ jobCount: 2, model: undefined });
    const job = toJob(lake, execution, 0);
    expect(workers.count).toBe(2);
    expect(JSON.parse(JSON.stringify(job))).toEqual(job);
    const deliver = (): Promise<AttemptOutcome> => workers.attempt(job, new AttemptCells());
    const done = { kind: 'done', imageCount: LONG_SHARD / 2, errorCount: 0 };
    expect(await Promise.all([deliver(), deliver()])).toEqual([done, done]);
    const before = await keysOf(lake.store, folder);
    const marker = await lake.store.read(executionKeys.shard(folder, 0));
    expect(await deliver()).toEqual(done);
    expect(await lake.store.read(executionKeys.shard(folder, 0))).toEqual(marker);
    expect(await keysOf(lake.store, folder)).toEqual(before);
    const context = makeContext(lake.store, executor);
    await driveShards(context, execution);
    await commitRun(context, execution);
    await expectWhole(lake, LONG_SHARD);
  });
}
