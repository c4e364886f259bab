import { expect, it } from 'vitest';
import { labelBatch, makeBatch } from '../../src/model/label-images.ts';
import type { ModelSession } from '../../src/model/open-session.ts';
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
