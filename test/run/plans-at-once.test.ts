import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { planRun } from '../../src/run/plan-run.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { keysOf } from '../support/keys-of.ts';
import {
  makeContext,
  makeLake,
  queryRows,
  runWith,
  type TestLake,
  wrapStore,
} from '../support/run-in-process.ts';

describe('SQL that may match other rows when it is run again', () => {
  test.each([
    ['SELECT id FROM images WHERE random() < 0.5', 'random()'],
    ['SELECT id FROM images LIMIT 7', 'LIMIT'],
    ['SELECT id, year FROM images ORDER BY year LIMIT 7', 'LIMIT'],
    ['SELECT id FROM images USING SAMPLE 7 ROWS', 'sample'],
    ['SELECT id, uuid() AS token FROM images', 'uuid()'],
    ['SELECT id, now() AS at FROM images', 'now()'],
  ])('plans once and says why it is volatile: %s', async (sql, reason) => {
    const lake = await makeLake(40);
    // Both have planned before one of them freezes its plan.
    const waiting: (() => void)[] = [];
    const meet = async (): Promise<void> =>
      new Promise((resolve) => {
        waiting.push(resolve);
        if (waiting.length === 2) for (const go of waiting) go();
      });
    const store = wrapStore(lake.store, {
      writeIfAbsent: async (key, bytes, options) => {
        if (key.endsWith('spec.json')) await meet();
        return lake.store.writeIfAbsent(key, bytes, options);
      },
    });
    const spec = parseRunSpec({ name: 'drawn', sql, shardSize: 20 }, 'test');
    const plan = (): Promise<Execution> => planRun(makeContext(store), spec);
    const [one, other] = await Promise.all([plan(), plan()]);
    expect(other).toEqual(one);
    expect(one.plan.volatileBecause.join()).toContain(reason);
    expect(await keysOf(lake.store, executionKeys.planFolder(folderOf(one)))).toHaveLength(1);
    // Whoever executes it has the rows of that plan.
    const { rowCount } = one;
    expect(await runWith(lake.store, spec)).toMatchObject({ outcome: 'finished', rowCount });
    await expectWhole(lake, 'drawn', rowCount);
    expect(await runWith(lake.store, spec)).toMatchObject({ outcome: 'repeated', rowCount });
  });
});

describe('two starts of one run at once', () => {
  /** The store of a coordinator whose uploads take so long. */
  const slowStore = (store: ObjectStore, planMs: number, specMs: number): ObjectStore =>
    wrapStore(store, {
      moveIn: async (key, path) => {
        if (key.includes('/plan/')) await sleep(planMs);
        await store.moveIn(key, path);
      },
      writeIfAbsent: async (key, bytes, options) => {
        if (key.endsWith('spec.json')) await sleep(specMs);
        return store.writeIfAbsent(key, bytes, options);
      },
    });

  test.each([
    [0, 0],
    [400, 0],
    [0, 400],
    [150, 150],
  ])(
    'end with one run, also where one uploads its plan %i ms and its specification %i ms later',
    async (planMs, specMs) => {
      const lake = await makeLake(30);
      const sql = 'SELECT DISTINCT a.* FROM images a JOIN images b ON a.year = b.year';
      const spec = { name: 'twins', sql, shardSize: 3, copies: 2 };
      const [one, other] = await Promise.all([
        runWith(lake.store, spec),
        runWith(slowStore(lake.store, planMs, specMs), spec),
      ]);
      expect(one).toMatchObject({ rowCount: 30, imageCount: 60, errorCount: 0, shardCount: 10 });
      expect({ ...other, durationMs: 0, outcome: '', resumedShardCount: 0 }).toEqual({
        ...one,
        durationMs: 0,
        outcome: '',
        resumedShardCount: 0,
      });
      await expectWhole(lake, 'twins', 60);
      const { plan } = await readExecution(lake.store, one.folder);
      expect(plan.parts).toHaveLength(1);
    },
  );
});

/** Demands a manifest of so many rows, each another image, whose images are as it says. */
async function expectWhole(lake: TestLake, name: string, imageCount: number): Promise<void> {
  const [counts] = await queryRows(
    lake,
    `SELECT count(*)::INTEGER AS images, count(DISTINCT image_id)::INTEGER AS ids, count(DISTINCT image_key)::INTEGER AS keys FROM runs."${name}"`,
  );
  expect(counts).toEqual({ images: imageCount, ids: imageCount, keys: imageCount });
  expect(await lake.lakehouse.tables.verify(`runs.${name}`, true)).toMatchObject({
    imageCount,
    problems: [],
  });
}
