import { readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { DuckDb } from '../../src/duckdb/open-duckdb.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { fetchPlanPart, openPlanReader, type PlanReader } from '../../src/run/plan-reader.ts';
import { cutPlan } from '../../src/run/shard-size.ts';
import { hashPlan, writePlanFiles } from '../../src/run/write-plan.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { makeExecution } from '../support/execution.ts';
import { startFakeS3 } from '../support/fake-s3.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { openPlanner } from '../../src/run/plan-run.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeLake, makeRandom, openTestDb, runWith } from '../support/run-in-process.ts';
import { freezePlan } from '../../src/run/freeze-plan.ts';

test('a run whose plan is damaged ends and makes no image of it, and goes on once it is mended', async () => {
  const lake = await makeLake(3);
  const spec = { name: 'damaged', sql: 'SELECT id, year FROM images', shardSize: 2 };
  const context = { source: lake.store, store: lake.store, model: undefined, software: 'pixlake/test' };
  await using planner = await openPlanner(context, parseRunSpec(spec, 'test'));
  const execution = await freezePlan(lake.store, await planner.plan());
  const folder = folderOf(execution);
  const path = lake.store.locate(executionKeys.planPart(folder, execution.plan, 0));
  const whole = await readFile(path);
  await writeFile(path, whole.subarray(0, -1));
  await expect(runWith(lake.store, spec)).rejects.toMatchObject({
    code: 'RUN_CORRUPT',
    message: expect.stringContaining('part-00000.parquet'),
  });
  expect(await keysOf(lake.store, `${folder}/images`)).toEqual([]);
  await writeFile(path, whole);
  expect(await runWith(lake.store, spec)).toMatchObject({ outcome: 'finished', imageCount: 3 });
});

describe('a reader of a plan', () => {
  interface Opened {
    readonly db: DuckDb;
    readonly store: ObjectStore;
    readonly execution: Execution;
    readonly scratchDir: string;
    readonly reader: PlanReader;
    readonly keyOf: (part: number) => string;
  }

  /** A frozen plan of seven rows in shards of two, cut into parts of so many rows. */
  async function open(partRowCount: number, opened?: ObjectStore): Promise<Opened> {
    const store = opened ?? openLocalStore(await makeTestFolder());
    const db = await openTestDb();
    onTestFinished(() => db[Symbol.dispose]());
    await db.run('CREATE TABLE planned_rows AS SELECT i::VARCHAR AS __id FROM range(7) t(i)');
    const files = await writePlanFiles(db, 7, { ...cutPlan(7, 2), partRowCount }, await makeTestFolder());
    const parts = files.map(({ part }) => part);
    const plan = { sha256: hashPlan(parts), volatileBecause: [], partRowCount, parts };
    const execution = makeExecution('r', { rowCount: 7, shardSize: 2, shardCount: 4, plan });
    const keyOf = (part: number): string => executionKeys.planPart(folderOf(execution), plan, part);
    for (const [part, { path }] of files.entries()) await store.write(keyOf(part), await readFile(path));
    const scratchDir = await makeTestFolder();
    const reader = openPlanReader(db, store, folderOf(execution), execution, scratchDir);
    return { db, store, execution, scratchDir, reader, keyOf };
  }

  async function shardOf({ db, reader }: Opened, shard: number): Promise<string> {
    await reader.load(shard);
    return (await db.rows<{ id: string }>('SELECT __id AS id FROM planned')).map(({ id }) => id).join();
  }

  const SHARDS = ['0,1', '2,3', '4,5', '6'];

  test.each([[100], [4]])(
    'gives the rows of each shard, in any order, of parts of %i rows',
    async (partRowCount) => {
      const opened = await open(partRowCount);
      for (const shard of [0, 1, 2, 3, 1, 0]) expect(await shardOf(opened, shard)).toBe(SHARDS[shard]);
      expect.assertions(6);
    },
  );

  test('reads a plan of one part once, as a whole', async () => {
    const opened = await open(100);
    expect(await shardOf(opened, 1)).toBe('2,3');
    await opened.store.delete(opened.keyOf(0));
    expect(await shardOf(opened, 3)).toBe('6');
  });

  test('downloads each part from S3 once, and reads it from there', async () => {
    const { store, requests } = await startFakeS3();
    const opened = await open(4, store);
    const before = requests.length;
    for (const shard of [0, 1, 2, 3, 1, 0]) expect(await shardOf(opened, shard)).toBe(SHARDS[shard]);
    const gets = requests.slice(before).filter((request) => request.startsWith('GET'));
    expect(gets).toEqual([0, 1].map((part) => `GET ${opened.keyOf(part)} 200`));
    expect((await readdir(opened.scratchDir)).filter((name) => name.startsWith('plan-')).toSorted()).toEqual([
      'plan-0.parquet',
      'plan-1.parquet',
    ]);
    expect.assertions(8);
  });

  test('refuses a part of which one bit was flipped, wherever it is', async () => {
    const { db, store, execution, scratchDir, keyOf } = await open(100);
    const whole = await store.read(keyOf(0));
    const random = makeRandom(14);
    // Random places, and the ends of the file, where its magic numbers and the length of its footer are.
    const places = Array.from({ length: 14 }, () => Math.floor(random() * whole.length));
    for (const place of [...places, 0, whole.length - 8, whole.length - 1]) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << Math.floor(random() * 8)), place);
      await store.write(keyOf(0), bytes);
      const reader = openPlanReader(db, store, folderOf(execution), execution, scratchDir);
      await expect(reader.load(0), `byte ${place}`).rejects.toMatchObject({ code: 'RUN_CORRUPT' });
    }
    expect.assertions(17);
  });

  test.each([
    ['missing', undefined],
    ['damaged', Buffer.from('PAR1')],
  ])('refuses a part that is %s, and no other', async (_, bytes) => {
    const opened = await open(4);
    const { store, execution, scratchDir, keyOf } = opened;
    if (bytes === undefined) await store.delete(keyOf(1));
    else await store.write(keyOf(1), bytes);
    await expect(opened.reader.load(2)).rejects.toMatchObject({
      code: 'RUN_CORRUPT',
      message: `the plan ${store.locate(keyOf(1))} is missing or damaged`,
    });
    expect(await shardOf(opened, 1)).toBe('2,3');
    const fetch = (part: number): Promise<string> =>
      fetchPlanPart(store, folderOf(execution), execution.plan, part, scratchDir);
    expect(await fetch(0)).toBe(store.locate(keyOf(0)));
    await expect(fetch(2)).rejects.toMatchObject({
      code: 'RUN_CORRUPT',
      message: expect.stringContaining('part-00002.parquet'),
    });
  });
});
