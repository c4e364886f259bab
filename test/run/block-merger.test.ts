import { readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { readBlock } from '../../src/run/block-marker.ts';
import { BlockMerger } from '../../src/run/block-merger.ts';
import { executionKeys, folderOf, SHARDS_IN_BLOCK } from '../../src/run/execution.ts';
import { FinishedShards, readFinishedShards } from '../../src/run/finished-shards.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { openPlanner } from '../../src/run/plan-run.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { withFaults } from '../support/failing-store.ts';
import { beginBlock, finishAll, finishShard, makeShards, PLACES } from '../support/block-shards.ts';
import { createOneRowExecutor } from '../support/one-row-shards.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { keysOf } from '../support/keys-of.ts';
import {
  makeLake,
  openTestDb,
  queryRows,
  runWith,
  wrapAttempts,
  wrapStore,
} from '../support/run-in-process.ts';
import { freezePlan } from '../../src/run/freeze-plan.ts';

/** A whole block, and a few in a last one. */
const SHARDS = SHARDS_IN_BLOCK + 20;

/** A store that counts what is read from it, and syncs nothing to disk. */
function countReads(store: ObjectStore): {
  readonly store: ObjectStore;
  readonly reads: Map<string, number>;
} {
  const reads = new Map<string, number>();
  const count = (key: string): void => {
    const kind = /\/(shards|blocks|errors|parts|spec\.json|_SUCCESS)/u.exec(key)?.[1] ?? 'other';
    reads.set(kind, (reads.get(kind) ?? 0) + 1);
  };
  const counted = wrapStore(store, {
    read: async (key, range) => {
      count(key);
      return store.read(key, range);
    },
    writeIfAbsent: async (key, bytes) => store.writeIfAbsent(key, bytes),
  });
  return { store: counted, reads };
}

test('shards are merged a thousand at a time, each ordinal once, and a status reads blocks alone', async () => {
  const lake = await makeLake(1);
  const sql = `SELECT i AS id, image_key, image_sha256 FROM images, range(${SHARDS}) t(i)`;
  const spec = { name: 'many', sql, shardSize: 1 };
  const { store, reads } = countReads(lake.store);
  await using planner = await openPlanner(
    { source: store, store, model: undefined, software: 'pixlake/test' },
    parseRunSpec(spec, 'test'),
  );
  const execution = await freezePlan(store, await planner.plan());
  expect(execution.shardCount).toBe(SHARDS);
  const folder = folderOf(execution);
  using db = await openTestDb();
  const noOp = await createOneRowExecutor(db, store, execution, await makeTestFolder());

  // The last block is not there yet: its shards are read one by one, the others by their block.
  const stop = new Error('stopped');
  const half = wrapAttempts(noOp, async ({ shard }, attempt) => {
    if (shard === SHARDS - 10) throw stop;
    return attempt();
  });
  await expect(runWith(store, spec, half)).rejects.toThrow(stop.message);
  reads.clear();
  expect(await findRun(store, 'many')).toMatchObject({ state: 'unfinished', errorCount: SHARDS - 10 });
  expect(Object.fromEntries(reads)).toMatchObject({ blocks: 1, shards: 10 });

  const report = await runWith(store, spec, noOp);
  expect(report).toMatchObject({ outcome: 'finished', errorCount: SHARDS, resumedShardCount: SHARDS - 10 });
  expect(await keysOf(store, executionKeys.blocks(folder))).toHaveLength(2);
  reads.clear();
  expect(await findRun(store, 'many')).toMatchObject({ state: 'finished', errorCount: SHARDS });
  expect(reads.get('shards')).toBeUndefined();
  expect(reads.get('blocks') ?? 0).toBeLessThanOrEqual(2);

  const [errors] = await queryRows(
    lake,
    'SELECT count(*)::INTEGER AS n, count(DISTINCT ordinal)::INTEGER AS ordinals, max(ordinal)::INTEGER AS last FROM errors.many',
  );
  expect(errors).toEqual({ n: SHARDS, ordinals: SHARDS, last: SHARDS - 1 });
  expect(await lake.lakehouse.tables.describe('errors.many')).toMatchObject({
    fileCount: 2,
    rowCount: SHARDS,
  });

  // Markers of blocks that lie in each other's place say nothing, so the shards tell.
  await store.delete(executionKeys.success(folder));
  const [first, second] = [0, 1].map((block) => executionKeys.block(folder, block)) as [string, string];
  const swapped = await store.read(first);
  await store.write(first, await store.read(second));
  await store.write(second, swapped);
  const finished = await readFinishedShards(store, execution);
  expect([...finished.blocks.keys()]).toEqual([]);
  expect(finished.count).toBe(SHARDS);
  expect(await runWith(store, spec, noOp)).toMatchObject({ outcome: 'finished', errorCount: SHARDS });
  expect([...(await readFinishedShards(store, execution)).blocks.keys()]).toEqual([0, 1]);
}, 120_000);

/** Names below the folder of temporary files. */
async function scratchOf(store: ObjectStore): Promise<string[]> {
  return readdir(store.locate('.tmp')).catch(() => []);
}

describe('a merger', () => {
  test('merges a block as soon as its last shard is done, and leaves no temporary files', async () => {
    const merging = await beginBlock(makeShards());
    const { store, execution } = merging;
    const finished = new FinishedShards(execution);
    const merger = new BlockMerger(store, execution, finished);
    for (const [shard, places] of PLACES.entries()) {
      await finishShard(merging, shard, places);
      merger.shardDone(shard);
      expect(finished.count).toBe(shard + 1);
      if (shard < 2) expect(await scratchOf(store)).toEqual([]);
    }
    expect.assertions(3 + 2 + 4);
    expect(await merger.finish()).toBe(0);
    const marker = await readBlock(store, execution, 0);
    expect(marker).toMatchObject({ imageCount: 5, errorCount: 5 });
    expect([...finished.blocks]).toEqual([[0, marker]]);
    await merger[Symbol.asyncDispose]();
    expect(await scratchOf(store)).toEqual([]);
  });

  test('merges what was done before it came, once, when it is to finish', async () => {
    const merging = await finishAll(await beginBlock(makeShards()));
    const { execution } = merging;
    const placed: string[] = [];
    const store = withFaults(merging.store, {
      async writeIfAbsent(key, bytes, options) {
        placed.push(key);
        return merging.store.writeIfAbsent(key, bytes, options);
      },
    });
    await using merger = new BlockMerger(store, execution, await readFinishedShards(store, execution));
    expect(await merger.finish()).toBe(0);
    expect(await merger.finish()).toBe(0);
    merger.shardDone(2);
    expect(await merger.finish()).toBe(0);
    expect(placed).toEqual([executionKeys.block(folderOf(execution), 0)]);
  });

  test('counts the shards that have to be done again, and merges their block once they are', async () => {
    const merging = await finishAll(await beginBlock(makeShards()));
    const { store, execution } = merging;
    for (const shard of [0, 2]) await store.delete(executionKeys.shard(folderOf(execution), shard));
    const finished = new FinishedShards(execution);
    for (const shard of [0, 1, 2]) finished.set(shard, true);
    await using merger = new BlockMerger(store, execution, finished);
    expect(await merger.finish()).toBe(2);
    expect([...finished.pending()]).toEqual([0, 2]);
    // What is not done again is not damaged again.
    expect(await merger.finish()).toBe(0);
    for (const shard of [0, 2]) {
      await finishShard(merging, shard, PLACES[shard] ?? []);
      merger.shardDone(shard);
    }
    expect(await merger.finish()).toBe(0);
    expect([...finished.blocks.keys()]).toEqual([0]);
  });

  test('fails when it is to finish, each time, and merges no more', async () => {
    const merging = await finishAll(await beginBlock(makeShards()), [
      PLACES[0] ?? [],
      PLACES[1] ?? [],
      [[4, 0]],
    ]);
    const { store, execution } = merging;
    const merger = new BlockMerger(store, execution, await readFinishedShards(store, execution));
    await expect(merger.finish()).rejects.toMatchObject({ code: 'RUN_CORRUPT' });
    await expect(merger.finish()).rejects.toMatchObject({ code: 'RUN_CORRUPT' });
    await merger[Symbol.asyncDispose]();
    expect(await scratchOf(store)).toEqual([]);
  });

  test('that has nothing to do makes nothing', async () => {
    const { store, execution } = await beginBlock(makeShards());
    const merger = new BlockMerger(store, execution, new FinishedShards(execution));
    expect(await merger.finish()).toBe(0);
    await merger[Symbol.asyncDispose]();
    expect(await scratchOf(store)).toEqual([]);
    expect(await keysOf(store)).toEqual([]);
  });
});
