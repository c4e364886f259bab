import { expect, test } from 'vitest';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { openPlanner } from '../../src/run/plan-run.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import { hashPlan, writePlanFiles } from '../../src/run/write-plan.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { keysOf } from '../support/keys-of.ts';
import { createNoOpExecutor } from '../support/no-op-executor.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { makeLake, openTestDb, queryRows, runWith, type TestLake } from '../support/run-in-process.ts';
import { freezePlan } from '../../src/run/freeze-plan.ts';

const ROWS = 70_000;

/** Ids that all name one image. */
const MANY = `SELECT i AS id, image_key, image_sha256 FROM images, range(${ROWS}) t(i)`;

const GROUP = 2048;

/** Plans and freezes a run of many rows, cut into parts of so many rows. */
async function freezeInParts(lake: TestLake, spec: RunSpec, partRowCount: number): Promise<Execution> {
  const { store } = lake;
  const context = { source: store, store, model: undefined, software: 'pixlake/test' };
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

test('a plan of more than 65,536 rows has one row group for each shard, and each ordinal once, in one part or in several', async () => {
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
    const firsts: number[] = [];
    for (let part = 0; part < partCount; part++) {
      const path = quoteText(lake.store.locate(executionKeys.planPart(folder, execution.plan, part)));
      const groups = await db.rows<{ rows: bigint; first: string }>(`
        SELECT row_group_num_rows AS rows, stats_min_value AS first FROM parquet_metadata(${path})
        WHERE path_in_schema = '__ordinal' ORDER BY row_group_id`);
      firsts.push(...groups.map(({ first }) => Number(first)));
      ordinals.push(...groups.map(({ rows }) => Number(rows)));
    }
    expect(firsts).toEqual(Array.from({ length: 35 }, (_, group) => group * GROUP));
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
