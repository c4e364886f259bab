import { expect, test } from 'vitest';
import { executionKeys } from '../../src/run/execution.ts';
import { cancelRun, findRun, listRuns, readRunErrors } from '../../src/run/inspect-runs.ts';
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
