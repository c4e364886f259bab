import { expect, test } from 'vitest';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { writeExecution } from '../../src/run/read-executions.ts';
import { listRetries } from '../../src/run/retries.ts';
import { placeSuccess } from '../../src/run/success.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { makeExecution } from '../support/execution.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test('the retries of an execution are listed in order, with the counts of those that have finished', async () => {
  const store = openLocalStore(await makeTestFolder());
  const execution = makeExecution('r');
  const folder = folderOf(execution);
  expect(await listRetries(store, folder)).toEqual([]);
  // Eleven, since 10 comes before 2 where names are sorted as texts.
  const retries = Array.from({ length: 11 }, (_, index) => ({ ...execution, retry: { number: index + 1 } }));
  for (const retry of retries) await writeExecution(store, retry);
  const { runId } = execution;
  const counts = { runId, imageCount: 1, takenCount: 0, errorCount: 0, imageBytes: 7 };
  await placeSuccess(store, executionKeys.retry(folder, 1), counts);
  const known = await listRetries(store, folder);
  expect(known.map(({ retry }) => retry)).toEqual(retries);
  expect(known.map(({ success }) => success)).toEqual([
    { ...counts, finishedMs: expect.any(Number) },
    ...Array<undefined>(10).fill(undefined),
  ]);
});

test('a damaged retry is not passed over', async () => {
  const store = openLocalStore(await makeTestFolder());
  const execution = makeExecution('r');
  const folder = folderOf(execution);
  await writeExecution(store, { ...execution, retry: { number: 1 } });
  await store.write(executionKeys.spec(executionKeys.retry(folder, 2)), Buffer.from('{'));
  await expect(listRetries(store, folder)).rejects.toMatchObject({ code: 'RUN_CORRUPT' });
});
