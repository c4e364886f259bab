import { expect, test } from 'vitest';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { retryRun } from '../../src/run/retry-run.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { drawJpeg } from '../support/catalogue.ts';
import { makeContext, makeLake, runWith, type TestLake } from '../support/run-in-process.ts';

/** A finished run of three rows in two copies, in which one original is missing. */
async function makeRun(): Promise<TestLake> {
  const lake = await makeLake(3);
  await lake.store.delete('originals/images/2.jpg');
  await runWith(lake.store, { name: 'r', sql: 'SELECT id FROM images', copies: 2 });
  return lake;
}

async function problemsOf({ lakehouse }: TestLake): Promise<unknown[]> {
  const [images, errors] = [
    await lakehouse.tables.verify('runs.r'),
    await lakehouse.tables.verify('errors.r'),
  ];
  return [...images.problems, ...errors.problems].map(({ problem }) => problem);
}

test('the rows of a run are those that its end counts, also after a retry', async () => {
  const lake = await makeRun();
  expect(await problemsOf(lake)).toEqual([]);
  await lake.store.write('originals/images/2.jpg', await drawJpeg(2, 12, 16));
  expect(await retryRun(makeContext(lake.store), 'r', {})).toMatchObject({ imageCount: 2, errorCount: 0 });
  expect(await problemsOf(lake)).toEqual([]);
  expect((await lake.lakehouse.tables.verify('images')).problems).toEqual([]);
});

test('an end that counts otherwise is told, and a plan that does too', async () => {
  const lake = await makeRun();
  const { execution } = await findRun(lake.store, 'r');
  const { runId } = execution;
  const counted = async (imageCount: number, errorCount: number): Promise<unknown[]> => {
    const counts = { runId, imageCount, takenCount: 0, errorCount, imageBytes: 1 };
    await lake.store.write(executionKeys.success(folderOf(execution)), encodeStored(counts));
    return problemsOf(lake);
  };
  expect(await counted(4, 2)).toEqual([]);
  expect(await counted(5, 1)).toEqual(['has 4 rows of images, not 5', 'has 2 rows of errors, not 1']);
  const unplanned = 'has 3 images and 2 errors, not 6';
  expect(await counted(3, 2)).toEqual([unplanned, 'has 4 rows of images, not 3', unplanned]);
});

test('the table of an execution is measured by that one, not by a newer one that is still in work', async () => {
  const lake = await makeRun();
  const spec = { name: 'r', sql: 'SELECT id FROM images', copies: 2 };
  await lake.lakehouse.tables.delete({ table: 'images', where: 'id = 3' });
  const { folder } = await runWith(lake.store, spec);
  await lake.store.delete(executionKeys.success(folder));
  expect(await findRun(lake.store, 'r')).toMatchObject({ state: 'unfinished', folder });
  expect(await problemsOf(lake)).toEqual([]);
  expect((await lake.lakehouse.tables.verify('runs.R')).problems).toEqual([]);
});

test('a retry that is between its commits and its end is no problem', async () => {
  const lake = await makeRun();
  await lake.store.write('originals/images/2.jpg', await drawJpeg(2, 12, 16));
  const { folder } = await retryRun(makeContext(lake.store), 'r', {});
  await lake.store.delete(executionKeys.success(executionKeys.retry(folder, 1)));
  expect(await findRun(lake.store, 'r')).toMatchObject({ hasUnfinishedRetry: true });
  expect(await problemsOf(lake)).toEqual([]);
});
