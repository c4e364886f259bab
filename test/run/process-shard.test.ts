import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import { executionKeys } from '../../src/run/execution.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { openPlanReader } from '../../src/run/plan-reader.ts';
import { processShard } from '../../src/run/process-shard.ts';
import type { ShardContext } from '../../src/run/shard-context.ts';
import type { ShardMarker } from '../../src/run/marker-schema.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import {
  createExecutor,
  makeLake,
  openTestDb,
  queryRows,
  runWith,
  type TestLake,
  wrapStore,
} from '../support/run-in-process.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('a shard that another worker has finished', () => {
  const SPEC = { name: 'late', sql: 'SELECT id, year FROM images', shardSize: 5 };

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
