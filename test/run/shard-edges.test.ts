import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLakehouse } from '../../src/index.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import { RunLibrary } from '../../src/run/run-library.ts';
import type { RunSpec } from '../../src/run/run-spec.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { TOY_MODEL, writeModel } from '../model/toy-model.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import {
  inProcessExecutor,
  makeLake,
  queryRows,
  runWith,
  type TestLake,
  useLake,
  wrapAttempts,
} from '../support/run-in-process.ts';

const large = useLake(35);

/** Numbers of rows, of images that lie there, and of ids, of a run. */
async function countsOf(lake: TestLake, name: string): Promise<unknown> {
  const { imageCount, problems } = await lake.lakehouse.tables.verify(`runs.${name}`, true);
  const [row] = await queryRows<object>(
    lake,
    `SELECT count(*)::INTEGER AS rows, count(DISTINCT (id, copy))::INTEGER AS ids FROM runs."${name}"`,
  );
  return { ...row, imageCount, problems };
}

describe('a run has each image once', () => {
  // Images are made in batches of sixteen.
  test.each([
    [1, 1, 1],
    [16, 16, 1],
    [17, 17, 1],
    [17, 16, 1],
    [33, 16, 1],
    [35, 17, 1],
    [8, 4, 4],
    [11, 3, 3],
  ])('of %i rows in shards of %i, %i times each', async (limit, shardSize, copies) => {
    const name = `edge-${limit}-${shardSize}-${copies}`;
    const sql = `SELECT id FROM images WHERE id <= ${limit}`;
    const count = limit * copies;
    const report = await runWith(large.current.store, {
      name,
      sql,
      shardSize,
      copies,
      transform: { size: 8 },
    });
    expect(report).toMatchObject({
      imageCount: count,
      errorCount: 0,
      shardCount: Math.ceil(limit / shardSize),
    });
    expect(await countsOf(large.current, name)).toEqual({
      rows: count,
      ids: count,
      imageCount: count,
      problems: [],
    });
  });

  test.each([1, 17, 35])('and one that fails, the one with the id %i, is an error alone', async (failing) => {
    const lake = await makeLake(35);
    await lake.store.delete(`originals/images/${failing}.jpg`);
    const spec: RunSpec = {
      name: 'r',
      sql: 'SELECT id FROM images',
      shardSize: 17,
      transform: { size: 8 },
    };
    expect(await runWith(lake.store, spec)).toMatchObject({ imageCount: 34, errorCount: 1 });
    expect(await countsOf(lake, 'r')).toMatchObject({ rows: 34, imageCount: 34, problems: [] });
    expect(await queryRows(lake, 'SELECT id, code FROM errors.r')).toEqual([
      { id: String(failing), code: 'OBJECT_NOT_FOUND' },
    ]);
    expect(await queryRows(lake, `SELECT id FROM runs.r WHERE id = ${failing}`)).toEqual([]);
  });
});

test.each([
  ['one null id', 'SELECT CASE WHEN id = 3 THEN NULL ELSE id END AS id FROM images WHERE id < 6', 'null'],
  [
    'one id twice',
    'SELECT CASE WHEN id = 3 THEN 4 ELSE id END AS id FROM images WHERE id < 6',
    '4 (2 times)',
  ],
  ['only null ids', 'SELECT NULL::BIGINT AS id FROM images WHERE id < 3', 'null'],
])('SQL with %s is refused before anything is written', async (_, sql, example) => {
  const { store } = large.current;
  const spec: RunSpec = { name: 'refused', sql, table: 'images' };
  await expect(runWith(store, spec)).rejects.toMatchObject({
    code: 'PLAN_ID_DUPLICATE',
    message: expect.stringContaining(example),
  });
  await expect(findRun(store, 'refused')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
});

test('a sample is the same for a seed, another for another, and is of the rows of the SQL', async () => {
  const { store } = large.current;
  const library = new RunLibrary(store, inProcessExecutor, 'pixlake/test');
  const sample = async (seed: number, run: string): Promise<number[]> => {
    const sql = 'SELECT id::INTEGER AS id FROM images WHERE id > 5';
    const { imageCount } = await library.execute(
      { name: run, sql, sample: 8, seed, transform: { size: 8 } },
      {},
    );
    expect(imageCount).toBe(8);
    const rows = await queryRows<{ id: number }>(large.current, `SELECT id FROM runs."${run}" ORDER BY id`);
    return rows.map(({ id }) => id);
  };
  const first = await sample(1, 'sample-1');
  expect(Math.min(...first)).toBeGreaterThan(5);
  expect(await sample(1, 'sample-again')).toEqual(first);
  expect(await sample(2, 'sample-2')).not.toEqual(first);
});

describe('between a cancel and a resume', () => {
  /** Cancels a run of three shards when the second is to be made; gives the lake and the folder of the run. */
  async function cancelInTheMiddle(lake: TestLake, spec: RunSpec): Promise<string> {
    let folder = '';
    const executor = wrapAttempts(inProcessExecutor, async (job, attempt) => {
      folder = job.folder;
      if (job.shard === 1) await lake.store.write(executionKeys.cancelled(job.folder), Buffer.alloc(0));
      if (job.shard === 1)
        return { kind: 'failed', code: 'RUN_CANCELLED', message: 'cancelled', remedy: undefined };
      return attempt();
    });
    await expect(runWith(lake.store, spec, executor)).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
    return folder;
  }

  const resume = async ({ store }: TestLake): ReturnType<RunLibrary['resume']> =>
    new RunLibrary(store, inProcessExecutor, 'pixlake/test').resume('r', {});

  test('rows that come to the table are not of the run, and those that go still are', async () => {
    const lake = await makeLake(6);
    const spec: RunSpec = {
      name: 'r',
      sql: 'SELECT id, year FROM images',
      shardSize: 2,
      transform: { size: 8 },
    };
    const folder = await cancelInTheMiddle(lake, spec);
    const before = await queryRows(lake, 'SELECT id, year FROM images ORDER BY id');
    const source = await writeCatalogue(
      await makeTestFolder(),
      [csvLine({ id: 1, year: 1990 }), csvLine({ id: 77 })],
      { '1.jpg': await drawJpeg(1, 12, 16), '77.jpg': await drawJpeg(77) },
    );
    await lake.lakehouse.ingest({ source });
    await lake.lakehouse.tables.delete({ table: 'images', where: 'id = 6' });
    expect(await resume(lake)).toMatchObject({ folder, imageCount: 6, errorCount: 0, resumedShardCount: 1 });
    expect(await queryRows(lake, 'SELECT id, year FROM runs.r ORDER BY id')).toEqual(before);
  });

  test('another model under the same path is noticed, and nothing is made with it', async () => {
    const folder = await makeTestFolder();
    const source = await writeCatalogue(
      join(folder, 'source'),
      [1, 2, 3].map((id) => csvLine({ id })),
      Object.fromEntries(
        await Promise.all([1, 2, 3].map(async (id) => [`${id}.jpg`, await drawJpeg(id)] as const)),
      ),
    );
    const uri = join(folder, 'lake');
    const lakehouse = openLakehouse({ lake: uri });
    await lakehouse.ingest({ source });
    const lake = { uri, lakehouse, store: openLocalStore(uri) };
    const models = await makeTestFolder();
    const { onnxPath, sha256 } = await writeModel(models);
    const spec: RunSpec = { name: 'r', sql: 'SELECT id FROM images', shardSize: 1, model: onnxPath };
    const runFolder = await cancelInTheMiddle(lake, spec);
    expect((await readExecution(lake.store, runFolder)).model?.sha256).toBe(sha256);
    await writeModel(models, { ...TOY_MODEL, name: 'other' });
    await expect(resume(lake)).rejects.toMatchObject({ code: 'MODEL_MISMATCH' });
    expect(folderOf(await readExecution(lake.store, runFolder))).toBe(runFolder);
    expect(await lake.store.stat(executionKeys.shard(runFolder, 1))).toBeUndefined();
    await writeModel(models);
    expect(await resume(lake)).toMatchObject({ imageCount: 3, resumedShardCount: 1 });
  });
});
