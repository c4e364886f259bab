import { expect, test } from 'vitest';
import { executionKeys } from '../../src/run/execution.ts';
import { placeSuccess, readSuccess } from '../../src/run/success.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { withFaults } from '../support/failing-store.ts';

const RUN_ID = '0123456789abcdef';
const FOLDER = `runs/r/run_id=${RUN_ID}`;
const KEY = executionKeys.success(FOLDER);
const COUNTS = { runId: RUN_ID, imageCount: 5, takenCount: 1, errorCount: 2, imageBytes: 99 };
const ENDED = { ...COUNTS, finishedMs: expect.any(Number) as number };

test('an execution ends once: the second process gets the counts of the first', async () => {
  const store = openLocalStore(await makeTestFolder());
  expect(await readSuccess(store, FOLDER)).toBeUndefined();
  const beforeMs = Date.now();
  const first = await placeSuccess(store, FOLDER, COUNTS);
  expect(first).toEqual(ENDED);
  expect(first.finishedMs).toBeGreaterThanOrEqual(beforeMs);
  expect(first.finishedMs).toBeLessThanOrEqual(Date.now());
  expect(await readSuccess(store, FOLDER)).toEqual(first);
  expect(await placeSuccess(store, FOLDER, { ...COUNTS, imageCount: 6 })).toEqual(first);
  expect(await readSuccess(store, FOLDER)).toEqual(first);
});

test('an end that an older version has written has no time', async () => {
  const store = openLocalStore(await makeTestFolder());
  await store.write(KEY, encodeStored(COUNTS));
  expect(await readSuccess(store, FOLDER)).toEqual(COUNTS);
  expect(await placeSuccess(store, FOLDER, COUNTS)).toEqual(COUNTS);
});

test('the end of an execution survives a power loss', async () => {
  const store = openLocalStore(await makeTestFolder());
  const seen: unknown[] = [];
  const watched = withFaults(store, {
    writeIfAbsent: async (key, bytes, options) => {
      seen.push([key, options]);
      return store.writeIfAbsent(key, bytes, options);
    },
  });
  await placeSuccess(watched, FOLDER, COUNTS);
  expect(seen).toEqual([[KEY, { durable: true }]]);
});

test.each([
  ['is empty', ''],
  ['is cut off', JSON.stringify(COUNTS).slice(0, 40)],
  ['lacks a count', JSON.stringify({ ...COUNTS, errorCount: undefined })],
  ['counts less than nothing', JSON.stringify({ ...COUNTS, errorCount: -1 })],
  ['has a time that is none', encodeStored({ ...COUNTS, finishedMs: 1e300 }).toString()],
  ['belongs to another execution', JSON.stringify({ ...COUNTS, runId: 'fedcba9876543210' })],
])('an end that %s is none, and is written again', async (_, text) => {
  const store = openLocalStore(await makeTestFolder());
  await store.write(KEY, Buffer.from(text));
  expect(await readSuccess(store, FOLDER)).toBeUndefined();
  expect(await placeSuccess(store, FOLDER, COUNTS)).toEqual(ENDED);
  expect(await readSuccess(store, FOLDER)).toEqual(ENDED);
});
