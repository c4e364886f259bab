import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { DEFAULT_TRANSFORM } from '../../src/image/transform.ts';
import type { ProcessTask } from '../../src/run/process-one.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';
import { writeModel } from '../model/toy-model.ts';
import { drawJpeg } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';

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

test('images are made in threads, each result for its own task, and a bad one is a result', async () => {
  const { createImageProcessor } = (await import(
    pathToFileURL(BUILT).href
  )) as typeof import('../../src/executor/image-processor.ts');
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
