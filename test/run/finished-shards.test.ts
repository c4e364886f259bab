import { expect, test } from 'vitest';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { FinishedShards, readFinishedShards } from '../../src/run/finished-shards.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { makeExecution } from '../support/execution.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const EXECUTION = { ...makeExecution('r'), rowCount: 1003, shardSize: 1, shardCount: 1003 };

test('the last shard counts as every other one, and one that is not there does not count', () => {
  const finished = new FinishedShards({ ...EXECUTION, shardCount: 3 });
  for (const shard of [0, 2, 2, 3]) finished.set(shard, true);
  expect([finished.count, finished.pendingCount]).toEqual([2, 1]);
  expect([...finished.pending()]).toEqual([1]);
  expect(finished.isReadyToMerge(0)).toBe(false);
  finished.set(1, true);
  expect([...finished.pending()]).toEqual([]);
  expect(finished.isReadyToMerge(0)).toBe(true);
  finished.set(2, false);
  expect([...finished.pending()]).toEqual([2]);
  expect([...finished.done((shard) => shard > 0)]).toEqual([1]);
});

test('shards that finish while the others are worked on are left out', () => {
  const finished = new FinishedShards({ ...EXECUTION, shardCount: 4 });
  const given: number[] = [];
  for (const shard of finished.pending()) {
    given.push(shard);
    finished.set(shard + 1, true);
  }
  expect(given).toEqual([0, 2]);
});

test('a block that was merged has all of its shards done, and is not merged again', () => {
  const finished = new FinishedShards(EXECUTION);
  const counts = { imageCount: 3, takenCount: 0, errorCount: 0, imageBytes: 1, manifest: null, errors: null };
  finished.addBlock({ block: 1, shardCount: 3, ...counts });
  expect([finished.count, finished.pendingCount]).toEqual([3, 1000]);
  expect(finished.isReadyToMerge(1)).toBe(false);
});

test('what is finished is read from markers, in whatever block', async () => {
  const store = openLocalStore(await makeTestFolder());
  const folder = folderOf(EXECUTION);
  for (const shard of [0, 999, 1002])
    await store.write(executionKeys.shard(folder, shard), Buffer.from('{}'));
  // Torn, so its shards are looked for one by one.
  await store.write(executionKeys.block(folder, 1), Buffer.from('{"bl'));
  const finished = await readFinishedShards(store, EXECUTION);
  expect([...finished.done(() => true)]).toEqual([0, 999, 1002]);
  expect(finished.blocks.size).toBe(0);
});

test('a block that is merged is read in place of its shards, and no other', async () => {
  const store = openLocalStore(await makeTestFolder());
  const folder = folderOf(EXECUTION);
  const counts = { imageCount: 0, takenCount: 0, errorCount: 0, imageBytes: 0, manifest: null, errors: null };
  const marker = { block: 0, shardCount: 1000, ...counts };
  await store.write(executionKeys.block(folder, 0), encodeStored(marker));
  await store.write(executionKeys.shard(folder, 1001), Buffer.from('{}'));
  // What lies beside them says nothing.
  for (const key of [
    `${executionKeys.blocks(folder)}/00001.json.old`,
    `${executionKeys.blocks(folder)}/x1.json`,
    `${executionKeys.shards(folder, 1)}/01002.json.old`,
    `${executionKeys.shards(folder, 1)}/x1002.json`,
  ])
    await store.write(key, encodeStored({ ...marker, block: 1, shardCount: 3 }));
  const asked: string[] = [];
  const watched = withFaults(store, {
    read: async (key, range) => {
      asked.push(key);
      return store.read(key, range);
    },
    list: (prefix) => {
      asked.push(prefix);
      return store.list(prefix);
    },
  });
  const finished = await readFinishedShards(watched, EXECUTION);
  expect(asked).toEqual([
    executionKeys.blocks(folder),
    executionKeys.block(folder, 0),
    executionKeys.shards(folder, 1),
  ]);
  expect([finished.count, finished.pendingCount]).toEqual([1001, 2]);
  expect([...finished.pending()]).toEqual([1000, 1002]);
  expect([...finished.blocks]).toEqual([[0, marker]]);
  expect([finished.isReadyToMerge(0), finished.isReadyToMerge(1)]).toEqual([false, false]);
  for (const shard of [1000, 1002]) finished.set(shard, true);
  expect(finished.isReadyToMerge(1)).toBe(true);
});
