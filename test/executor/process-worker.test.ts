import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Piscina } from 'piscina';
import { expect, onTestFinished, test } from 'vitest';
import { DEFAULT_TRANSFORM } from '../../src/image/transform.ts';
import { makeMemoryCells } from '../../src/run/memory-cells.ts';
import type { ProcessTask } from '../../src/run/process-one.ts';
import { drawJpeg } from '../support/catalogue.ts';

// Threads need the entry of the build.
const BUILT = join(import.meta.dirname, '../../dist/executor/process-worker.js');

test('a thread makes the image of its task, or says why not', async () => {
  const pool = new Piscina({
    filename: pathToFileURL(BUILT).href,
    maxThreads: 1,
    workerData: { memoryCells: makeMemoryCells() },
  });
  onTestFinished(() => pool.destroy());
  const task: Omit<ProcessTask, 'bytes'> = {
    id: 'a',
    copy: 3,
    seed: 1,
    transform: { ...DEFAULT_TRANSFORM, size: 8 },
    maxPixels: 10_000,
    maxImageMemory: 100_000_000,
    model: undefined,
    device: undefined,
  };
  expect(await pool.run({ ...task, bytes: await drawJpeg(1) })).toMatchObject({
    id: 'a',
    copy: 3,
    width: 8,
    height: 8,
  });
  expect(await pool.run({ ...task, bytes: Buffer.from('no image') })).toMatchObject({
    id: 'a',
    copy: 3,
    error: { code: 'IMAGE_UNSUPPORTED' },
  });
});
