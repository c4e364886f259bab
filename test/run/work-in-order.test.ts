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

/** Work whose items end when they are told to. */
function createHeld(): {
  readonly begun: number[];
  readonly ended: number[];
  readonly release: (item: number, error?: Error) => void;
  readonly work: (item: number) => Promise<number>;
} {
  const begun: number[] = [];
  const ended: number[] = [];
  const held = new Map<number, PromiseWithResolvers<void>>();
  const of = (item: number): PromiseWithResolvers<void> => {
    const known = held.get(item) ?? withResolvers();
    held.set(item, known);
    return known;
  };
  return {
    begun,
    ended,
    release: (item, error) => (error === undefined ? of(item).resolve() : of(item).reject(error)),
    async work(item) {
      begun.push(item);
      await of(item).promise.finally(() => ended.push(item));
      return item;
    },
  };
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function withResolvers(): PromiseWithResolvers<void> {
  let [resolve, reject]: [() => void, (error: Error) => void] = [() => undefined, () => undefined];
  const promise = new Promise<void>((...both) => ([resolve, reject] = both));
  return { promise, resolve, reject };
}

test('whoever stops to read waits for what is in work, and nothing else is begun', async () => {
  const { begun, ended, release, work } = createHeld();
  release(1);
  const results = workInOrder([1, 2, 3, 4, 5], 3, work);
  expect((await results.next()).value).toBe(1);
  for (const item of [2, 3]) release(item);
  await results.return(undefined);
  expect(begun).toEqual([1, 2, 3]);
  expect(ended).toEqual([1, 2, 3]);
});

test('an error that comes before its turn waits for it', async () => {
  const { begun, release, work } = createHeld();
  release(2, new Error('two'));
  const results = workInOrder([1, 2, 3], 3, work);
  const first = results.next();
  // As long as an error without a listener would take to end the process.
  await sleep(0);
  for (const item of [1, 3]) release(item);
  expect(await first).toEqual({ done: false, value: 1 });
  await expect(results.next()).rejects.toThrow('two');
  expect(begun).toEqual([1, 2, 3]);
});
