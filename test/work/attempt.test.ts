import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import { AttemptCells, toDeath, toError, toFailure } from '../../src/work/attempt.ts';

test('an error becomes an outcome, and that the same error, also by way of JSON', () => {
  const error = new PixlakeError('STORAGE_FULL', 'no room', { remedy: 'make some' });
  const outcome = JSON.parse(JSON.stringify(toFailure(error))) as ReturnType<typeof toFailure>;
  expect(outcome).toEqual({ kind: 'failed', code: 'STORAGE_FULL', message: 'no room', remedy: 'make some' });
  if (outcome.kind !== 'failed') throw new Error('it did not fail');
  expect(toError(outcome)).toMatchObject({ code: 'STORAGE_FULL', message: 'no room', remedy: 'make some' });
  const plain = toError({ kind: 'failed', code: 'RUN_CORRUPT', message: 'x', remedy: undefined });
  expect(plain.remedy).toBeUndefined();
  expect(toFailure(new TypeError('a bug'))).toMatchObject({ kind: 'failed', code: 'INTERNAL_ERROR' });
});

test('the death of a worker is told with its reason', () => {
  expect(toDeath(new Error('exit code 9'))).toEqual({
    kind: 'failed',
    code: 'INTERNAL_ERROR',
    message: 'its worker died: exit code 9',
    remedy: undefined,
  });
});

test('an attempt counts its images and sees that it should stop, in another thread too', async () => {
  const cells = new AttemptCells();
  expect(cells.isStopped).toBe(false);
  expect(cells.progress).toEqual({ imageCount: 0, errorCount: 0 });
  cells.add({ imageCount: 3, errorCount: 1 });
  cells.add({ imageCount: 2, errorCount: 0 });
  expect(cells.progress).toEqual({ imageCount: 5, errorCount: 1 });
  expect(cells.isStopped).toBe(false);
  const code = `const { workerData, parentPort } = require('node:worker_threads');
    Atomics.wait(workerData, 0, 0); parentPort.postMessage([...workerData])`;
  const thread = new Worker(code, { eval: true, workerData: cells.cells });
  await once(thread, 'online');
  new AttemptCells(cells.cells).stop();
  Atomics.notify(cells.cells, 0);
  const [seen] = (await once(thread, 'message')) as [number[]];
  expect(seen).toEqual([1, 5, 1]);
  expect(cells.isStopped).toBe(true);
  expect(cells.progress).toEqual({ imageCount: 5, errorCount: 1 });
  await thread.terminate();
});
