import { getEventListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import {
  type AttemptCells,
  type AttemptOutcome,
  type ShardProgress,
  toFailure,
} from '../../src/work/attempt.ts';
import type { ShardJob } from '../../src/work/shard-job.ts';
import { workOffJobs } from '../../src/work/work-off-jobs.ts';

type Attempt = (shard: number, cells: AttemptCells, attempt: number) => Promise<AttemptOutcome>;

/** Works off so many jobs by so many workers, and keeps what happens. */
function workOff(
  jobCount: number,
  workerCount: number,
  attempt: Attempt,
  signal = new AbortController().signal,
): {
  readonly work: Promise<void>;
  readonly shards: number[];
  readonly progress: ShardProgress[];
  readonly taken: () => number;
  readonly most: () => number;
} {
  const shards: number[] = [];
  const progress: ShardProgress[] = [];
  const counts = new Map<number, number>();
  let [taken, inWork, most] = [0, 0, 0];
  function* jobs(): Generator<ShardJob> {
    for (let shard = 0; shard < jobCount; shard++) {
      taken += 1;
      yield { lake: 'l', source: 'l', folder: 'f', executionSha256: '0', shard };
    }
  }
  const workers = {
    count: workerCount,
    async attempt({ shard }: ShardJob, cells: AttemptCells): Promise<AttemptOutcome> {
      inWork += 1;
      most = Math.max(most, inWork);
      const count = (counts.get(shard) ?? 0) + 1;
      counts.set(shard, count);
      try {
        return await attempt(shard, cells, count);
      } finally {
        inWork -= 1;
      }
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  const work = workOffJobs(workers, jobs(), {
    signal,
    onProgress: (now) => progress.push(now),
    onShard: (shard) => shards.push(shard),
  });
  return { work, shards, progress, taken: () => taken, most: () => most };
}

const done = (imageCount: number, errorCount = 0): AttemptOutcome => ({
  kind: 'done',
  imageCount,
  errorCount,
});
const failed = toFailure(new PixlakeError('STORAGE_FAILED', 'it failed'));

test('each job is done once, by as many workers as there are, and the counts are those of all', async () => {
  const { work, shards, progress, most } = workOff(20, 3, async (shard) => {
    await nextTurn();
    return done(2, shard % 2);
  });
  await work;
  expect(shards.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, shard) => shard));
  expect(progress.at(-1)).toEqual({ imageCount: 40, errorCount: 10 });
  expect(most()).toBe(3);
});

test('jobs are read one by one, as workers get free', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const { work, taken } = workOff(1000, 2, async () => {
    await held;
    return done(1);
  });
  await nextTurn();
  expect(taken()).toBe(2);
  release();
  await work;
  expect(taken()).toBe(1000);
});

test('what a failed attempt counted is dropped, and the shard is done by the next', async () => {
  const { work, shards, progress } = workOff(2, 1, async (shard, cells, attempt) => {
    cells.add({ imageCount: 5, errorCount: 5 });
    return shard === 0 && attempt < 3 ? failed : done(7);
  });
  await work;
  expect(shards).toEqual([0, 1]);
  expect(progress.at(-1)).toEqual({ imageCount: 14, errorCount: 0 });
});

test('progress is told five times a second while attempts are in work, their images included', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const { work, progress } = workOff(2, 2, async (shard, cells) => {
    cells.add({ imageCount: shard + 1, errorCount: shard });
    await held;
    return done(10);
  });
  await nextTurn();
  vi.advanceTimersByTime(199);
  expect(progress).toEqual([]);
  vi.advanceTimersByTime(201);
  expect(progress).toEqual([
    { imageCount: 3, errorCount: 1 },
    { imageCount: 3, errorCount: 1 },
  ]);
  release();
  await work;
  expect(progress.slice(2)).toEqual([{ imageCount: 20, errorCount: 0 }]);
  expect(vi.getTimerCount()).toBe(0);
});

test('a shard that fails for ever ends the work: others are stopped and waited for, and no more are begun', async () => {
  const ended: number[] = [];
  const { work, shards, taken } = workOff(100, 2, async (shard, cells) => {
    if (shard === 0) return failed;
    while (!cells.isStopped) await nextTurn();
    await nextTurn();
    ended.push(shard);
    return toFailure(new PixlakeError('INTERRUPTED', 'stopped'));
  });
  await expect(work).rejects.toMatchObject({ code: 'SHARD_FAILED', cause: { code: 'STORAGE_FAILED' } });
  expect(ended).toEqual([1]);
  expect(shards).toEqual([]);
  expect(taken()).toBe(2);
});

test('work that is stopped ends soon, with what was done', async () => {
  const stop = new AbortController();
  const { work, shards, taken } = workOff(
    100,
    2,
    async (shard, cells) => {
      if (shard < 4) return done(1);
      stop.abort();
      while (!cells.isStopped) await nextTurn();
      return toFailure(new PixlakeError('INTERRUPTED', 'stopped'));
    },
    stop.signal,
  );
  await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED' });
  expect(shards.length).toBeLessThanOrEqual(5);
  expect(taken()).toBeLessThan(10);
});

test('work that was stopped before it began makes no attempt', async () => {
  const attempts: number[] = [];
  const attempt: Attempt = async (shard) => {
    attempts.push(shard);
    return done(1);
  };
  const { work } = workOff(5, 2, attempt, AbortSignal.abort());
  await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED' });
  expect(attempts).toEqual([]);
});

test.each([
  ['well', done(1), undefined],
  ['badly', toFailure(new PixlakeError('RUN_CORRUPT', 'damaged')), 'RUN_CORRUPT'],
])('a signal that lives longer is let go when the work has ended %s', async (_, outcome, code) => {
  const { signal } = new AbortController();
  const { work, progress } = workOff(1, 1, async () => outcome, signal);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  const failure = await work.catch((error: unknown) => error);
  expect((failure as PixlakeError | undefined)?.code).toBe(code);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  expect(progress).toEqual([{ imageCount: code === undefined ? 1 : 0, errorCount: 0 }]);
});

test('where nothing is to be done the work is over at once', async () => {
  const { work, progress } = workOff(0, 2, async () => done(1));
  await work;
  expect(progress).toEqual([{ imageCount: 0, errorCount: 0 }]);
});
