import { describe, expect, test } from 'vitest';
import { type BlockMarker, readBlock } from '../../src/run/block-marker.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { mergeBlock } from '../../src/run/merge-block.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { withFaults } from '../support/failing-store.ts';
import {
  beginBlock,
  finishAll,
  makeShards,
  type Merging,
  type Place,
  PLACES,
} from '../support/block-shards.ts';
import { startFakeS3 } from '../support/fake-s3.ts';
import { keysOf } from '../support/keys-of.ts';
import { createNoOpExecutor } from '../support/no-op-executor.ts';
import { makeLake, runWith, wrapAttempts } from '../support/run-in-process.ts';

describe('a commit', () => {
  test('refuses a block in which an image was lost', async () => {
    const lake = await makeLake(40);
    const spec = { name: 'counted', sql: 'SELECT * FROM images', shardSize: 10 };
    const executor = createNoOpExecutor(lake.store, (shard) =>
      shard === 2 ? 'FROM planned LIMIT 9' : 'FROM planned',
    );
    await expect(runWith(lake.store, spec, executor)).rejects.toMatchObject({
      code: 'RUN_CORRUPT',
      message: expect.stringContaining('block 0'),
    });
    const { folder, state } = await findRun(lake.store, 'counted');
    expect(state).toBe('unfinished');
    expect(await keysOf(lake.store, `${folder}/manifest`)).toEqual([]);
  });

  test('refuses markers that count images and name no file that holds them', async () => {
    const lake = await makeLake(4);
    const spec = { name: 'counted', sql: 'SELECT * FROM images', shardSize: 2 };
    const executor = createNoOpExecutor(lake.store);
    const lying = wrapAttempts(executor, async ({ folder, shard }, attempt) => {
      const outcome = await attempt();
      const key = executionKeys.shard(folder, shard);
      const { sha256: _, ...marker } = JSON.parse((await lake.store.read(key)).toString()) as Record<
        string,
        unknown
      >;
      await lake.store.write(key, encodeStored({ ...marker, errors: null }));
      return outcome;
    });
    await expect(runWith(lake.store, spec, lying)).rejects.toMatchObject({ code: 'RUN_CORRUPT' });
  });
});

const readOf = (paths: readonly string[]): string =>
  `read_parquet([${paths.map(quoteText).join(', ')}], hive_partitioning = false)`;

async function merge(merging: Merging, store = merging.store): Promise<BlockMarker> {
  const merged = await mergeBlock({ ...merging, store }, 0);
  return 'kind' in merged ? expect.fail(`damaged: ${merged.shards.join()}`) : merged;
}

describe('a block', () => {
  test('has the rows of its shards in one file each, the counts, and the lineage', async () => {
    const merging = await finishAll(await beginBlock(makeShards()));
    const { db, store, execution } = merging;
    const marker = await merge(merging);
    const manifest = { path: expect.stringMatching(/^block-00000-[0-9a-f]{8}\.parquet$/u), dataChange: true };
    expect(marker).toMatchObject({
      block: 0,
      shardCount: 3,
      imageCount: 5,
      takenCount: 2,
      errorCount: 5,
      imageBytes: 50,
      manifest,
      errors: manifest,
    });
    expect(await readBlock(store, execution, 0)).toEqual(marker);
    const folder = folderOf(execution);
    const pathOf = (table: 'manifest' | 'errors'): string =>
      store.locate(`${executionKeys[table](folder)}/${marker[table]?.path}`);
    expect(await db.rows(`SELECT id, "copy", run_id, "sql" FROM ${readOf([pathOf('manifest')])}`)).toEqual(
      PLACES.flat()
        .filter(([, , outcome]) => outcome === undefined)
        .map(([ordinal, copy]) => ({
          id: `id ${ordinal}`,
          copy,
          run_id: execution.runId,
          sql: execution.run.sql,
        })),
    );
    expect(
      await db.rows(
        `SELECT * EXCLUDE (id, source_key, stage, code, message) FROM ${readOf([pathOf('errors')])}`,
      ),
    ).toEqual(
      PLACES.flat()
        .filter(([, , outcome]) => outcome !== undefined)
        .map(([ordinal, copy]) => ({ ordinal: 100n + BigInt(ordinal), copy })),
    );
    expect(
      await db.rows(
        `SELECT DISTINCT name FROM parquet_schema(${quoteText(pathOf('manifest'))}) WHERE num_children IS NULL`,
      ),
    ).toHaveLength(12);
    // The same again finds its own files, and gives the same marker.
    const before = await keysOf(store);
    expect(await merge(merging)).toEqual(marker);
    expect(await keysOf(store)).toEqual(before);
  });

  test('of which all images were written, or all failed, has one file', async () => {
    for (const outcome of [undefined, 'failed'] as const) {
      const shards = PLACES.map((places) =>
        places.map(([ordinal, copy]): Place => (outcome ? [ordinal, copy, outcome] : [ordinal, copy])),
      );
      const merging = await finishAll(await beginBlock(makeShards()), shards);
      const marker = await merge(merging);
      expect([marker.imageCount, marker.errorCount]).toEqual(outcome ? [0, 10] : [10, 0]);
      expect([marker.manifest === null, marker.errors === null]).toEqual(
        outcome ? [true, false] : [false, true],
      );
    }
    expect.assertions(4);
  });

  test('of a retry has a row for each image, and its files lie with those of its run', async () => {
    const execution = makeShards({ retry: { number: 3 } });
    const shards = [
      [
        [0, 1],
        [1, 0],
      ],
      [
        [2, 5],
        [3, 0, 'failed'],
      ],
      [[4, 0]],
    ] as const;
    const merging = await finishAll(await beginBlock(execution), shards);
    const marker = await merge(merging);
    expect([marker.imageCount, marker.errorCount]).toEqual([4, 1]);
    const folder = folderOf({ ...execution, retry: undefined });
    for (const table of ['manifest', 'errors'] as const) {
      expect(marker[table]?.path).toMatch(/^retry-3-block-00000-/u);
      expect(
        await merging.store.stat(`${executionKeys[table](folder)}/${marker[table]?.path}`),
      ).toBeDefined();
    }
    expect(await readBlock(merging.store, execution, 0)).toEqual(marker);
    expect.assertions(6);
  });

  test.each<[string, number, readonly Place[], string]>([
    ['an image is missing at its end', 2, [[4, 0]], '9 images of 10, 9 of them different'],
    [
      'an image is missing at its beginning',
      0,
      [
        [0, 1],
        [1, 0],
        [1, 1],
      ],
      '9 images of 10, 9 of them different',
    ],
    [
      'an image is there twice',
      2,
      [
        [4, 0],
        [4, 1],
        [4, 1, 'failed'],
      ],
      '11 images of 10, 10 of them different',
    ],
    [
      'an image is there in place of another',
      2,
      [
        [4, 0],
        [4, 0],
      ],
      '10 images of 10, 9 of them different',
    ],
    [
      'an image is a copy too many',
      2,
      [
        [4, 0],
        [4, 2],
      ],
      '10 images of 10, 10 of them different',
    ],
    [
      'an image comes before the first',
      0,
      [
        [0, -1],
        [0, 1],
        [1, 0],
        [1, 1],
      ],
      '10 images of 10, 10 of them different',
    ],
    [
      'an image has no place',
      2,
      [
        [4, 0],
        ['NULL', 1],
      ],
      '10 images of 10, 9 of them different',
    ],
  ])('in which %s is refused, and is not merged', async (_, shard, places, counted) => {
    const merging = await finishAll(await beginBlock(makeShards()), PLACES.with(shard, places));
    const { store, execution } = merging;
    await expect(mergeBlock(merging, 0)).rejects.toMatchObject({
      code: 'RUN_CORRUPT',
      message: `block 0 of ${folderOf(execution)} has ${counted}`,
    });
    expect(await readBlock(store, execution, 0)).toBeUndefined();
    expect(await keysOf(store, executionKeys.manifest(folderOf(execution)))).toEqual([]);
  });

  test.each(['part', 'errors'] as const)(
    'with a damaged or missing file (%s) has its shards done again',
    async (kind) => {
      const merging = await finishAll(await beginBlock(makeShards()));
      const { store, execution } = merging;
      const folder = folderOf(execution);
      const files = await keysOf(
        store,
        kind === 'part' ? executionKeys.parts(folder) : executionKeys.errors(folder),
      );
      const [first = '', last = ''] = [files[0], files.at(-1)];
      await store.write(first, Buffer.concat([await store.read(first), Buffer.from('!')]));
      await store.delete(last);
      const damaged = kind === 'part' ? [0, 2] : [0, 1];
      expect(await mergeBlock(merging, 0)).toEqual({ kind: 'damaged', shards: damaged });
      // Those with a marker are not done again.
      expect(await keysOf(store, executionKeys.shards(folder, 0))).toEqual(
        [0, 1, 2]
          .filter((shard) => !damaged.includes(shard))
          .map((shard) => executionKeys.shard(folder, shard)),
      );
      expect(await mergeBlock(merging, 0)).toEqual({ kind: 'damaged', shards: damaged });
      expect(await readBlock(store, execution, 0)).toBeUndefined();
      await finishAll(merging);
      expect(await merge(merging)).toMatchObject({ imageCount: 5, errorCount: 5 });
    },
  );

  test('that another process has merged from other rows stays its block, and the other files are removed', async () => {
    const merging = await finishAll(await beginBlock(makeShards()));
    const { store, execution } = merging;
    const first = await merge(merging);
    const before = await keysOf(store);
    const late = { ...execution, software: 'another' };
    // Errors have no lineage, so they are the same file.
    expect(await merge({ ...merging, execution: late })).toEqual(first);
    expect(await keysOf(store)).toEqual(before);
    expect(await readBlock(store, execution, 0)).toEqual(first);
  });

  test('whose marker is damaged is merged again, durably', async () => {
    const merging = await finishAll(await beginBlock(makeShards()));
    const { store, execution } = merging;
    const seen: unknown[] = [];
    const watched = withFaults(store, {
      async writeIfAbsent(key, bytes, options) {
        seen.push([key, options]);
        return store.writeIfAbsent(key, bytes, options);
      },
    });
    const key = executionKeys.block(folderOf(execution), 0);
    await store.write(key, Buffer.from('{"block'));
    const marker = await merge(merging, watched);
    expect(seen).toEqual([[key, { durable: true }]]);
    expect(await readBlock(store, execution, 0)).toEqual(marker);
  });

  test('on S3 is merged from copies of its files', async () => {
    const { store } = await startFakeS3();
    const merging = await finishAll(await beginBlock(makeShards(), store));
    const marker = await merge(merging);
    expect(marker).toMatchObject({ imageCount: 5, errorCount: 5 });
    expect(await readBlock(store, merging.execution, 0)).toMatchObject({ imageCount: 5 });
  });
});
