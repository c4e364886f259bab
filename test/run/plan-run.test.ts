import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { executionKeys } from '../../src/run/execution.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import { openPlanner } from '../../src/run/plan-run.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlakeJson } from '../support/pixlake.ts';
import type { RunReport } from '../../src/index.ts';
import {
  makeLake,
  queryRows,
  runWith,
  type TestLake,
  wrapStore,
  writeParquet,
} from '../support/run-in-process.ts';

const PLANNINGS = 4;

/** Hashes of a run's plan, planned again and again by 1 and by 8 threads. */
async function hashPlans({ store }: TestLake, spec: RunSpec): Promise<Set<string>> {
  const hashes = new Set<string>();
  for (let round = 0; round < PLANNINGS; round++) {
    const context = {
      source: store,
      store,
      model: undefined,
      software: 'pixlake/test',
      threads: round % 2 ? 8 : 1,
    };
    await using planner = await openPlanner(context, parseRunSpec(spec, 'test'));
    const { execution } = await planner.plan();
    expect(execution.plan.volatileBecause).toEqual([]);
    expect(execution.rowCount).toBeGreaterThan(1000);
    hashes.add(execution.plan.sha256);
  }
  return hashes;
}

test('plans of one SQL are equal every time, with 1 and with 8 threads', async () => {
  const lake = await makeLake(1);
  const pool = `SELECT i % 6000 AS id, i % 7 AS kind, sin(i) * 10 ** (i % 12) AS weight,
    'originals/images/1.jpg' AS image_key, NULL::VARCHAR AS image_sha256 FROM range(24000) t(i)`;
  await lake.lakehouse.tables.attach('pool', await writeParquet(await makeTestFolder(), pool));
  const kinds = "SELECT i AS kind, 'kind ' || i AS title FROM range(7) t(i)";
  await lake.lakehouse.tables.attach('kinds', await writeParquet(await makeTestFolder(), kinds));
  const original = 'any_value(image_key ORDER BY image_key) AS image_key, NULL::VARCHAR AS image_sha256';
  const statements = {
    distinct: "SELECT DISTINCT id, 'originals/images/1.jpg' AS image_key, image_sha256 FROM pool",
    group: `SELECT id, min(title) AS title, count(*) AS n, ${original} FROM pool JOIN kinds USING (kind) GROUP BY id`,
    avg: `SELECT id, avg(weight) AS mean, ${original} FROM pool GROUP BY id`,
    'avg of all': `SELECT *, avg(weight) OVER () AS mean FROM pool WHERE weight IS NOT NULL
      QUALIFY row_number() OVER (PARTITION BY id ORDER BY weight, id) = 1`,
    union:
      'SELECT id, image_key, image_sha256 FROM pool WHERE kind < 4 UNION SELECT id, image_key, image_sha256 FROM pool',
    window: `SELECT id, rank() OVER (PARTITION BY id % 5 ORDER BY n) AS place, sum(n) OVER (ORDER BY id) AS total,
      image_key, image_sha256 FROM (SELECT id, sum(weight) AS n, ${original} FROM pool GROUP BY id)`,
  };
  for (const [name, sql] of Object.entries(statements)) {
    const hashes = await hashPlans(lake, { name: 'plans', sql, table: 'pool' });
    expect([name, hashes.size]).toEqual([name, 1]);
  }
}, 120_000);

test('planning reads no data file that the SQL rules out', async () => {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  const source = await writePlainCatalogue(join(folder, 'source'), 10);
  await pixlakeJson(lake, 'ingest', source, '--partition-by', 'gender');
  const table = join(lake, 'tables', 'images');
  for (const name of await readdir(table))
    if (name.startsWith('gender=') && name !== 'gender=Men') await rm(join(table, name), { recursive: true });
  const sql = "SELECT * FROM images WHERE gender = 'Men'";
  const report = await pixlakeJson<RunReport>(lake, 'run', '--name', 'men', '--sql', sql);
  expect(report).toMatchObject({ outcome: 'finished', imageCount: 5 });
});

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
    const spec = { name: 'drawn', sql, shardSize: 4 };
    const [one, other] = await Promise.all([runWith(store, spec), runWith(store, spec)]);
    expect(other.runId).toBe(one.runId);
    expect(other.imageCount).toBe(one.imageCount);
    expect(one.volatileBecause.join()).toContain(reason);
    expect(await keysOf(lake.store, executionKeys.planFolder(one.folder))).toHaveLength(1);
    await expectWhole(lake, 'drawn', one.rowCount);
    expect(await runWith(lake.store, spec)).toMatchObject({ outcome: 'repeated', rowCount: one.rowCount });
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
