import { expect, test } from 'vitest';
import { ImageLibrary } from '../../src/run/image-library.ts';
import { ImageMaker, type ImageProcessor, type ProcessTask } from '../../src/run/process-one.ts';
import { makeMemoryCells } from '../../src/run/memory-cells.ts';
import { drawJpeg } from '../support/catalogue.ts';
import { useLake } from '../support/run-in-process.ts';

const lake = useLake(3);

/** A library whose images are made in this process, and what it asked for. */
function openLibrary(): {
  readonly library: ImageLibrary;
  readonly tasks: ProcessTask[];
  readonly counts: { opened: number; closed: number };
} {
  const tasks: ProcessTask[] = [];
  const counts = { opened: 0, closed: 0 };
  const open = (): ImageProcessor => {
    counts.opened += 1;
    const maker = new ImageMaker(makeMemoryCells());
    return {
      async process(task) {
        tasks.push(task);
        return maker.make(task);
      },
      async [Symbol.asyncDispose]() {
        counts.closed += 1;
      },
    };
  };
  return { library: new ImageLibrary(lake.current.store, async () => open()), tasks, counts };
}

test('each image is made as often as asked, in order, and a bad one is a result in its place', async () => {
  const { library, tasks } = openLibrary();
  const sources = [
    { id: 'a', bytes: await drawJpeg(1) },
    { id: 'b', bytes: Buffer.from('no image') },
    { id: 'c', bytes: await drawJpeg(2) },
  ];
  const spec = { copies: 2, seed: 7, transform: { size: 8, crop: 0.2 }, maxPixels: 5000 };
  const results = await library.process(sources, spec);
  expect(results.map((result) => [result.id, result.copy, 'error' in result])).toEqual([
    ['a', 0, false],
    ['a', 1, false],
    ['b', 0, true],
    ['b', 1, true],
    ['c', 0, false],
    ['c', 1, false],
  ]);
  expect(results[0]).toMatchObject({ width: 8, height: 8, predictions: [] });
  expect(tasks).toHaveLength(6);
  for (const task of tasks)
    expect(task).toMatchObject({ seed: 7, maxPixels: 5000, transform: { size: 8, crop: 0.2 } });
  expect(await library.process([], spec)).toEqual([]);
});

test('a model is found by its name before any image is made', async () => {
  const { library, tasks } = openLibrary();
  const sources = [{ id: 'a', bytes: await drawJpeg(1) }];
  const [made] = await library.process(sources, { model: 'fashion-tiny' });
  expect(made).toMatchObject({ predictions: expect.arrayContaining([expect.anything()]) });
  const refused = library.process(sources, { model: 'no-such-model' });
  await expect(refused).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  await expect(library.process(sources, { copies: 0 })).rejects.toMatchObject({ code: 'SPEC_INVALID' });
  expect(tasks).toHaveLength(1);
});

test('threads start when they are needed, once, and end with the library', async () => {
  const { library, counts } = openLibrary();
  await library.close();
  expect(counts).toEqual({ opened: 0, closed: 0 });
  const sources = [{ id: 'a', bytes: await drawJpeg(1) }];
  await library.process(sources, {});
  await library.process(sources, {});
  expect(counts).toEqual({ opened: 1, closed: 0 });
  await library.close();
  await library.close();
  expect(counts).toEqual({ opened: 1, closed: 1 });
  await library.process(sources, {});
  expect(counts.opened).toBe(2);
});

test('originals are found, told of and read by their keys', async () => {
  const { library } = openLibrary();
  const { key } = await library.find('images', '2');
  const bytes = await lake.current.store.read(key);
  expect(await library.stat(key)).toMatchObject({ key, sizeBytes: bytes.length });
  expect(await library.stat('originals/none.jpg')).toBeUndefined();
  expect(await library.read(key)).toEqual(bytes);
  expect(await library.read(key, { start: 2, length: 4 })).toEqual(bytes.subarray(2, 6));
  expect((await library.resize(bytes, { width: 5, fit: 'cover' })).length).toBeGreaterThan(0);
});
