import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { workInOrder } from '../../src/run/work-in-order.ts';

test('results come in the order of the items, with so many in work at once', async () => {
  const pauses = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(pauses, fc.integer({ min: 1, max: 6 }), async (pausesMs, atOnce) => {
      let inWork = 0;
      let most = 0;
      const results: number[] = [];
      const work = async ([index, pauseMs]: [number, number]): Promise<number> => {
        inWork += 1;
        most = Math.max(most, inWork);
        await sleep(pauseMs);
        inWork -= 1;
        return index;
      };
      for await (const result of workInOrder(pausesMs.entries(), atOnce, work)) results.push(result);
      expect(results).toEqual([...pausesMs.keys()]);
      expect(most).toBe(Math.min(atOnce, pausesMs.length));
    }),
    { numRuns: 50 },
  );
});

test('an error ends the work after the results before it; what is in work is waited for', async () => {
  const results: number[] = [];
  let ended = 0;
  let begun = 0;
  const work = async (item: number): Promise<number> => {
    begun += 1;
    await sleep(item);
    ended += 1;
    if (item === 2) throw new Error('two');
    return item;
  };
  const all = async (): Promise<void> => {
    for await (const result of workInOrder([1, 2, 30, 4, 5, 6, 7], 3, work)) results.push(result);
  };
  await expect(all()).rejects.toThrow('two');
  expect(results).toEqual([1]);
  expect(begun).toBeLessThan(7);
  expect(ended).toBe(begun);
});
