import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { ModelSession } from '../../src/model/open-session.ts';
import { PixlakeError } from '../../src/errors.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { planRun } from '../../src/run/plan-run.ts';
import { openPlanReader } from '../../src/run/plan-reader.ts';
import { processShard } from '../../src/run/process-shard.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import type { ShardContext } from '../../src/run/shard-context.ts';
import type { ShardMarker } from '../../src/run/marker-schema.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { casedFileStem } from '../../src/storage/file-stem.ts';
import { toyCard } from '../model/toy-model.ts';
import type { ShardProgress } from '../../src/work/attempt.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import {
  createExecutor,
  makeContext,
  makeLake,
  openTestDb,
  queryRows,
  runWith,
  type TestLake,
  useLake,
  wrapStore,
} from '../support/run-in-process.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function workOn(
  { store }: TestLake,
  folder: string,
  shard: number,
  change: Partial<ShardContext> = {},
  edit = 'SELECT 1',
): Promise<ShardMarker> {
  const execution = await readExecution(store, folder);
  const scratchDir = await makeTestFolder();
  using db = await openTestDb();
  const reader = openPlanReader(db, store, folder, execution, scratchDir);
  const plan = {
    async load(which: number): Promise<void> {
      await reader.load(which);
      await db.run(edit);
    },
  };
  const hooks = { throwIfStopped: () => undefined, onBatch: () => undefined };
  return await processShard(
    {
      source: store,
      store,
      folder,
      execution,
      plan,
      session: undefined,
      db,
      scratchDir,
      ...hooks,
      ...change,
    },
    shard,
  );
}

describe('a shard that another worker has finished', () => {
  const SPEC = { name: 'late', sql: 'SELECT id, year FROM images', shardSize: 5 };

  async function contentsOf({ store }: TestLake, folder: string): Promise<Map<string, string>> {
    const contents = new Map<string, string>();
    for (const key of await keysOf(store, folder))
      contents.set(key, sha256(await readFile(store.locate(key))));
    return contents;
  }

  test('is left without a write', async () => {
    const lake = await makeLake(10);
    const { folder } = await runWith(lake.store, SPEC);
    const refuse = async (): Promise<never> => {
      throw new Error('something was written');
    };
    const store = wrapStore(lake.store, {
      write: refuse,
      writeIfAbsent: refuse,
      moveIn: refuse,
      delete: refuse,
    });
    const before = await contentsOf(lake, folder);
    expect(await workOn(lake, folder, 1, { store })).toMatchObject({ shard: 1, imageCount: 5 });
    expect(await contentsOf(lake, folder)).toEqual(before);
  });

  test.each([
    ['the same values', {}, 'SELECT 1', 0],
    ['values that differ in their last digits', {}, 'UPDATE planned SET year = year + 1', 1],
    ['other images', { quality: 40 }, 'SELECT 1', 6],
  ])('keeps its files when a late worker ends with %s', async (_, transform, edit, strayCount) => {
    const lake = await makeLake(10);
    const { folder } = await runWith(lake.store, SPEC);
    const rows = await queryRows(lake, 'SELECT * FROM runs.late ORDER BY id');
    const before = await contentsOf(lake, folder);
    const execution = await readExecution(lake.store, folder);
    const { run } = execution;
    const late: Execution = { ...execution, run: { ...run, transform: { ...run.transform, ...transform } } };
    // It looked for a marker before there was one.
    let looked = false;
    const store = wrapStore(lake.store, {
      read: async (key, range) => {
        if (key !== executionKeys.shard(folder, 0) || looked) return lake.store.read(key, range);
        looked = true;
        throw new PixlakeError('OBJECT_NOT_FOUND', key);
      },
    });
    const marker = await workOn(lake, folder, 0, { store, execution: late }, edit);
    expect(before.has(`${executionKeys.parts(folder)}/${marker.part?.name}`)).toBe(true);
    const after = await contentsOf(lake, folder);
    for (const [key, hash] of before) expect(after.get(key), key).toBe(hash);
    expect(after.size - before.size).toBe(strayCount);
    expect(await queryRows(lake, 'SELECT * FROM runs.late ORDER BY id')).toEqual(rows);
    expect(await lake.lakehouse.tables.verify('runs.late', true)).toMatchObject({
      imageCount: 10,
      problems: [],
    });
    expect(await runWith(lake.store, SPEC)).toMatchObject({ outcome: 'repeated' });
  });

  test('keeps its files when a late worker ends before the commit', async () => {
    const lake = await makeLake(10);
    const expected = await runWith(lake.store, { ...SPEC, name: 'early' });
    const rows = 'SELECT * EXCLUDE (image_key) FROM runs.% ORDER BY id';
    let isDisturbed = false;
    const late = createExecutor(async ({ folder, shard }) => {
      const hidden = wrapStore(lake.store, {
        read: async (key, range) => {
          // Its rival finishes the whole shard after it has looked for a marker.
          if (key === executionKeys.shard(folder, shard) && !isDisturbed) {
            isDisturbed = true;
            await workOn(lake, folder, shard);
            throw new PixlakeError('OBJECT_NOT_FOUND', key);
          }
          return lake.store.read(key, range);
        },
      });
      const edit = 'UPDATE planned SET year = 1900';
      const { imageCount, errorCount } = await workOn(lake, folder, shard, { store: hidden }, edit);
      isDisturbed = false;
      return { kind: 'done', imageCount, errorCount };
    });
    const report = await runWith(lake.store, SPEC, late);
    expect(report).toMatchObject({ imageCount: 10, imageBytes: expected.imageBytes });
    expect(await queryRows(lake, rows.replace('%', 'late'))).toEqual(
      await queryRows(lake, rows.replace('%', 'early')),
    );
    expect(await lake.lakehouse.tables.verify('runs.late', true)).toMatchObject({
      imageCount: 10,
      problems: [],
    });
  });
});

const images = useLake(20);

/** Freezes a run of the lake with twenty images, and gives the folder of its execution. */
async function freeze(spec: Omit<RunSpec, 'sql'> & { readonly sql?: string }): Promise<string> {
  const run = parseRunSpec({ sql: 'SELECT id FROM images', transform: { size: 8 }, ...spec }, 'test');
  return folderOf(await planRun(makeContext(images.current.store), run));
}

/** The rows of a file of a shard. */
async function rowsIn(key: string, columns: string): Promise<object[]> {
  using db = await openTestDb();
  const path = quoteText(images.current.store.locate(key));
  return await db.rows<object>(`SELECT ${columns} FROM read_parquet(${path}, hive_partitioning = false)`);
}

describe('a shard', () => {
  test('ends with a marker of its counts and files, whose rows are in the order of the plan', async () => {
    const { store } = images.current;
    await store.delete('originals/images/7.jpg');
    const folder = await freeze({ name: 'whole', shardSize: 20, copies: 2 });
    const told: ShardProgress[] = [];
    let asked = 0;
    const hooks: Partial<ShardContext> = {
      onBatch: (progress) => told.push({ ...progress }),
      throwIfStopped: () => {
        asked += 1;
      },
    };
    const marker = await workOn(images.current, folder, 0, hooks);
    expect(marker).toMatchObject({ shard: 0, imageCount: 38, takenCount: 0, errorCount: 2 });
    // Nothing is taken over, and forty images are three batches.
    expect(told).toHaveLength(4);
    expect(told[0]).toMatchObject({ imageCount: 0, errorCount: 0 });
    expect(told.reduce((sum, { imageCount }) => sum + imageCount, 0)).toBe(38);
    expect(told.reduce((sum, { errorCount }) => sum + errorCount, 0)).toBe(2);
    expect(asked).toBe(3);
    const { part, errors } = marker;
    const parts = await rowsIn(
      `${executionKeys.parts(folder)}/${part?.name}`,
      '__ordinal, "copy", image_bytes',
    );
    expect(parts).toHaveLength(38);
    const places = parts.map((row) => ({ ...row, image_bytes: 0 }));
    const failed = await rowsIn(
      `${executionKeys.errors(folder)}/${errors?.name}`,
      '__ordinal, ordinal, "copy", id, code',
    );
    const [{ ordinal } = { ordinal: -1n }] = failed as { ordinal: bigint }[];
    const code = 'OBJECT_NOT_FOUND';
    expect(failed).toEqual([0, 1].map((copy) => ({ __ordinal: ordinal, ordinal, copy, id: '7', code })));
    const rows = Array.from({ length: 20 }, (_, index) => BigInt(index)).filter((one) => one !== ordinal);
    expect(places).toEqual(
      rows.flatMap((__ordinal) => [0, 1].map((copy) => ({ __ordinal, copy, image_bytes: 0 }))),
    );
    const sizes = parts.map((row) => Number(Reflect.get(row, 'image_bytes')));
    expect(marker.imageBytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
    for (const [file, shards] of [
      [part, executionKeys.parts(folder)],
      [errors, executionKeys.errors(folder)],
    ] as const) {
      const bytes = await store.read(`${shards}/${file?.name}`);
      expect(file).toEqual({
        name: `00000-${sha256(bytes).slice(0, 8)}.parquet`,
        sizeBytes: bytes.length,
        sha256: sha256(bytes),
      });
    }
    told.length = 0;
    expect(await workOn(images.current, folder, 0, hooks)).toEqual(marker);
    expect(told).toMatchObject([{ imageCount: 38, errorCount: 2 }]);
    expect.assertions(14);
  });

  test('without a failure has no file of errors, and without an image no part', async () => {
    const folder = await freeze({ name: 'parted', sql: 'SELECT id FROM images WHERE id <= 3', shardSize: 3 });
    expect(await workOn(images.current, folder, 0)).toMatchObject({
      imageCount: 3,
      errorCount: 0,
      errors: null,
    });
    const none = await freeze({ name: 'none', sql: 'SELECT 99 AS id', table: 'images' });
    expect(await workOn(images.current, none, 0)).toMatchObject({
      imageCount: 0,
      errorCount: 1,
      imageBytes: 0,
      part: null,
      errors: { sizeBytes: expect.any(Number) },
    });
    expect(await keysOf(images.current.store, executionKeys.parts(none))).toEqual([]);
  });

  test('that is stopped has no marker', async () => {
    const folder = await freeze({ name: 'stopped', shardSize: 20 });
    const throwIfStopped = (): never => {
      throw new PixlakeError('INTERRUPTED', 'stopped');
    };
    const stopped = workOn(images.current, folder, 0, { throwIfStopped });
    await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(await keysOf(images.current.store, executionKeys.shards(folder, 0))).toEqual([]);
    expect(await keysOf(images.current.store, executionKeys.images(folder, 0))).toEqual([]);
  });

  test('tells images apart whose ids differ in case alone, also where a file system does not', async () => {
    const sql = `SELECT n AS id, image_key, image_sha256 FROM images, (VALUES ('a'), ('A'), ('b')) t(n) WHERE images.id = 1`;
    const folder = await freeze({ name: 'cased', sql, copies: 2 });
    const marker = await workOn(images.current, folder, 0);
    const rows = await rowsIn(`${executionKeys.parts(folder)}/${marker.part?.name}`, 'image_id, image_key');
    const place = executionKeys.images(folder, 0);
    const stems = { a: casedFileStem('a'), A: casedFileStem('A'), b: 'b' };
    const expected = Object.entries(stems).flatMap(([id, stem]) =>
      [0, 1].map((copy) => ({ image_id: `${id}-${copy}`, image_key: `${place}/${stem}-${copy}.jpg` })),
    );
    expect(new Set(rows.map((row) => JSON.stringify(row)))).toEqual(
      new Set(expected.map((row) => JSON.stringify(row))),
    );
    expect(rows).toHaveLength(6);
  });
});

describe('batches of a shard', () => {
  /** A session of a model that takes that many images at once, each of that many pixels. */
  const sessionOf = (batchSize: number, side: number): ModelSession =>
    ({
      card: toyCard({ batchSize, input: { ...toyCard().input, width: side, height: side } }),
    }) as ModelSession;

  test.each<[string, ModelSession | undefined, boolean, number, number]>([
    ['one after another in a folder', undefined, false, 200, 1],
    ['eight at once where originals come over the network', undefined, true, 200, 8],
    ['of sixteen images', undefined, true, 33, 3],
    ['of as many images as a model takes', sessionOf(5, 8), true, 33, 7],
    ['of no more than sixty-four images', sessionOf(500, 8), true, 129, 3],
    ['of large inputs, which together have to fit into memory', sessionOf(64, 224), true, 640, 3],
    ['of a model whose inputs do not fit, one at a time', sessionOf(64, 500), true, 640, 1],
  ])('are worked on %s', async (name, session, isRemote, rowCount, begun) => {
    const sql = `SELECT i AS id, image_key, image_sha256 FROM images, range(${rowCount}) t(i) WHERE images.id = 1`;
    const { store } = images.current;
    const folder = await freeze({ name: name.replaceAll(/\W+/gu, '-').slice(0, 60), sql, shardSize: 1000 });
    let asked = 0;
    const throwIfStopped = (): never => {
      asked += 1;
      throw new PixlakeError('INTERRUPTED', 'stopped');
    };
    const remote = {} as NonNullable<typeof store.remote>;
    const source = isRemote ? wrapStore(store, { remote }) : store;
    const work = workOn(images.current, folder, 0, { source, session, throwIfStopped });
    await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(asked).toBe(begun);
  });
});
