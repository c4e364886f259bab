import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { makeMemoryCells } from '../../src/run/memory-cells.ts';
import { ImageMaker, type ProcessTask } from '../../src/run/process-one.ts';
import { DEFAULT_TRANSFORM } from '../../src/image/transform.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';
import { TOY_MODEL, writeModel } from '../model/toy-model.ts';
import { drawJpeg } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { makeLake, queryRows, runWith } from '../support/run-in-process.ts';

const TASK: Omit<ProcessTask, 'id' | 'copy' | 'bytes'> = {
  seed: 42,
  transform: { ...DEFAULT_TRANSFORM, size: 16, crop: 0.5, flip: 0.5 },
  maxPixels: 1_000_000,
  maxImageMemory: 100_000_000,
  model: undefined,
  device: undefined,
};

test('an image that is made alone is the one that a run makes of it, copy by copy', async () => {
  const lake = await makeLake(4);
  const transform = { size: 16, crop: 0.5, flip: 0.5 };
  await runWith(lake.store, { name: 'r', sql: 'SELECT id FROM images', copies: 2, transform });
  const rows = await queryRows<{ id: string; copy: number; source_key: string; image_sha256: string }>(
    lake,
    'SELECT id::VARCHAR AS id, copy, source_key, image_sha256 FROM runs.r',
  );
  expect(rows).toHaveLength(8);
  const maker = new ImageMaker(makeMemoryCells());
  for (const { id, copy, source_key: key, image_sha256: sha256 } of rows) {
    const made = await maker.make({ ...TASK, id, copy, bytes: await lake.store.read(key) });
    if ('error' in made) throw new Error(made.error.message);
    expect(sha256Of(made.bytes), `${id}-${copy}`).toBe(sha256);
  }
});

test('what is wrong with an image is its result, and the next one is made', async () => {
  const maker = new ImageMaker(makeMemoryCells());
  const whole = await drawJpeg(1);
  const model = await writeModel(await makeTestFolder());
  const make = (bytes: Uint8Array, more: Partial<ProcessTask> = {}): ReturnType<ImageMaker['make']> =>
    maker.make({ ...TASK, id: 'a', copy: 1, bytes, ...more });
  expect(await make(Buffer.alloc(0))).toMatchObject({ id: 'a', copy: 1, error: { code: 'IMAGE_EMPTY' } });
  expect(await make(whole.subarray(0, 300))).toMatchObject({ error: { code: 'IMAGE_CORRUPT' } });
  expect(await make(whole, { maxPixels: 100 })).toMatchObject({ error: { code: 'IMAGE_TOO_LARGE' } });
  const other = { ...model, onnxPath: '/no/such.onnx', sha256: 'b'.repeat(64) };
  expect(await make(whole, { model: other })).toMatchObject({
    error: { code: expect.stringMatching(/^MODEL_/u) },
  });
  expect(await make(whole, { model })).toMatchObject({ width: 16, predictions: [{ column: 'toy' }] });
  expect(await make(whole)).toMatchObject({ width: 16, predictions: [] });
});

test('a model stays loaded for the images after it, until another one is needed', async () => {
  const maker = new ImageMaker(makeMemoryCells());
  const bytes = await drawJpeg(1);
  const [one, other] = [
    await writeModel(await makeTestFolder()),
    await writeModel(await makeTestFolder(), { ...TOY_MODEL, name: 'other' }),
  ];
  const codeWith = async (more: Partial<ProcessTask>): Promise<string> => {
    const made = await maker.make({ ...TASK, id: 'a', copy: 0, bytes, ...more });
    return 'error' in made ? made.error.code : made.predictions.map(({ column }) => column).join();
  };
  expect(await codeWith({ model: one })).toBe('toy');
  await rm(one.onnxPath);
  expect(await codeWith({ model: one })).toBe('toy');
  expect(await codeWith({})).toBe('');
  expect(await codeWith({ model: one })).toBe('toy');
  // Another device needs another session.
  expect(await codeWith({ model: one, device: 'cpu' })).toMatch(/^MODEL_/u);
  expect(await codeWith({ model: other })).toBe('toy');
  await rm(other.onnxPath);
  expect(await codeWith({ model: one })).toMatch(/^MODEL_/u);
  expect(await codeWith({ model: other })).toMatch(/^MODEL_/u);
});

test('an image that is made tells what it was made from and how', async () => {
  const maker = new ImageMaker(makeMemoryCells());
  const bytes = await drawJpeg(1);
  const transform = { ...TASK.transform, crop: 0, flip: 0 };
  const made = await maker.make({ ...TASK, transform, id: 'a', copy: 3, bytes });
  expect(made).toMatchObject({
    id: 'a',
    copy: 3,
    width: 16,
    height: 16,
    original: { width: 60, height: 80, sha256: sha256Of(bytes) },
    drawn: { cropWidth: 60, cropHeight: 80 },
    predictions: [],
  });
  const failed = await maker.make({ ...TASK, id: 'b', copy: 0, bytes: Buffer.alloc(0) });
  expect(failed).toEqual({
    id: 'b',
    copy: 0,
    error: { code: 'IMAGE_EMPTY', message: 'the image has zero bytes', remedy: undefined },
  });
});
