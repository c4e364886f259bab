import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { quoteText } from '../../src/sql/sql-text.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { planRetry, type RetryFilter } from '../../src/run/plan-retry.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import { keysOf } from '../support/keys-of.ts';
import { hashPlan } from '../../src/run/write-plan.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { copyLake, makeLake, openTestDb, runWith, type TestLake } from '../support/run-in-process.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';

interface PlanRow {
  readonly id: string;
  readonly copy: number;
  readonly ordinal: bigint;
  readonly year: number;
}

/** A finished run of two copies each, in which 2 is missing and 5 is damaged. */
async function makeBroken(): Promise<{ readonly lake: TestLake; readonly folder: string }> {
  const lake = await copyLake('run with two broken images', async () => {
    const prepared = await makeLake(6);
    await prepared.store.delete('originals/images/2.jpg');
    await prepared.store.write('originals/images/5.jpg', Buffer.from('no image'));
    const spec = { name: 'r', sql: 'SELECT id, year FROM images', shardSize: 2, copies: 2 };
    const { errorCount } = await runWith(prepared.store, spec);
    if (errorCount !== 4) throw new Error(`${errorCount} images failed`);
    return prepared;
  });
  return { lake, folder: (await findRun(lake.store, 'r')).folder };
}

async function planRows(paths: readonly string[]): Promise<PlanRow[]> {
  using db = await openTestDb();
  return await db.rows<PlanRow>(
    `SELECT __id::VARCHAR AS id, __copy AS "copy", __first_ordinal AS ordinal, year FROM read_parquet([${paths.map(quoteText).join(', ')}]) ORDER BY __ordinal`,
  );
}

test('a retry has one row for each failed image, with its place and columns in the plan of the run', async () => {
  const { lake, folder } = await makeBroken();
  const { store } = lake;
  const execution = await readExecution(store, folder);
  const before = await keysOf(store);
  const retry = await planRetry(store, { ...execution, takesOver: 'x' }, 3, {}, 'pixlake/later');
  if (retry === undefined) throw new Error('nothing to retry');
  const { planned } = retry;
  const paths = planned.files.map(({ path }) => path);
  expect(planned.execution).toMatchObject({
    runId: execution.runId,
    software: 'pixlake/later',
    retry: { number: 3 },
    rowCount: 4,
    shardSize: 2,
    shardCount: 2,
    plan: { volatileBecause: [] },
  });
  expect(planned.execution.takesOver).toBeUndefined();
  expect(folderOf(planned.execution)).toBe(`${folder}/retries/3`);
  const { parts } = planned.execution.plan;
  expect(parts.map(({ sha256 }) => sha256)).toEqual(
    await Promise.all(paths.map(async (path) => sha256Of(await readFile(path)))),
  );
  const rows = await planRows(paths);
  const failed = await errorRows(lake);
  expect(rows.map(({ id, copy, ordinal }) => [id, copy, ordinal])).toEqual(failed);
  expect(new Set(rows.map(({ id, year }) => `${id} ${year}`))).toEqual(new Set(['2 2009', '5 2012']));
  // Nothing is written to the lake before the plan is frozen, and disposing it leaves nothing.
  expect(await keysOf(store)).toEqual(before);
  await retry[Symbol.asyncDispose]();
  await expect(access(join(paths[0] ?? '', '..'))).rejects.toThrow('ENOENT');
});

async function errorRows({ lakehouse }: TestLake): Promise<unknown[]> {
  await using query = await lakehouse.query('SELECT id, copy, ordinal FROM errors.r ORDER BY ordinal, copy');
  const rows = (await query.toArray()) as { id: unknown; copy: number; ordinal: number }[];
  return rows.map(({ id, copy, ordinal }) => [String(id), copy, BigInt(ordinal)]);
}

test.each<[RetryFilter, number | undefined]>([
  [{ stage: 'read' }, 4],
  [{ stage: 'infer' }, undefined],
  [{ code: 'OBJECT_NOT_FOUND' }, 2],
  [{ stage: 'read', code: 'OBJECT_NOT_FOUND' }, 2],
  [{ stage: 'transform', code: 'OBJECT_NOT_FOUND' }, undefined],
  [{ code: "x' OR true --" }, undefined],
])('of the errors, those are retried that match %j', async (filter, rowCount) => {
  const { lake, folder } = await makeBroken();
  const execution = await readExecution(lake.store, folder);
  const retry = await planRetry(lake.store, execution, 1, filter, 'pixlake/test');
  expect(retry?.planned.execution.rowCount).toBe(rowCount);
  expect(retry?.planned.execution.retry ?? { number: 1, ...filter }).toEqual({ number: 1, ...filter });
  await retry?.[Symbol.asyncDispose]();
  expect(await readdir(lake.store.locate('.tmp')).catch(() => [])).toEqual([]);
});

test('a run without errors has nothing to retry', async () => {
  const { store } = await makeLake(1);
  const { folder } = await runWith(store, { name: 'r', sql: 'SELECT id FROM images' });
  const execution = await readExecution(store, folder);
  expect(await planRetry(store, execution, 1, {}, 'pixlake/test')).toBeUndefined();
});

/** The rows of a retry of all that failed, as its plan has them. */
async function retriedRows(lake: TestLake, folder: string): Promise<object[]> {
  const retry = await planRetry(lake.store, await readExecution(lake.store, folder), 1, {}, 'pixlake/test');
  if (retry === undefined) return [];
  await using _ = retry;
  using db = await openTestDb();
  const paths = retry.planned.files.map(({ path }) => quoteText(path)).join(', ');
  return await db.rows<object>(`FROM read_parquet([${paths}], hive_partitioning = false) ORDER BY __ordinal`);
}

test('a retry keeps the boxes and the columns of the SQL, whatever their names', async () => {
  const lake = await makeLake(2);
  await lake.store.delete('originals/images/2.jpg');
  const sql = `SELECT id, 1 AS l, 2 AS t, 3 AS w, 4 AS h, 'x' AS "a ""b""", 7 AS ordinal FROM images`;
  const { folder } = await runWith(lake.store, { name: 'r', sql, cropColumns: ['l', 't', 'w', 'h'] });
  expect(await retriedRows(lake, folder)).toEqual([
    {
      __ordinal: 0n,
      __id: '2',
      __image_key: 'originals/images/2.jpg',
      __image_sha256: expect.stringMatching(/^[0-9a-f]{64}$/u),
      __box_left: 1,
      __box_top: 2,
      __box_width: 3,
      __box_height: 4,
      id: 2n,
      l: 1,
      t: 2,
      w: 3,
      h: 4,
      'a "b"': 'x',
      ordinal: 7,
      __first_ordinal: expect.any(BigInt),
      __copy: 0,
    },
  ]);
});

test('a retry reads the parts of a plan that it needs, and no others', async () => {
  const { lake, folder } = await makeBroken();
  const { store } = lake;
  const execution = await readExecution(store, folder);
  const expected = await retriedRows(lake, folder);
  expect(expected).toHaveLength(4);
  // The same plan as six parts of a row each.
  const whole = store.locate(executionKeys.planPart(folder, execution.plan, 0));
  const scratch = await makeTestFolder();
  using db = await openTestDb();
  const plan = { ...execution.plan, partRowCount: 1, parts: [...execution.plan.parts] };
  for (let part = 0; part < 6; part++) {
    const path = join(scratch, `${part}.parquet`);
    await db.run(
      `COPY (FROM ${quoteText(whole)} WHERE __ordinal = ${part}) TO ${quoteText(path)} (FORMAT parquet)`,
    );
    const bytes = await readFile(path);
    plan.parts[part] = { rowCount: 1, sizeBytes: bytes.length, sha256: sha256Of(bytes) };
  }
  const needed = new Set(expected.map((row) => Number(Reflect.get(row, '__first_ordinal'))));
  for (const part of needed) {
    const bytes = await readFile(join(scratch, `${part}.parquet`));
    await store.write(executionKeys.planPart(folder, plan, part), bytes);
  }
  expect(needed.size).toBe(2);
  if (!needed.has(0)) await store.delete(executionKeys.planPart(folder, plan, 0));
  const retry = await planRetry(store, { ...execution, plan }, 1, {}, 'pixlake/test');
  expect(retry?.planned.execution.rowCount).toBe(4);
  await retry?.[Symbol.asyncDispose]();
  // A part that is needed has to be there.
  const [first = 0] = needed;
  await store.delete(executionKeys.planPart(folder, plan, first));
  await expect(planRetry(store, { ...execution, plan }, 1, {}, 'x')).rejects.toMatchObject({
    code: 'RUN_CORRUPT',
  });
  expect(await readdir(store.locate('.tmp')).catch(() => [])).toEqual([]);
});

test('shards of a retry are as large as those of its run, or by default as large as they are worth', async () => {
  const { lake, folder } = await makeBroken();
  const execution = await readExecution(lake.store, folder);
  const { shardSize: _, ...run } = execution.run;
  const retry = await planRetry(lake.store, { ...execution, run }, 1, {}, 'pixlake/test');
  expect(retry?.planned.execution).toMatchObject({
    shardSize: 128,
    shardCount: 1,
    plan: { partRowCount: 65_536 },
  });
  expect(retry?.planned.execution.plan.sha256).toBe(hashPlan(retry?.planned.execution.plan.parts ?? []));
  await retry?.[Symbol.asyncDispose]();
});
