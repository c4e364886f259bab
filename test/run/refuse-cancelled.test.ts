import { expect, test } from 'vitest';
import { executionKeys } from '../../src/run/execution.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { cancelledError, refuseCancelled } from '../../src/run/refuse-cancelled.ts';
import { RunLibrary } from '../../src/run/run-library.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { inProcessExecutor, makeLake, runWith, wrapAttempts } from '../support/run-in-process.ts';

test('a run that is cancelled while its last shard ends is not committed, and is resumed without work', async () => {
  const { store } = await makeLake(3);
  const cancelling = wrapAttempts(inProcessExecutor, async ({ folder }, attempt) => {
    const outcome = await attempt();
    await store.write(executionKeys.cancelled(folder), Buffer.alloc(0));
    return outcome;
  });
  const spec = { name: 'r', sql: 'SELECT id FROM images' };
  await expect(runWith(store, spec, cancelling)).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
  expect(await findRun(store, 'r')).toMatchObject({ state: 'cancelled' });
  const idle = wrapAttempts(inProcessExecutor, async () => expect.fail('nothing is left to do'));
  const report = await new RunLibrary(store, idle, 'pixlake/test').resume('r', {});
  expect(report).toMatchObject({ outcome: 'finished', imageCount: 3, shardCount: 1, resumedShardCount: 1 });
});

test('a run may end unless it is cancelled', async () => {
  const store = openLocalStore(await makeTestFolder());
  const folder = 'runs/r/run_id=0';
  await expect(refuseCancelled(store, folder)).resolves.toBeUndefined();
  await store.write(executionKeys.cancelled(folder), Buffer.alloc(0));
  const cancelled = { code: 'RUN_CANCELLED', message: `the run in ${folder} was cancelled` };
  expect(cancelledError(folder)).toMatchObject(cancelled);
  await expect(refuseCancelled(store, folder)).rejects.toMatchObject(cancelled);
});
