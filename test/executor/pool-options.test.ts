import os from 'node:os';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { memoryCells } from '../../src/run/memory-cells.ts';
import { AttemptCells } from '../../src/work/attempt.ts';
import { importFresh } from '../support/import-fresh.ts';
import { stubBuiltin } from '../support/stub-builtin.ts';

interface PoolOptions {
  readonly workerData: object;
}

/** What a pool of threads is asked for, and the tasks that it gets. It has two threads. */
class FakePool {
  static last: FakePool | undefined;
  readonly threads = [{}, {}];
  fail: ((error: Error) => void) | undefined;
  readonly options: PoolOptions;
  readonly calls: unknown[] = [];
  queueSize = 0;
  endedCount = 0;
  failure: Error | undefined;

  constructor(options: PoolOptions) {
    this.options = options;
    FakePool.last = this;
  }

  on(event: string, fail: (error: Error) => void): void {
    if (event === 'error') this.fail = fail;
  }

  async run(task: unknown): Promise<unknown> {
    this.calls.push(task);
    await new Promise(setImmediate);
    this.endedCount += 1;
    if (this.failure !== undefined) throw this.failure;
    return { kind: 'done' };
  }

  async close(): Promise<void> {
    const { endedCount } = this;
    await new Promise(setImmediate);
    this.calls.push(`closed after ${endedCount}`);
  }
}

const CORES = 8;

beforeEach(() => {
  vi.doMock('piscina', () => ({ Piscina: FakePool }));
  stubBuiltin(vi.spyOn(os, 'availableParallelism')).mockReturnValue(CORES);
  return () => {
    vi.doUnmock('piscina');
  };
});

afterEach(() => {
  FakePool.last = undefined;
});

const loadLocal = () =>
  importFresh<typeof import('../../src/executor/local-executor.ts')>('executor/local-executor.ts');
const loadProcessor = () =>
  importFresh<typeof import('../../src/executor/image-processor.ts')>('executor/image-processor.ts');

const job = { lake: 'l', source: 'l', folder: 'f', executionSha256: '0', shard: 1 };

test('the threads of a run get its settings, and start when there is work for them', async () => {
  const { createLocalExecutor } = await loadLocal();
  const model = { card: {} as never, onnxPath: '/no/such/model', sha256: '0' };
  const s3 = { region: 'eu-west-1' };
  const workers = await createLocalExecutor({ workers: 3, s3 }).start({ jobCount: 100, model });
  expect(workers.count).toBe(3);
  expect(FakePool.last?.options).toEqual({
    filename: new URL('../../src/executor/worker.js', import.meta.url).href,
    minThreads: 1,
    maxThreads: 3,
    idleTimeout: Number.POSITIVE_INFINITY,
    recordTiming: false,
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
    workerData: { s3, memoryCells: expect.any(Int32Array) },
  });
});

test.each([
  [undefined, 100, 8, 1],
  [undefined, 1, 1, 8],
  [16, 100, 16, 1],
])(
  'of %s workers for %i jobs, %i start, with %i threads of a model each',
  async (workers, jobCount, count, modelThreads) => {
    const { createLocalExecutor } = await loadLocal();
    const started = await createLocalExecutor(workers === undefined ? undefined : { workers }).start({
      jobCount,
      model: undefined,
    });
    expect(started.count).toBe(count);
    expect(FakePool.last?.options.workerData).toMatchObject({ s3: {} });
    await started.attempt(job, new AttemptCells());
    expect(FakePool.last?.calls).toMatchObject([
      { modelSettings: { threads: modelThreads, atHand: undefined } },
    ]);
  },
);

test('each run has memory cells of its own', async () => {
  const { createLocalExecutor } = await loadLocal();
  const dataOf = async (): Promise<unknown> => {
    await createLocalExecutor().start({ jobCount: 1, model: undefined });
    return FakePool.last?.options.workerData;
  };
  const cellsOf = async (): Promise<ArrayBufferLike> =>
    ((await dataOf()) as { memoryCells: Int32Array }).memoryCells.buffer;
  expect(await cellsOf()).not.toBe(await cellsOf());
});

test('an attempt goes to a thread with its cells, and at the end each thread is told to close before the pool does', async () => {
  const { createLocalExecutor } = await loadLocal();
  const workers = await createLocalExecutor({ workers: 2 }).start({ jobCount: 2, model: undefined });
  const cells = new AttemptCells();
  expect(await workers.attempt(job, cells)).toEqual({ kind: 'done' });
  const pool = FakePool.last;
  expect(pool?.calls).toEqual([
    { job, cells: cells.cells, modelSettings: { threads: 4, atHand: undefined } },
  ]);
  if (pool !== undefined) pool.failure = new Error('a thread has died');
  await workers[Symbol.asyncDispose]();
  const [, ...last] = pool?.calls ?? [];
  const closing = { threads: 2, closed: new Int32Array(1) };
  expect(last).toEqual([closing, closing, 'closed after 3']);
  const [first, second] = last as { closed: Int32Array }[];
  expect(first?.closed.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(first?.closed).toBe(second?.closed);
});

test('what was prepared is used by one start, and ended if there was none', async () => {
  const { createLocalExecutor } = await loadLocal();
  const executor = createLocalExecutor({ workers: 2 });
  const demand = { jobCount: 2, model: undefined };
  const used = executor.prepare?.();
  await expect.poll(() => FakePool.last).toBeDefined();
  const prepared = FakePool.last;
  const first = await used?.start(demand);
  expect(FakePool.last).toBe(prepared);
  const second = await used?.start(demand);
  expect(FakePool.last).not.toBe(prepared);
  await used?.[Symbol.asyncDispose]();
  expect(prepared?.calls).toEqual([]);
  await first?.[Symbol.asyncDispose]();
  await second?.[Symbol.asyncDispose]();
  expect(prepared?.calls.at(-1)).toBe('closed after 2');
  FakePool.last = undefined;
  await executor.prepare?.()[Symbol.asyncDispose]();
  expect(FakePool.last).toMatchObject({ calls: [expect.anything(), expect.anything(), 'closed after 2'] });
});

test('a thread that dies without a task fails the open attempts, and nothing waits for it', async () => {
  const { createLocalExecutor } = await loadLocal();
  const workers = await createLocalExecutor({ workers: 2 }).start({ jobCount: 2, model: undefined });
  const pool = FakePool.last;
  if (pool === undefined) return expect.unreachable();
  pool.run = async () => new Promise(() => undefined);
  const attempt = workers.attempt(job, new AttemptCells());
  const failure = new Error('cannot start');
  pool.fail?.(failure);
  await expect(attempt).rejects.toBe(failure);
  await workers[Symbol.asyncDispose]();
  expect(pool.calls).toEqual(['closed after 0']);
});

test('threads that could not be prepared are started again', async () => {
  const { createLocalExecutor } = await loadLocal();
  const prepared = createLocalExecutor({ workers: 2 }).prepare?.();
  await expect.poll(() => FakePool.last).toBeDefined();
  const broken = FakePool.last;
  broken?.fail?.(new Error('cannot start'));
  const workers = await prepared?.start({ jobCount: 2, model: undefined });
  expect(FakePool.last).not.toBe(broken);
  await workers?.attempt(job, new AttemptCells());
  expect(broken?.calls).toEqual([]);
  await prepared?.[Symbol.asyncDispose]();
  expect(broken?.calls).toEqual(['closed after 0']);
});

test('threads for single images start when they are needed, share the memory of this process, and end when idle', async () => {
  const { createImageProcessor } = await loadProcessor();
  const processor = createImageProcessor();
  expect(FakePool.last?.options).toEqual({
    filename: new URL('../../src/executor/process-worker.js', import.meta.url).href,
    minThreads: 0,
    maxThreads: CORES,
    recordTiming: false,
    maxQueue: 1024,
    idleTimeout: 60_000,
    workerData: { memoryCells: memoryCells() },
  });
  await processor[Symbol.asyncDispose]();
  expect(FakePool.last?.calls).toEqual(['closed after 0']);
});

test.each([
  [1023, 'INTERNAL_ERROR'],
  [1024, 'SERVER_BUSY'],
])('a failure while %i images wait is %s', async (queueSize, code) => {
  const { createImageProcessor } = await loadProcessor();
  const processor = createImageProcessor();
  const failure = new Error('the thread says so');
  Object.assign(FakePool.last ?? {}, { queueSize, failure });
  await expect(processor.process({} as never)).rejects.toMatchObject({
    code,
    message: failure.message,
    cause: failure,
  });
});
