import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Lakehouse, type RunSpec } from '../../src/index.ts';
import { createExecutor, inProcessExecutor, makeLake, queryRows } from '../support/run-in-process.ts';
import { keysOf } from '../support/keys-of.ts';

const spec: RunSpec = { name: 'r', sql: 'SELECT id FROM images', copies: 2, shardSize: 2 };

test('an estimate of a small run counts what the run then writes, and leaves nothing', async () => {
  const { store } = await makeLake(5);
  const lakehouse = new Lakehouse(store, inProcessExecutor);
  const before = await keysOf(store);
  const { execution, estimate } = await lakehouse.runs.estimate(spec);
  expect(await keysOf(store)).toEqual(before);
  expect(await readdir(store.locate('.tmp'))).toEqual([]);
  const report = await lakehouse.run(spec);
  expect(execution).toMatchObject({ runId: report.runId, rowCount: 5, shardCount: 3 });
  const [original] = await queryRows<{ bytes: bigint }>(
    { lakehouse },
    'SELECT sum(image_bytes) AS bytes FROM images',
  );
  expect(estimate).toMatchObject({
    measured: { imageCount: 10, workers: 1 },
    imageCount: 10,
    readBytes: Number(original?.bytes),
    requests: { get: 5 + 9 + 3 + 40, put: 10 + 6 + 3 + 20 },
  });
  expect(estimate.seconds).toBeGreaterThanOrEqual(estimate.measured.seconds);
  expect(estimate.writtenBytes).toBeGreaterThan(report.imageBytes);
  expect(estimate.price.requests).toBeGreaterThan(0);
});

test('images that an earlier execution made are read and written no more', async () => {
  const { store } = await makeLake(4);
  const lakehouse = new Lakehouse(store, inProcessExecutor);
  const half = { ...spec, sql: 'SELECT id FROM images WHERE id <= (SELECT count(*) FROM images) / 2' };
  await lakehouse.run(half);
  await lakehouse.tables.delete({ table: 'images', where: 'id = 4' });
  const { execution, estimate } = await lakehouse.runs.estimate(half);
  expect(execution.takesOver).toBeDefined();
  expect(estimate).toMatchObject({ imageCount: execution.rowCount * 2, readBytes: 0 });
  expect(estimate.requests.put).toBe(2 * execution.shardCount + 3 + 20);
});

test('what workers write after the last image that was counted adds nothing, nor does a part of an unfinished shard', async () => {
  const { store } = await makeLake(4);
  const stopped = createExecutor(async (job, cells) => {
    for (const file of ['images/00/00000/1-0.jpg', 'images/00/00000/1-1.jpg', 'parts/00000-0.parquet']) {
      const path = join(job.lake, job.folder, file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, Buffer.alloc(1000));
    }
    cells.add({ imageCount: 1, errorCount: 0 });
    while (!cells.isStopped) await nextTurn();
    return { kind: 'failed', code: 'INTERRUPTED', message: 'stopped', remedy: undefined };
  });
  // It measures for half a minute, of which the clock makes little.
  let ms = 0;
  const now = vi.spyOn(performance, 'now').mockImplementation(() => (ms += 20_000));
  onTestFinished(() => now.mockRestore());
  const { estimate } = await new Lakehouse(store, stopped).runs.estimate(spec);
  expect(estimate).toMatchObject({
    measured: { imageCount: 1 },
    imageCount: 8,
    writtenBytes: 8000,
    requests: { put: 8 + 2 * 2 + 3 + 20 },
  });
});

test('a model that does not run, and a shard that fails, are the errors of the run', async () => {
  const { store } = await makeLake(1);
  const failing = createExecutor(async () => ({
    kind: 'failed',
    code: 'RUN_CORRUPT',
    message: 'no plan',
    remedy: undefined,
  }));
  await expect(new Lakehouse(store, failing).runs.estimate(spec)).rejects.toMatchObject({
    code: 'RUN_CORRUPT',
  });
  const none = { ...spec, model: 'no-such-model' };
  await expect(new Lakehouse(store, failing).runs.estimate(none)).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
  });
  expect(await readdir(store.locate('.tmp')).catch(() => [])).toEqual([]);
});
