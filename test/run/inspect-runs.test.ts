import { expect, test } from 'vitest';
import type { BlockMarker } from '../../src/run/block-marker.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import {
  cancelRun,
  describeExecution,
  findRun,
  listRuns,
  readRunErrors,
} from '../../src/run/inspect-runs.ts';
import { writeExecution } from '../../src/run/read-executions.ts';
import { placeMarker } from '../../src/run/shard-marker.ts';
import { placeSuccess } from '../../src/run/success.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { makeExecution } from '../support/execution.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { makeLake, queryRows, runWith } from '../support/run-in-process.ts';

test('a run is told with its counts, and its errors in the order of the plan, also before it has finished', async () => {
  const lake = await makeLake(6);
  const { store } = lake;
  for (const id of [2, 3, 6]) await store.delete(`originals/images/${id}.jpg`);
  const { folder } = await runWith(store, { name: 'r', sql: 'SELECT id FROM images', shardSize: 2 });
  const counts = {
    finishedShardCount: 3,
    imageCount: 3,
    errorCount: 3,
    retryCount: 0,
    hasUnfinishedRetry: false,
  };
  expect(await findRun(store, 'r')).toMatchObject({ folder, state: 'finished', ...counts });
  expect(await listRuns(store)).toMatchObject({ runs: [{ folder, ...counts }], unreadable: [] });
  await expect(cancelRun(store, 'r')).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
  const all = await readRunErrors(store, 'r', 100);
  expect(all.map(({ id, stage, code }) => `${id} ${stage} ${code}`).sort()).toEqual(
    ['2', '3', '6'].map((id) => `${id} read OBJECT_NOT_FOUND`),
  );
  expect(await readRunErrors(store, 'r', 2)).toEqual(all.slice(0, 2));
  const planned = await queryRows<{ id: string; shard: number }>(
    lake,
    'SELECT id, (ordinal // 2)::INTEGER AS shard FROM errors.r ORDER BY ordinal',
  );
  expect(all.map(({ id }) => id)).toEqual(planned.map(({ id }) => id));

  // As before its commit: markers of shards tell the same, and of what is not done yet nothing.
  await store.delete(executionKeys.success(folder));
  await store.delete(executionKeys.block(folder, 0));
  expect(await findRun(store, 'r')).toMatchObject({ state: 'unfinished', ...counts });
  expect(await readRunErrors(store, 'r', 100)).toEqual(all);
  expect(await readRunErrors(store, 'r', 1)).toEqual(all.slice(0, 1));
  await store.delete(executionKeys.shard(folder, 1));
  const left = planned.filter(({ shard }) => shard !== 1).map(({ id }) => id);
  const done = { finishedShardCount: 2, imageCount: 4 - left.length, errorCount: left.length };
  expect(await findRun(store, 'r')).toMatchObject(done);
  expect((await readRunErrors(store, 'r', 100)).map(({ id }) => id)).toEqual(left);
  expect(await cancelRun(store, 'r')).toMatchObject({ folder, state: 'cancelled' });
  expect(await findRun(store, 'r')).toMatchObject({ state: 'cancelled' });
});

test('a run that is not there is an error that names those that are', async () => {
  const { store } = await makeLake(1);
  await expect(findRun(store, 'r')).rejects.toMatchObject({
    code: 'RUN_NOT_FOUND',
    remedy: 'the lake has no runs yet',
  });
  await runWith(store, { name: 'other', sql: 'SELECT id FROM images' });
  await expect(findRun(store, 'r')).rejects.toMatchObject({
    code: 'RUN_NOT_FOUND',
    remedy: 'the lake has: other',
  });
  expect(await listRuns(store)).toMatchObject({ runs: [{ imageCount: 1 }] });
});

const NO_FILES = { part: null, errors: null };

test('an unfinished run is told by its merged blocks, and by the markers of the other shards', async () => {
  const store = openLocalStore(await makeTestFolder());
  const execution = makeExecution('r', { rowCount: 2100, shardCount: 2100 });
  const folder = folderOf(execution);
  await writeExecution(store, execution);
  const counts = { imageCount: 0, takenCount: 0, errorCount: 0, imageBytes: 0 };
  const block: BlockMarker = { block: 1, shardCount: 1000, ...counts, manifest: null, errors: null };
  await store.write(
    executionKeys.block(folder, 1),
    encodeStored({ ...block, imageCount: 900, errorCount: 100 }),
  );
  for (const shard of [0, 5, 2099]) await placeMarker(store, folder, { shard, ...counts, ...NO_FILES });
  // Shards of a block that is merged are not read.
  await store.write(executionKeys.shard(folder, 1000), Buffer.from('{'));
  const read: string[] = [];
  const watched = withFaults(store, {
    read: async (key, range) => {
      if (key.includes('/shards/')) read.push(key);
      return store.read(key, range);
    },
  });
  expect(await describeExecution(watched, execution)).toEqual({
    execution,
    folder,
    state: 'unfinished',
    finishedShardCount: 1003,
    imageCount: 900,
    errorCount: 100,
    retryCount: 0,
    hasUnfinishedRetry: false,
  });
  expect(read).toEqual([0, 5, 2099].map((shard) => executionKeys.shard(folder, shard)));
});

test('a finished run is told with the images of its retries, of which the last may not be done', async () => {
  const store = openLocalStore(await makeTestFolder());
  const execution = makeExecution('r', { rowCount: 9, shardCount: 3 });
  const { runId } = execution;
  const success = { runId, imageCount: 4, takenCount: 0, errorCount: 5, imageBytes: 1 };
  await writeExecution(store, execution);
  await placeSuccess(store, folderOf(execution), success);
  for (const number of [1, 2, 3]) {
    const retry = { ...execution, retry: { number } };
    await writeExecution(store, retry);
    const retried = { ...success, imageCount: number, errorCount: 5 - number };
    if (number < 3) await placeSuccess(store, folderOf(retry), retried);
  }
  expect(await findRun(store, 'r')).toEqual({
    execution,
    folder: folderOf(execution),
    state: 'finished',
    finishedShardCount: 3,
    imageCount: 4 + 1 + 2,
    errorCount: 5 - 1 - 2,
    retryCount: 2,
    hasUnfinishedRetry: true,
    finishedMs: expect.any(Number),
  });
});

test('executions that cannot be read are listed with the reason, and the others with them', async () => {
  const store = openLocalStore(await makeTestFolder());
  const execution = makeExecution('fine');
  await writeExecution(store, execution);
  await store.write('runs/bad/run_id=0/spec.json', Buffer.from('{'));
  const listed = await listRuns(store);
  expect(listed.runs.map(({ folder }) => folder)).toEqual([folderOf(execution)]);
  expect(listed.unreadable).toEqual([
    {
      name: 'bad',
      folder: 'runs/bad/run_id=0',
      code: 'RUN_CORRUPT',
      message: expect.stringContaining('spec.json'),
      remedy: undefined,
    },
  ]);
  await expect(findRun(store, 'bad')).rejects.toMatchObject({ code: 'RUN_CORRUPT' });
});

test('a run that is cancelled says so in its folder, and one that is not there cannot be', async () => {
  const store = openLocalStore(await makeTestFolder());
  const execution = makeExecution('r');
  await writeExecution(store, execution);
  const before = await findRun(store, 'r');
  expect(await cancelRun(store, 'r')).toEqual({ ...before, state: 'cancelled' });
  expect(await store.stat(executionKeys.cancelled(folderOf(execution)))).toMatchObject({ sizeBytes: 0 });
  await expect(cancelRun(store, 'none')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  expect(await readRunErrors(store, 'r', 9)).toEqual([]);
});
