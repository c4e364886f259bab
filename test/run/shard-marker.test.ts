import { expect, test } from 'vitest';
import { executionKeys } from '../../src/run/execution.ts';
import { listMarkedShards, placeMarker, readMarker } from '../../src/run/shard-marker.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const FOLDER = 'runs/r/run_id=0';
const EMPTY = { takenCount: 0, errorCount: 1, imageBytes: 0, part: null };
const errors = (name: string): object & { name: string; sizeBytes: number; sha256: string } => ({
  name,
  sizeBytes: 1,
  sha256: 'a'.repeat(64),
});
const markerOf = (shard: number, name: string): Parameters<typeof placeMarker>[2] => ({
  shard,
  imageCount: 0,
  ...EMPTY,
  errors: errors(name),
});

test('the first marker holds, and later ones are given it', async () => {
  const store = openLocalStore(await makeTestFolder());
  const first = markerOf(1, 'first');
  expect(await placeMarker(store, FOLDER, first)).toEqual(first);
  expect(await placeMarker(store, FOLDER, markerOf(1, 'second'))).toEqual(first);
  expect(await readMarker(store, FOLDER, 1)).toEqual(first);
  expect(await readMarker(store, FOLDER, 2)).toBeUndefined();
});

test('a torn marker, and one of another shard, say nothing and are replaced', async () => {
  const store = openLocalStore(await makeTestFolder());
  const key = executionKeys.shard(FOLDER, 1);
  await placeMarker(store, FOLDER, markerOf(2, 'other'));
  const other = await store.read(executionKeys.shard(FOLDER, 2));
  for (const bytes of [Buffer.alloc(0), other.subarray(0, 20), other]) {
    await store.write(key, bytes);
    expect(await readMarker(store, FOLDER, 1)).toBeUndefined();
    const own = markerOf(1, 'own');
    expect(await placeMarker(store, FOLDER, own)).toEqual(own);
    expect(await readMarker(store, FOLDER, 1)).toEqual(own);
  }
});

test('the shards of a block are listed by their markers', async () => {
  const store = openLocalStore(await makeTestFolder());
  for (const shard of [0, 7, 999, 1000]) await placeMarker(store, FOLDER, markerOf(shard, 'x'));
  await store.write(`${executionKeys.shards(FOLDER, 0)}/note.txt`, Buffer.alloc(0));
  expect((await listMarkedShards(store, FOLDER, 0)).sort((a, b) => a - b)).toEqual([0, 7, 999]);
  expect(await listMarkedShards(store, FOLDER, 1)).toEqual([1000]);
  expect(await listMarkedShards(store, FOLDER, 2)).toEqual([]);
});

test('a marker survives a power loss', async () => {
  const store = openLocalStore(await makeTestFolder());
  const seen: unknown[] = [];
  const watched = withFaults(store, {
    writeIfAbsent: async (key, bytes, options) => {
      seen.push([key, options]);
      return store.writeIfAbsent(key, bytes, options);
    },
  });
  await placeMarker(watched, FOLDER, markerOf(1, 'first'));
  expect(seen).toEqual([[executionKeys.shard(FOLDER, 1), { durable: true }]]);
});
