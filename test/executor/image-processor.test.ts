import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { DEFAULT_TRANSFORM } from '../../src/image/transform.ts';
import type { ProcessTask } from '../../src/run/process-one.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';
import { writeModel } from '../model/toy-model.ts';
import { drawJpeg } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { watchThreads } from './watch-threads.ts';

// Threads need the entry of the build.
const BUILT = join(import.meta.dirname, '../../dist/executor/image-processor.js');

const TASK: Omit<ProcessTask, 'id' | 'bytes'> = {
  copy: 0,
  seed: 42,
  transform: { ...DEFAULT_TRANSFORM, size: 16, format: 'png' },
  maxPixels: 1_000_000,
  maxImageMemory: 100_000_000,
  model: undefined,
  device: undefined,
};

const { createImageProcessor } = (await import(
  pathToFileURL(BUILT).href
)) as typeof import('../../src/executor/image-processor.ts');

test('images are made in threads, each result for its own task, and a bad one is a result', async () => {
  await using processor = createImageProcessor();
  const sizes = [20, 30, 40, 50];
  const sources = await Promise.all(sizes.map(async (size) => drawJpeg(size, size, size)));
  const model = await writeModel(await makeTestFolder());
  const made = await Promise.all([
    ...sources.map((bytes, index) => processor.process({ ...TASK, id: `${index}`, bytes })),
    processor.process({ ...TASK, id: 'labelled', bytes: sources[0] ?? Buffer.alloc(0), model }),
    processor.process({ ...TASK, id: 'empty', bytes: Buffer.alloc(0) }),
    processor.process({ ...TASK, id: 'large', bytes: sources[3] ?? Buffer.alloc(0), maxPixels: 2499 }),
  ]);
  expect(made.slice(0, 4)).toMatchObject(
    sources.map((bytes, index) => ({
      id: `${index}`,
      width: 16,
      height: 16,
      original: { width: sizes[index], height: sizes[index], sha256: sha256Of(bytes) },
      predictions: [],
    })),
  );
  const [first] = made;
  if (first === undefined || 'error' in first) throw new Error('the first image was not made');
  expect(await sharp(first.bytes).metadata()).toMatchObject({ format: 'png', width: 16 });
  expect(made.slice(4)).toMatchObject([
    { id: 'labelled', predictions: [{ column: 'toy' }] },
    { id: 'empty', error: { code: 'IMAGE_EMPTY' } },
    { id: 'large', error: { code: 'IMAGE_TOO_LARGE' } },
  ]);
});

test('a thousand images may wait for a thread, any further one is refused at once', async () => {
  const threads = watchThreads();
  const processor = createImageProcessor();
  expect(threads.size).toBe(0);
  const bytes = Buffer.alloc(0);
  const waiting = Array.from({ length: 1200 }, (_, id) => processor.process({ ...TASK, id: `${id}`, bytes }));
  const outcomes = await Promise.allSettled(waiting);
  const made = outcomes.filter(({ status }) => status === 'fulfilled');
  // Some of them no longer wait: one for each thread.
  expect(made.length).toBeGreaterThanOrEqual(1024);
  expect(made.length).toBeLessThanOrEqual(1024 + availableParallelism());
  expect(outcomes.at(-1)).toMatchObject({ reason: { code: 'SERVER_BUSY', cause: expect.any(Error) } });
  expect(threads.size).toBe(availableParallelism());
  await processor[Symbol.asyncDispose]();
  expect(threads.size).toBe(0);
});

test('a task that cannot be sent to a thread is a defect', async () => {
  await using processor = createImageProcessor();
  const task = { ...TASK, id: 'a', bytes: (() => 0) as never };
  await expect(processor.process(task)).rejects.toMatchObject({
    code: 'INTERNAL_ERROR',
    message: expect.stringContaining('could not be cloned'),
    cause: expect.any(Error),
  });
});

test('an image that this machine has no memory for says nothing about the image', async () => {
  const { memoryCells } = (await import(
    pathToFileURL(join(import.meta.dirname, '../../dist/run/memory-cells.js')).href
  )) as typeof import('../../src/run/memory-cells.ts');
  const cells = memoryCells();
  const before = Int32Array.from(cells);
  onTestFinished(() => cells.set(before));
  await using processor = createImageProcessor();
  // Of the image itself only its size is there.
  const bytes = await sharp(await drawJpeg(1))
    .png()
    .toBuffer();
  bytes.writeUInt32BE(10_000, 16);
  bytes.writeUInt32BE(10_000, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  const task = { ...TASK, id: 'a', bytes, maxPixels: 1e9, maxImageMemory: 1e10 };
  cells.fill(1);
  await expect(processor.process(task)).rejects.toMatchObject({
    code: 'WORKER_TOO_SMALL',
    message: expect.stringContaining('this machine has'),
    remedy: expect.stringContaining('more memory'),
  });
  cells.set(before);
  expect(await processor.process(task)).toMatchObject({ id: 'a', error: { code: 'IMAGE_CORRUPT' } });
});
