import { readdir } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import threads from 'node:worker_threads';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { RunReport } from '../../src/index.ts';
import { makeMemoryCells } from '../../src/run/memory-cells.ts';
import { ShardWorker, type WorkerSettings } from '../../src/run/shard-worker.ts';
import { AttemptCells } from '../../src/work/attempt.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { importFresh } from '../support/import-fresh.ts';
import { makeTestFolder, pixlakeJson } from '../support/pixlake.ts';

test('the threads of a run leave nothing in the temporary folder', async () => {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), 30));
  const run = ['run', '--name', 'r', '--sql', 'SELECT id FROM images', '--shard-size', '5', '--workers', '3'];
  expect(await pixlakeJson<RunReport>(lake, ...run)).toMatchObject({ shardCount: 6, imageCount: 30 });
  expect(await readdir(join(lake, '.tmp'))).toEqual([]);
});

/** The entry of the threads, in this one. */
async function loadEntry(): Promise<typeof import('../../src/executor/worker.ts')['default']> {
  const module = threads as { workerData: unknown };
  const { workerData } = module;
  const settings: WorkerSettings = { s3: {}, memoryCells: makeMemoryCells() };
  module.workerData = settings;
  syncBuiltinESMExports();
  onTestFinished(() => {
    module.workerData = workerData;
    syncBuiltinESMExports();
    vi.restoreAllMocks();
  });
  const { default: work } =
    await importFresh<typeof import('../../src/executor/worker.ts')>('executor/worker.ts');
  return work;
}

describe('a thread', () => {
  test('makes an attempt at the shard of its task', async () => {
    const work = await loadEntry();
    const lake = await makeTestFolder();
    const job = { lake, source: lake, folder: 'runs/r/run_id=1', executionSha256: '0', shard: 0 };
    const { cells } = new AttemptCells();
    expect(await work({ job, cells, modelSettings: {} })).toMatchObject({
      kind: 'failed',
      code: 'RUN_NOT_FOUND',
    });
  });

  test.each([
    ['the only one', 1, 0, []],
    ['the last one', 3, 2, []],
    ['one before others', 3, 0, [1, 2]],
    ['one before others that have died', 4, 0, [1, 2]],
  ])(
    'that is %s closes its resources, and waits for the others',
    async (_, threadCount, closedCount, waits) => {
      const work = await loadEntry();
      const closed = new Int32Array(new SharedArrayBuffer(4));
      closed[0] = closedCount;
      const order: unknown[] = [];
      vi.spyOn(ShardWorker.prototype, Symbol.asyncDispose).mockImplementation(async () => {
        await Promise.resolve();
        order.push(`closed as number ${(closed[0] ?? 0) + 1}`);
      });
      vi.spyOn(Atomics, 'notify').mockImplementation((cells: unknown) => {
        order.push(cells === closed ? 'told others' : 'told nobody');
        return 0;
      });
      vi.spyOn(Atomics, 'wait').mockImplementation((...args: unknown[]) => {
        order.push(args);
        if (closed[0] === 2 && threadCount === 4) return 'timed-out';
        closed[0] = (closed[0] ?? 0) + 1;
        return 'ok';
      });
      expect(await work({ threads: threadCount, closed })).toBeUndefined();
      expect(order).toEqual([
        `closed as number ${closedCount + 1}`,
        'told others',
        ...waits.map((count) => [closed, 0, count, 2000]),
      ]);
    },
  );
});
