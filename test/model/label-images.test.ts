import { expect, it } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import { labelBatch, labelImage, makeBatch } from '../../src/model/label-images.ts';
import type { ModelSession } from '../../src/model/open-session.ts';
import { drawJpeg } from '../support/catalogue.ts';
import { toyCard } from './toy-model.ts';

/** A session whose model gives the six values of an image back. */
function openEcho(): ModelSession {
  return {
    card: toyCard(),
    sha256: '',
    predict: async (batch, count) =>
      Array.from({ length: count }, (_, image) => [
        { kind: 'embedding', column: 'echo', values: Array.from(batch.subarray(image * 6, image * 6 + 6)) },
      ]),
    close: async () => undefined,
  };
}

function fill(session: ModelSession, images: readonly (number | undefined)[]): ReturnType<typeof makeBatch> {
  const batch = makeBatch(session, images.length);
  for (const [index, value] of images.entries())
    if (value !== undefined) batch.inputs[index]?.values.fill(value);
  return batch;
}

const isThere = (value: number | undefined): boolean => value !== undefined;
const echoOf = (value: number | undefined): unknown =>
  value === undefined ? undefined : [{ kind: 'embedding', column: 'echo', values: Array(6).fill(value) }];

it.each([
  ['a whole batch', [1, 2, 3, 4]],
  ['a batch with gaps', [undefined, 1, undefined, 2]],
  ['a batch with a gap at its end', [1, undefined]],
  ['an empty batch', [undefined, undefined]],
])('%s is labelled, each image with its own', async (_, images) => {
  const session = openEcho();
  const results = await labelBatch(session, fill(session, images), images.map(isThere));
  expect(results).toEqual(images.map(echoOf));
});

it('batches that are filled at once, larger or smaller than the ones before, do not disturb each other', async () => {
  const session = openEcho();
  for (let round = 0; round < 3; round++) {
    const all = [[1, undefined], [2, 3, 4, 5], [6]].map((images) =>
      images.map((value) => value && value + 10 * round),
    );
    const batches = all.map((images) => fill(session, images));
    const results = await Promise.all(
      batches.map(async (batch, index) => labelBatch(session, batch, all[index]?.map(isThere) ?? [])),
    );
    expect(results).toEqual(all.map((images) => images.map(echoOf)));
  }
});

it('a batch has room for each of its images, one behind the other', () => {
  const { values, inputs } = makeBatch(openEcho(), 3);
  expect(values).toHaveLength(18);
  expect(inputs.map((input) => [input.values.byteOffset - values.byteOffset, input.values.length])).toEqual([
    [0, 6],
    [24, 6],
    [48, 6],
  ]);
  expect(inputs.map(({ format }) => format)).toEqual(Array(3).fill(toyCard().input));
});

it('memory of a batch is used for the next one that fits, of the same model', async () => {
  const session = openEcho();
  const first = makeBatch(session, 3);
  await labelBatch(session, first, [true, true, true]);
  expect(makeBatch(openEcho(), 3).values.buffer).not.toBe(first.values.buffer);
  const second = makeBatch(session, 3);
  expect(second.values.buffer).toBe(first.values.buffer);
  // It is in use.
  expect(makeBatch(session, 3).values.buffer).not.toBe(first.values.buffer);
  await labelBatch(session, second, [true, true, true]);
  const small = makeBatch(session, 2);
  expect([small.values.buffer, small.values.length]).toEqual([first.values.buffer, 12]);
  await labelBatch(session, small, [true, true]);
  // All of it is kept, not the part that was used.
  expect(makeBatch(session, 3).values.buffer).toBe(first.values.buffer);
  await labelBatch(session, makeBatch(session, 1), [true]);
  expect(makeBatch(session, 2).values).toHaveLength(12);
});

it('one image is labelled, or the error is thrown that it alone had', async () => {
  const session = openEcho();
  const [prediction] = await labelImage(session, await drawJpeg(3));
  expect(prediction).toMatchObject({ kind: 'embedding', column: 'echo' });
  expect(prediction?.kind === 'embedding' && prediction.values.every((value) => value > 0 && value < 1)).toBe(
    true,
  );
  const failure = new PixlakeError('MODEL_FAILED', 'it alone');
  const failing = { ...session, predict: async () => [failure] };
  await expect(labelImage(failing, await drawJpeg(3))).rejects.toBe(failure);
  await expect(labelImage(session, Buffer.from('none'))).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
});
