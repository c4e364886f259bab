import { access, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PIXELS_VERSION } from '../../src/image/render-image.ts';
import { resolveModel } from '../../src/model/lake-models.ts';
import { executionKeys, folderOf, MANIFEST_VERSION, PLAN_VERSION } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { manifestFields } from '../../src/run/manifest-columns.ts';
import { openPlanner, type PlanContext, planRun, type RunPlanner } from '../../src/run/plan-run.ts';
import { inputsOf, readExecution } from '../../src/run/read-executions.ts';
import type { RunContext } from '../../src/run/run-context.ts';
import { parseRunSpec, type RunSpec, toRunId } from '../../src/run/run-spec.ts';
import { placeSuccess } from '../../src/run/success.ts';
import { hashPlan } from '../../src/run/write-plan.ts';
import { LAYOUT_VERSION } from '../../src/storage/lake-layout.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { deltaField } from '../../src/table/delta-schema.ts';
import { TOY_MODEL, TOY_OUTPUT, writeModel } from '../model/toy-model.ts';
import { keysOf } from '../support/keys-of.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlakeJson } from '../support/pixlake.ts';
import type { RunReport } from '../../src/index.ts';
import {
  makeContext,
  makeLake,
  runWith,
  type TestLake,
  useLake,
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

const lake = useLake(6);

const COUNTS = { imageCount: 2, takenCount: 0, errorCount: 0, imageBytes: 1 };

const RUN_SPEC = { name: 'r', sql: 'SELECT id, year FROM images' };

/** Opens the planner of a run on a lake of six images; it is closed with the test. */
async function openPlan(spec: Partial<RunSpec>, context: Partial<PlanContext> = {}): Promise<RunPlanner> {
  const { store } = lake.current;
  const run = parseRunSpec({ ...RUN_SPEC, ...spec }, 'test');
  const planner = await openPlanner(
    { source: store, store, model: undefined, software: 'pixlake/test', threads: 1, ...context },
    run,
  );
  onTestFinished(() => planner[Symbol.asyncDispose]());
  return planner;
}

describe('a plan', () => {
  test('says what it was made from and by, and what comes of it', async () => {
    const planner = await openPlan({ shardSize: 4, copies: 2 });
    const { execution, files } = await planner.plan();
    expect(execution).toEqual({
      layoutVersion: LAYOUT_VERSION,
      runId: planner.runId,
      plannedMs: expect.any(Number),
      run: parseRunSpec({ ...RUN_SPEC, shardSize: 4, copies: 2 }, 'test'),
      sourceTable: 'images',
      sourceVersion: 0,
      versions: { 'tables/images': '0' },
      software: 'pixlake/test',
      planVersion: PLAN_VERSION,
      pixelsVersion: PIXELS_VERSION,
      manifestVersion: MANIFEST_VERSION,
      rowCount: 6,
      shardSize: 4,
      shardCount: 2,
      plan: {
        sha256: hashPlan(files.map(({ part }) => part)),
        volatileBecause: [],
        partRowCount: 65_536,
        parts: files.map(({ part }) => part),
      },
      passedColumns: ['id', 'year'],
      manifestSchema: {
        type: 'struct',
        fields: [deltaField('id', 'long'), deltaField('year', 'integer'), ...manifestFields(undefined)],
      },
    });
    expect(files).toHaveLength(1);
    expect(planner.runId).toBe(toRunId(execution.run, inputsOf(execution)));
    // Of itself, shards are larger.
    const { execution: other } = await (await openPlan({})).plan();
    expect(other).toMatchObject({ shardSize: 128, shardCount: 1 });
    expect(other.runId).not.toBe(planner.runId);
  });

  test('leaves out columns of the SQL that the manifest computes, whatever their case', async () => {
    const sql = `SELECT id, 'x' AS "COPY", 1 AS image_WIDTH, 'k' AS source_key, 1 AS pred_toy, 2 AS Run_Id, year FROM images`;
    const { execution } = await (await openPlan({ sql })).plan();
    expect(execution.passedColumns).toEqual(['id', 'pred_toy', 'year']);
    const model = await writeModel(await makeTestFolder());
    const labelled = await (await openPlan({ sql, model: model.onnxPath }, { model })).plan();
    expect(labelled.execution.passedColumns).toEqual(['id', 'year']);
    expect(labelled.execution.model).toEqual({
      name: 'toy',
      sha256: model.sha256,
      isTrained: false,
      embeddings: [],
    });
    const names = labelled.execution.manifestSchema.fields.map(({ name }) => name);
    expect(names).toContain('pred_toy');
    expect(labelled.execution.runId).not.toBe(execution.runId);
  });

  test('names the embeddings of its model', async () => {
    const model = await resolveModel(lake.current.store, 'fashion-tiny');
    const { execution } = await (await openPlan({ model: 'fashion-tiny' }, { model })).plan();
    expect(execution.model).toEqual({
      name: 'fashion-tiny',
      sha256: model.sha256,
      isTrained: true,
      embeddings: ['pred_embedding'],
    });
  });

  test('names each version of each table that it reads, and its own versions of the originals', async () => {
    const own = await makeLake(2);
    const rows = "SELECT 1::BIGINT AS id, 'x' AS word";
    const folder = await writeParquet(await makeTestFolder(), rows);
    await own.lakehouse.tables.attach('words', folder);
    for (const id of [1, 2])
      await own.lakehouse.tables.delete({ table: 'images', where: `id = ${id} AND id > 1` });
    const sql = 'SELECT id FROM images@v1 JOIN images@v0 USING (id) JOIN words USING (id)';
    const { source } = { source: own.store };
    const { execution } = await (await openPlan({ sql, table: 'images' }, { source, store: source })).plan();
    const { versions } = execution;
    expect(versions['tables/images']).toBe('0,1');
    const others = Object.keys(versions).filter((key) => key !== 'tables/images');
    expect(others).toHaveLength(1);
    expect(others[0]).toContain('/');
    expect(others[0]).not.toMatch(/^tables/u);
    expect(execution).toMatchObject({ sourceTable: 'images', sourceVersion: 1 });
  });

  test('that cannot be made, or that was made, leaves no temporary files', async () => {
    const { store } = lake.current;
    await expect(openPlan({ sql: 'SELECT nothing FROM images' })).rejects.toMatchObject({
      code: 'SQL_FAILED',
    });
    expect(await keysOf(store, '.tmp')).toEqual([]);
    const planner = await openPlan({});
    const { files } = await planner.plan();
    await access(files[0]?.path ?? '');
    await planner[Symbol.asyncDispose]();
    await expect(access(files[0]?.path ?? '')).rejects.toThrow('ENOENT');
    await expect(access(join(files[0]?.path ?? '', '..'))).rejects.toThrow('ENOENT');
  });

  test('is not made with a model that does not run', async () => {
    const misfit = { outputs: [{ ...TOY_OUTPUT, labels: ['a', 'b', 'c'] }] };
    const model = await writeModel(await makeTestFolder(), TOY_MODEL, misfit);
    await expect(openPlan({ model: model.onnxPath }, { model })).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
    });
  });
});

describe('a run that is planned', () => {
  const planned = (
    own: TestLake,
    changes: Partial<RunContext> = {},
    spec: Partial<RunSpec> = {},
  ): Promise<Execution> =>
    planRun({ ...makeContext(own.store), ...changes }, parseRunSpec({ ...RUN_SPEC, ...spec }, 'test'));

  /** A lake in which nothing more can be frozen. */
  const frozen = ({ store }: TestLake): Partial<RunContext> => ({
    store: wrapStore(store, { moveIn: async () => expect.fail('another plan is frozen') }),
  });

  test('is the one that has begun, whatever its tables are now, until it has finished', async () => {
    const own = await makeLake(2);
    const first = await planned(own);
    expect(await readExecution(own.store, folderOf(first))).toEqual(first);
    expect(first.sourceLake).toBeUndefined();
    await own.lakehouse.tables.delete({ table: 'images', where: 'id = 2' });
    expect(await planned(own, frozen(own))).toEqual(first);
    await placeSuccess(own.store, folderOf(first), { ...COUNTS, runId: first.runId });
    const second = await planned(own);
    expect(second).toMatchObject({ rowCount: 1, sourceVersion: 1 });
    expect(second.runId).not.toBe(first.runId);
    // On the same versions it is the finished one, whose SQL is not run again.
    await placeSuccess(own.store, folderOf(second), { ...COUNTS, runId: second.runId });
    expect(await planned(own, frozen(own))).toEqual(second);
  });

  test('has to have the specification of its name', async () => {
    const own = await makeLake(1);
    await planned(own);
    await expect(planned(own, {}, { seed: 7 })).rejects.toMatchObject({
      code: 'RUN_NAME_TAKEN',
      message: 'run r exists and has another specification',
      remedy: 'choose another --name, or compare with `pixlake runs show r`',
    });
    expect(await planned(own, {}, { seed: 7, name: 'other' })).toMatchObject({ run: { seed: 7 } });
  });

  test('is not continued once it is cancelled, unless that is wanted', async () => {
    const own = await makeLake(1);
    const first = await planned(own);
    const key = executionKeys.cancelled(folderOf(first));
    await own.store.write(key, Buffer.alloc(0));
    await expect(planned(own)).rejects.toMatchObject({
      code: 'RUN_CANCELLED',
      message: 'run r was cancelled',
      remedy: '`pixlake runs resume r` continues it',
    });
    expect(await own.store.stat(key)).toBeDefined();
    expect(await planned(own, { liftsCancel: true })).toEqual(first);
    expect(await own.store.stat(key)).toBeUndefined();
  });

  test('names its source where that is another lake', async () => {
    const own = await makeLake(1);
    const store = openLocalStore(await makeTestFolder());
    const execution = await planned(own, { store });
    expect(execution.sourceLake).toBe(own.store.uri);
    expect(await readExecution(store, folderOf(execution))).toEqual(execution);
    expect(await keysOf(own.store, 'runs')).toEqual([]);
  });

  test('takes over the images of its last execution, unless all are to be made', async () => {
    const own = await makeLake(2);
    const { runId } = await runWith(own.store, RUN_SPEC);
    await own.lakehouse.tables.delete({ table: 'images', where: 'id = 2' });
    const context = { source: own.store, store: own.store };
    const takesOver = async (isFull: boolean): Promise<string | undefined> =>
      (await (await openPlan({}, { ...context, isFull })).plan()).execution.takesOver;
    expect([await takesOver(false), await takesOver(true)]).toEqual([runId, undefined]);
  });
});
