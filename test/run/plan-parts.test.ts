import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { quoteText } from '../../src/sql/sql-text.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { openPlanner } from '../../src/run/plan-run.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import { chooseShardSize, cutPlan } from '../../src/run/shard-size.ts';
import { hashPlan, writePlanFiles } from '../../src/run/write-plan.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { keysOf } from '../support/keys-of.ts';
import { createNoOpExecutor } from '../support/no-op-executor.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import {
  makeLake,
  makeRandom,
  openTestDb,
  queryRows,
  runWith,
  type TestLake,
  wrapAttempts,
} from '../support/run-in-process.ts';
import { freezePlan } from '../../src/run/freeze-plan.ts';

const ROWS = 70_000;

/** Ids that all name one image. */
const MANY = `SELECT i AS id, image_key, image_sha256 FROM images, range(${ROWS}) t(i)`;

const GROUP = 2048;

/** Plans and freezes a run of many rows, cut into parts of so many rows. */
async function freezeInParts(lake: TestLake, spec: RunSpec, partRowCount: number): Promise<Execution> {
  const { store } = lake;
  const context = { source: store, output: store, model: undefined, software: 'pixlake/test' };
  await using planner = await openPlanner(context, parseRunSpec(spec, 'test'));
  const { execution, files } = await planner.plan();
  using db = await openTestDb();
  await db.run(
    `CREATE TABLE planned_rows AS SELECT * EXCLUDE (__ordinal) FROM ${quoteText(files[0]?.path ?? '')}`,
  );
  const cut = { shardSize: GROUP, rowGroupSize: GROUP, partRowCount, compression: 'zstd' } as const;
  const parts = await writePlanFiles(db, execution.rowCount, cut, await makeTestFolder());
  const plan = { ...execution.plan, parts: parts.map(({ part }) => part), partRowCount };
  return freezePlan(store, {
    execution: { ...execution, plan: { ...plan, sha256: hashPlan(plan.parts) } },
    files: parts,
  });
}

describe('a plan of more than 65,536 rows', () => {
  test('is cut into shards of whole row groups, and parts of whole shards', () => {
    for (const rowCount of [65_537, 70_000, 1_048_577, 20_000_000, 1_000_000_000]) {
      for (const wanted of [1, 2047, 2048, 2049, 5000, 100_000]) {
        const { shardSize, partRowCount, rowGroupSize } = cutPlan(rowCount, wanted);
        expect(shardSize % GROUP).toBe(0);
        expect(shardSize).toBeGreaterThanOrEqual(wanted);
        expect(shardSize - wanted).toBeLessThan(GROUP);
        expect(rowGroupSize).toBe(shardSize);
        expect(partRowCount % shardSize).toBe(0);
        expect(partRowCount).toBeGreaterThan(500_000);
        expect(partRowCount).toBeLessThanOrEqual(1024 ** 2);
      }
    }
    expect(cutPlan(65_536, 3)).toMatchObject({ shardSize: 3, partRowCount: 65_536 });
    expect(cutPlan(1e9, chooseShardSize(1e9, 1, 1500)).shardSize).toBe(GROUP);
  });

  test('has one row group for each shard, and each ordinal once, in one part or in several', async () => {
    const lake = await makeLake(1);
    using db = await openTestDb();
    for (const [name, partRowCount] of [
      ['whole', 1024 ** 2],
      ['parts', 8 * GROUP],
    ] as const) {
      const spec = { name, sql: MANY, shardSize: GROUP };
      const execution = await freezeInParts(lake, spec, partRowCount);
      expect(execution).toMatchObject({ rowCount: ROWS, shardSize: GROUP, shardCount: 35 });
      const partCount = Math.ceil(ROWS / partRowCount);
      expect(execution.plan.parts).toHaveLength(partCount);
      const folder = folderOf(execution);
      const ordinals: number[] = [];
      for (let part = 0; part < partCount; part++) {
        const path = quoteText(lake.store.locate(executionKeys.planPart(folder, execution.plan, part)));
        const groups = await db.rows<{ rows: bigint; first: string }>(`
          SELECT row_group_num_rows AS rows, stats_min_value AS first FROM parquet_metadata(${path})
          WHERE path_in_schema = '__ordinal' ORDER BY row_group_id`);
        for (const { rows, first } of groups) {
          expect(Number(first)).toBe(ordinals.length * GROUP);
          ordinals.push(Number(rows));
        }
      }
      expect(ordinals).toEqual([...Array<number>(34).fill(GROUP), ROWS - 34 * GROUP]);

      const report = await runWith(lake.store, spec, createNoOpExecutor(lake.store));
      expect(report).toMatchObject({ shardCount: 35, imageCount: 0, errorCount: ROWS });
      const [errors] = await queryRows(
        lake,
        `SELECT count(*)::INTEGER AS n, count(DISTINCT id)::INTEGER AS ids FROM errors."${name}"`,
      );
      expect(errors).toEqual({ n: ROWS, ids: ROWS });
    }
    // However a plan is cut, it puts the same rows in the same order.
    const orders = ['whole', 'parts'].map(async (name) => {
      const { folder } = await findRun(lake.store, name);
      const keys = await keysOf(lake.store, executionKeys.planFolder(folder));
      const paths = keys.map((key) => quoteText(lake.store.locate(key))).join(', ');
      const [row] = await db.rows<{ sum: bigint }>(
        `SELECT bit_xor(hash(__ordinal, __id)) AS sum FROM read_parquet([${paths}])`,
      );
      return row?.sum;
    });
    const [whole, parts] = await Promise.all(orders);
    expect(parts).toBe(whole);
  }, 120_000);
});

describe('a commit', () => {
  test.each([
    ['lost', 'FROM planned LIMIT 9'],
    ['doubled', 'FROM planned UNION ALL FROM planned LIMIT 11'],
    [
      'replaced by that of its neighbour',
      'SELECT * REPLACE (__ordinal - __ordinal % 2 AS __ordinal) FROM planned',
    ],
    ['taken from another shard', 'SELECT * REPLACE (__ordinal - 1 AS __ordinal) FROM planned'],
    ['out of range', 'SELECT * REPLACE (__ordinal + 1000 AS __ordinal) FROM planned'],
    ['without a number', 'SELECT * REPLACE (NULL::BIGINT AS __ordinal) FROM planned'],
  ])('refuses a block in which an image was %s', async (_, reading) => {
    const lake = await makeLake(40);
    const spec = { name: 'counted', sql: 'SELECT * FROM images', shardSize: 10 };
    const executor = createNoOpExecutor(lake.store, (shard) => (shard === 2 ? reading : 'FROM planned'));
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

test('a flipped bit anywhere in a plan part ends the run, which makes no image of it', async () => {
  const lake = await makeLake(50);
  const spec = { name: 'flipped', sql: 'SELECT id, year, productDisplayName FROM images', shardSize: 5 };
  const context = { source: lake.store, output: lake.store, model: undefined, software: 'pixlake/test' };
  await using planner = await openPlanner(context, parseRunSpec(spec, 'test'));
  const execution = await freezePlan(lake.store, await planner.plan());
  const folder = folderOf(execution);
  const path = lake.store.locate(executionKeys.planPart(folder, execution.plan, 0));
  const whole = await readFile(path);
  const random = makeRandom(14);
  // Random places, and the ends of the file, where its magic numbers and the length of its footer are.
  const places = Array.from({ length: 14 }, () => Math.floor(random() * whole.length));
  for (const place of [...places, 0, whole.length - 8, whole.length - 1]) {
    const bytes = Buffer.from(whole);
    bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << Math.floor(random() * 8)), place);
    await writeFile(path, bytes);
    await expect(runWith(lake.store, spec), `byte ${place}`).rejects.toMatchObject({
      code: 'RUN_CORRUPT',
      message: expect.stringContaining('part-00000.parquet'),
    });
    expect(await keysOf(lake.store, `${folder}/images`)).toEqual([]);
  }
  await writeFile(path, whole.subarray(0, -1));
  await expect(runWith(lake.store, spec)).rejects.toMatchObject({ code: 'RUN_CORRUPT' });
  await writeFile(path, whole);
  expect(await runWith(lake.store, spec)).toMatchObject({ outcome: 'finished', imageCount: 50 });
});
