import { expect, test } from 'vitest';
import { SOFTWARE } from '../../src/version.ts';
import { bindSignal, openMaintenance } from '../../src/lakehouse/open-maintenance.ts';
import { createLake } from '../../src/storage/lake-layout.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

/** A store on a folder, and what it was bound to. */
async function open(): Promise<{ store: ObjectStore; bound: ObjectStore; signals: AbortSignal[] }> {
  const bound = openLocalStore(await makeTestFolder());
  const signals: AbortSignal[] = [];
  const store = withFaults(bound, {
    withSignal(signal) {
      signals.push(signal);
      return bound;
    },
  });
  return { store, bound, signals };
}

test('a store is bound to a signal if there is one', async () => {
  const { store, bound, signals } = await open();
  expect(bindSignal(store, undefined)).toBe(store);
  expect(signals).toEqual([]);
  const { signal } = new AbortController();
  expect(bindSignal(store, signal)).toBe(bound);
  expect(signals).toEqual([signal]);
});

test('a lake is opened for verbs that change it', async () => {
  const { store, bound } = await open();
  await createLake(store);
  const context = await openMaintenance(store);
  expect(context).toStrictEqual({ store, software: SOFTWARE, pinnedVersions: expect.any(Function) });
  expect(await context.pinnedVersions?.('tables/t')).toEqual([]);
  const { signal } = new AbortController();
  expect(await openMaintenance(store, signal)).toStrictEqual({
    ...context,
    store: bound,
    signal,
    pinnedVersions: expect.any(Function),
  });
});

test('a lake that does not exist is not', async () => {
  const { store } = await open();
  await expect(openMaintenance(store)).rejects.toMatchObject({ code: 'LAKE_NOT_FOUND' });
});
