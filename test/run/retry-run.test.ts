import { expect, test } from 'vitest';
import { drawJpeg } from '../support/catalogue.ts';
import { withFaults } from '../support/failing-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import {
  copyLake,
  inProcessExecutor,
  makeContext,
  makeLake,
  queryRows,
  runWith,
  type TestLake,
} from '../support/run-in-process.ts';
import { writeModel, TOY_MODEL } from '../model/toy-model.ts';
import { executionKeys } from '../../src/run/execution.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import { beginRetry, type RetryReport, retryRun } from '../../src/run/retry-run.ts';
import type { RetryFilter } from '../../src/run/plan-retry.ts';
import type { RunReport } from '../../src/run/run-images.ts';
import type { RunSpec } from '../../src/run/run-spec.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { readHistory } from '../../src/table/table-history.ts';

const SPEC: RunSpec = {
  name: 'r',
  sql: 'SELECT * FROM images',
  copies: 2,
  shardSize: 4,
  transform: { size: 8 },
};

interface Broken {
  readonly lake: TestLake;
  readonly report: RunReport;
  /** Brings an original back. */
  readonly mend: (id: number) => Promise<void>;
}

const keyOf = (id: number): string => `originals/images/${id}.jpg`;

/** Finishes a run of two copies each, in which 2 and 4 are not there and 3 is another image. */
async function breakRun({ store }: TestLake, spec: Partial<RunSpec> = {}): Promise<RunReport> {
  for (const id of [2, 4]) await store.delete(keyOf(id));
  await store.write(keyOf(3), await drawJpeg(99));
  const report = await runWith(store, { ...SPEC, ...spec });
  // Not an assertion, since only the first test that needs the lake makes it.
  if (report.errorCount !== 6) throw new Error(`${report.errorCount} images failed`);
  return report;
}

/** A copy of a lake with such a run. */
async function copyBroken(): Promise<Broken> {
  const lake = await copyLake('run to be retried', async () => {
    const prepared = await makeLake(6);
    await breakRun(prepared);
    return prepared;
  });
  const mend = async (id: number): Promise<void> => lake.store.write(keyOf(id), await drawJpeg(id, 12, 16));
  return { lake, report: await runWith(lake.store, SPEC), mend };
}

const retry = (store: ObjectStore, filter: RetryFilter = {}): Promise<RetryReport> =>
  retryRun(makeContext(store), 'r', filter);

async function errorsOf(lake: TestLake, version = ''): Promise<string[]> {
  const rows = await queryRows<{ id: string; copy: number; code: string }>(
    lake,
    `SELECT id, copy, code FROM errors.r${version} ORDER BY ordinal, copy`,
  );
  return rows.map(({ id, copy, code }) => `${id}/${copy} ${code}`);
}

async function imagesOf(lake: TestLake, version = ''): Promise<string[]> {
  const rows = await queryRows<{ id: string }>(
    lake,
    `SELECT image_id AS id FROM runs.r${version} ORDER BY 1`,
  );
  return rows.map(({ id }) => id);
}

/** Contents of every object of the run but the logs of its tables and its retries, by key. */
async function contentsOf(store: ObjectStore, folder: string): Promise<Record<string, string>> {
  const keys = (await keysOf(store, folder)).filter((key) => !/_delta_log|\/retries\//u.test(key));
  const entries = keys.map(async (key) => [key, sha256Of(await store.read(key))] as const);
  return Object.fromEntries(await Promise.all(entries));
}

const FAILED = [
  ...[2, 4].flatMap((id) => [`${id}/0 OBJECT_NOT_FOUND`, `${id}/1 OBJECT_NOT_FOUND`]),
  '3/0 IMAGE_CHANGED',
  '3/1 IMAGE_CHANGED',
];
const WRITTEN = [1, 5, 6].flatMap((id) => [`${id}-0`, `${id}-1`]);

const without = (id: number): string[] => FAILED.filter((line) => !line.startsWith(`${id}/`));

test('a retry does what failed again, and only that; what was written stays as it is', async () => {
  const { lake, report, mend } = await copyBroken();
  const { folder, runId } = report;
  const planned = await errorsOf(lake);
  expect(planned.toSorted()).toEqual(FAILED.toSorted());
  expect(await imagesOf(lake)).toEqual(WRITTEN);
  const before = await contentsOf(lake.store, folder);
  await mend(2);
  const first = await retry(lake.store, { code: 'OBJECT_NOT_FOUND' });
  const counts = { retriedCount: 4, imageCount: 2, errorCount: 2 };
  expect(first).toEqual({
    name: 'r',
    runId,
    folder,
    number: 1,
    ...counts,
    imageBytes: expect.any(Number),
    durationMs: expect.any(Number),
  });
  const [made] = await queryRows<{ bytes: number }>(
    lake,
    `SELECT sum(image_bytes)::INTEGER AS bytes FROM runs.r WHERE image_id LIKE '2-%'`,
  );
  expect(first.imageBytes).toBe(made?.bytes);
  expect(first.durationMs).toBeLessThan(60_000);
  expect(await contentsOf(lake.store, folder)).toMatchObject(before);
  expect(await imagesOf(lake)).toEqual([...WRITTEN, '2-0', '2-1'].toSorted());
  expect(await imagesOf(lake, '@v0')).toEqual(WRITTEN);
  expect(await errorsOf(lake)).toEqual(planned.filter((line) => !line.startsWith('2/')));
  expect(await errorsOf(lake, '@v0')).toEqual(planned);
  expect(await findRun(lake.store, 'r')).toMatchObject({ imageCount: 8, errorCount: 4, retryCount: 1 });
  const kept = await readSnapshot(lake.store, executionKeys.errors(folder));
  const names = kept?.files.map(({ add: { path } }) => path.replace(/-[0-9a-f]{8}\.parquet$/u, ''));
  expect(names?.toSorted()).toEqual(['retry-1-block-00000', 'retry-1-kept']);
  for (const table of ['manifest', 'errors'] as const)
    expect(await readHistory(lake.store, executionKeys[table](folder), 9)).toHaveLength(2);
  await mend(4);
  expect(await retry(lake.store, { stage: 'read', code: 'OBJECT_NOT_FOUND' })).toMatchObject({
    number: 2,
    imageCount: 2,
    errorCount: 0,
  });
  expect(await errorsOf(lake)).toEqual(['3/0 IMAGE_CHANGED', '3/1 IMAGE_CHANGED']);
  for (const table of ['runs.r', 'errors.r'])
    expect(await lake.lakehouse.tables.verify(table, true)).toMatchObject({ problems: [] });
  expect.assertions(18);
});

test('what a retry makes is what the run itself would have made', async () => {
  const { lake, mend } = await copyBroken();
  await mend(2);
  await retry(lake.store);
  await runWith(lake.store, { ...SPEC, name: 'whole', sql: 'SELECT * FROM images WHERE id = 2' });
  const rows = (run: string): Promise<unknown[]> =>
    queryRows(lake, `SELECT * EXCLUDE (image_key, sql, run_id) FROM runs.${run} WHERE id = 2 ORDER BY copy`);
  expect(await rows('r')).toEqual(await rows('whole'));
  expect(await rows('r')).toHaveLength(2);
});

test('a retry in which everything fails again changes nothing, however often it is done', async () => {
  // Not a copy, since the messages of its errors name files by their paths.
  const lake = await makeLake(6);
  const report = await breakRun(lake);
  const errors = await errorsOf(lake);
  for (const number of [1, 2]) {
    expect(await retry(lake.store)).toMatchObject({ number, imageCount: 0, errorCount: 6 });
    expect(await imagesOf(lake)).toEqual(WRITTEN);
    expect(await errorsOf(lake)).toEqual(errors);
  }
  for (const table of ['manifest', 'errors'] as const)
    expect((await readSnapshot(lake.store, executionKeys[table](report.folder)))?.version).toBe(0);
  expect(await retry(lake.store, { code: 'IMAGE_EMPTY' })).toMatchObject({
    number: undefined,
    retriedCount: 0,
    imageCount: 0,
    errorCount: 0,
    imageBytes: 0,
  });
  expect(await lake.store.stat(executionKeys.spec(executionKeys.retry(report.folder, 3)))).toBeUndefined();
  expect.assertions(3 * 2 + 2 + 2);
});

test('an image that fails for another reason has that reason, and the manifest stays as it is', async () => {
  const { lake, report } = await copyBroken();
  await lake.store.delete('originals/images/3.jpg');
  expect(await retry(lake.store)).toMatchObject({ imageCount: 0, errorCount: 6 });
  expect((await errorsOf(lake)).toSorted()).toEqual(
    [2, 3, 4].flatMap((id) => [`${id}/0 OBJECT_NOT_FOUND`, `${id}/1 OBJECT_NOT_FOUND`]),
  );
  const versions = ['errors', 'manifest'] as const;
  const found = versions.map(async (table) => readSnapshot(lake.store, executionKeys[table](report.folder)));
  expect((await Promise.all(found)).map((snapshot) => snapshot?.version)).toEqual([1, 0]);
});

test('a retry that has begun is finished by the next one, whatever that is to do', async () => {
  const { lake, report, mend } = await copyBroken();
  await mend(2);
  const begun = await beginRetry(makeContext(lake.store), 'r', { code: 'OBJECT_NOT_FOUND' });
  expect(begun.execution).toEqual(await readExecution(lake.store, report.folder));
  expect(begun.retry).toEqual(await readExecution(lake.store, executionKeys.retry(report.folder, 1)));
  expect(begun.retry?.retry).toEqual({ number: 1, code: 'OBJECT_NOT_FOUND' });
  expect(await beginRetry(makeContext(lake.store), 'r', { code: 'IMAGE_CHANGED' })).toEqual(begun);
  expect(await retry(lake.store, { code: 'IMAGE_CHANGED' })).toMatchObject({ number: 1, retriedCount: 4 });
  expect(await retry(lake.store, { code: 'IMAGE_CHANGED' })).toMatchObject({ number: 2, retriedCount: 2 });
});

test.each(['manifest/_delta_log', 'errors/_delta_log', 'retries/1/_SUCCESS'])(
  'a retry that was killed when it came to write %s is finished by the next one, once',
  async (part) => {
    const { lake, report, mend } = await copyBroken();
    await mend(2);
    const dying = withFaults(lake.store, {
      async writeIfAbsent(key, bytes, options) {
        if (key.includes(`/${part}`) && !key.endsWith('00000000000000000000.json')) throw new Error('killed');
        return lake.store.writeIfAbsent(key, bytes, options);
      },
    });
    await expect(
      retryRun({ ...makeContext(dying, inProcessExecutor), source: lake.store }, 'r', {}),
    ).rejects.toThrow('killed');
    expect(await findRun(lake.store, 'r')).toMatchObject({ retryCount: 0, hasUnfinishedRetry: true });
    expect(await retry(lake.store)).toMatchObject({ number: 1, imageCount: 2, errorCount: 4 });
    expect(await imagesOf(lake)).toEqual([...WRITTEN, '2-0', '2-1'].toSorted());
    expect((await errorsOf(lake)).toSorted()).toEqual(without(2).toSorted());
    for (const table of ['manifest', 'errors'] as const)
      expect((await readSnapshot(lake.store, executionKeys[table](report.folder)))?.version).toBe(1);
    expect(await findRun(lake.store, 'r')).toMatchObject({ retryCount: 1, hasUnfinishedRetry: false });
    expect.assertions(8);
  },
);

test('two processes that finish one retry write its rows once', async () => {
  const { lake, mend } = await copyBroken();
  for (const id of [2, 3, 4]) await mend(id);
  await beginRetry(makeContext(lake.store), 'r', {});
  const [one, other] = await Promise.all([retry(lake.store), retry(lake.store)]);
  expect({ ...other, durationMs: 0 }).toEqual({ ...one, durationMs: 0 });
  expect(one).toMatchObject({ number: 1, imageCount: 6, errorCount: 0 });
  expect(await imagesOf(lake)).toEqual([1, 2, 3, 4, 5, 6].flatMap((id) => [`${id}-0`, `${id}-1`]));
  expect(await errorsOf(lake)).toEqual([]);
});

test('a run that has not finished, or that is not there, is not retried', async () => {
  const { lake, report } = await copyBroken();
  await lake.store.delete(executionKeys.success(report.folder));
  await expect(retry(lake.store)).rejects.toMatchObject({
    code: 'RUN_UNFINISHED',
    remedy: 'finish it first: pixlake runs resume r',
  });
  await expect(retryRun(makeContext(lake.store), 'none', {})).rejects.toMatchObject({
    code: 'RUN_NOT_FOUND',
    message: `no run none exists in ${lake.uri}`,
  });
});

test('a retry whose model has changed is not begun', async () => {
  const folder = await makeTestFolder();
  const { onnxPath } = await writeModel(folder);
  const lake = await makeLake(6);
  const report = await breakRun(lake, { model: onnxPath });
  await writeModel(folder, { ...TOY_MODEL, name: 'other' });
  await expect(retry(lake.store)).rejects.toMatchObject({ code: 'MODEL_MISMATCH' });
  expect(await keysOf(lake.store, executionKeys.retries(report.folder))).toEqual([]);
});
