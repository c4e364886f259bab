import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { mapConcurrently } from '../../src/ingest/map-concurrently.ts';

test.each([
  [5, 2, 2],
  [5, 1, 1],
  [3, 8, 3],
  [0, 8, 0],
])(
  'of %i items with a concurrency of %i all are worked on, and %i at once',
  async (count, concurrency, most) => {
    const items = Array.from({ length: count }, (_, index) => index);
    const done: number[] = [];
    let [working, highest] = [0, 0];
    await mapConcurrently(items, concurrency, async (item) => {
      working += 1;
      highest = Math.max(highest, working);
      await setImmediate();
      working -= 1;
      done.push(item);
    });
    expect(done.toSorted((a, b) => a - b)).toEqual(items);
    expect(highest).toBe(most);
  },
);

test('the first error ends it', async () => {
  const begun: number[] = [];
  const mapping = mapConcurrently([1, 2, 3, 4], 1, async (item) => {
    begun.push(item);
    if (item === 2) throw new Error('no');
  });
  await expect(mapping).rejects.toThrow('no');
  expect(begun).toEqual([1, 2]);
});
