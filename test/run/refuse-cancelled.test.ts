import { expect, test } from 'vitest';
import { executionKeys } from '../../src/run/execution.ts';
import { cancelledError, refuseCancelled } from '../../src/run/refuse-cancelled.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import type { RunReport, RunStatus } from '../../src/index.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { makeDamagedLake } from '../support/damaged-lake.ts';
import { pixlakeJson } from '../support/pixlake.ts';
import { inProcessExecutor, runWith, wrapAttempts } from '../support/run-in-process.ts';

test('a run that is cancelled while its last shard ends is not committed, and is resumed without work', async () => {
  const lake = await makeDamagedLake([]);
  const store = openLocalStore(lake);
  const cancelling = wrapAttempts(inProcessExecutor, async ({ folder }, attempt) => {
    const outcome = await attempt();
    await store.write(`${folder}/_CANCELLED`, Buffer.alloc(0));
    return outcome;
  });
  const spec = { name: 'r', sql: 'SELECT id FROM images' };
  await expect(runWith(store, spec, cancelling)).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
  expect(await pixlakeJson<RunStatus>(lake, 'runs', 'show', 'r')).toMatchObject({ state: 'cancelled' });
  const report = await pixlakeJson<RunReport>(lake, 'runs', 'resume', 'r');
  expect(report).toMatchObject({ outcome: 'finished', imageCount: 10 });
  expect(report.resumedShardCount).toBe(report.shardCount);
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
