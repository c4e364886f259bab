import { afterEach, expect, test, vi } from 'vitest';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { CancelWatch } from '../../src/work/cancel-watch.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const KEY = 'runs/r/_CANCELLED';
let nowMs = 0;

afterEach(() => {
  vi.restoreAllMocks();
});

/** A watch whose clock stands still unless it is turned, and what it asked. */
async function open(fails: () => boolean = () => false): Promise<{
  readonly store: ObjectStore;
  readonly watch: CancelWatch;
  readonly asked: string[];
}> {
  nowMs = 5000;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  const store = openLocalStore(await makeTestFolder());
  const asked: string[] = [];
  const watched = withFaults(store, {
    async stat(key) {
      asked.push(key);
      if (fails()) throw new Error('the network is down');
      return store.stat(key);
    },
  });
  return { store, watch: new CancelWatch(watched, KEY), asked };
}

test('a lake is asked once a second at most', async () => {
  const { watch, asked } = await open();
  expect(await watch.ask()).toBe(false);
  expect(await watch.ask()).toBe(false);
  nowMs += 999;
  expect(await watch.ask()).toBe(false);
  expect(asked).toEqual([KEY]);
  nowMs += 1;
  expect(await watch.ask()).toBe(false);
  expect(asked).toEqual([KEY, KEY]);
});

test('a cancel is seen a second later at the latest, and is asked for anew each time, since it may be lifted', async () => {
  const { store, watch, asked } = await open();
  await watch.ask();
  await store.write(KEY, Buffer.alloc(0));
  expect(await watch.ask()).toBe(false);
  nowMs += 1000;
  expect(await watch.ask()).toBe(true);
  expect(await watch.ask()).toBe(true);
  expect(asked).toHaveLength(3);
  await store.delete(KEY);
  expect(await watch.ask()).toBe(false);
});

test('work that cannot wait gets the last answer, and the next one is on its way', async () => {
  const { store, watch, asked } = await open();
  await store.write(KEY, Buffer.alloc(0));
  expect(watch.isCancelled).toBe(false);
  await expect.poll(() => watch.isCancelled).toBe(true);
  expect(asked.length).toBeGreaterThan(0);
});

test('a lake that cannot be asked is no reason to stop, and the last answer stays', async () => {
  let isDown = true;
  const { store, watch } = await open(() => isDown);
  expect(await watch.ask()).toBe(false);
  isDown = false;
  await store.write(KEY, Buffer.alloc(0));
  nowMs += 1000;
  expect(await watch.ask()).toBe(true);
  isDown = true;
  expect(await watch.ask()).toBe(true);
});
