import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { quoteText } from '../../src/sql/sql-text.ts';
import { folderOf } from '../../src/run/execution.ts';
import { planRetry, type RetryFilter } from '../../src/run/plan-retry.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeLake, openTestDb, runWith, type TestLake } from '../support/run-in-process.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';

interface PlanRow {
  readonly id: string;
  readonly copy: number;
  readonly ordinal: bigint;
  readonly year: number;
}

/** A finished run of two copies each, in which 2 is missing and 5 is damaged. */
async function makeBroken(): Promise<{ readonly lake: TestLake; readonly folder: string }> {
  const lake = await makeLake(6);
  await lake.store.delete('originals/images/2.jpg');
  await lake.store.write('originals/images/5.jpg', Buffer.from('no image'));
  const spec = { name: 'r', sql: 'SELECT id, year FROM images', shardSize: 2, copies: 2 };
  const { folder, errorCount } = await runWith(lake.store, spec);
  expect(errorCount).toBe(4);
  return { lake, folder };
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
  expect(await keysOf(lake.store, '.tmp')).toEqual([]);
});

test('a run without errors has nothing to retry', async () => {
  const { store } = await makeLake(1);
  const { folder } = await runWith(store, { name: 'r', sql: 'SELECT id FROM images' });
  const execution = await readExecution(store, folder);
  expect(await planRetry(store, execution, 1, {}, 'pixlake/test')).toBeUndefined();
});
