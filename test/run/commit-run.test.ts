import { expect, test } from 'vitest';
import { commitRun } from '../../src/run/commit-run.ts';
import { driveShards } from '../../src/run/drive-shards.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { hashExecution } from '../../src/run/load-execution.ts';
import { planRun } from '../../src/run/plan-run.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import type { RunContext } from '../../src/run/run-context.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { AttemptCells } from '../../src/work/attempt.ts';
import { inProcessExecutor, makeContext, makeLake, runWith } from '../support/run-in-process.ts';
import { keysOf } from '../support/keys-of.ts';

const SPEC = { name: 'r', sql: 'SELECT id, year FROM images', shardSize: 2 };

const RUN = parseRunSpec(SPEC, 'test');

/** Another process, as far as the lake can tell. */
function openProcess(uri: string): RunContext {
  return makeContext(openLocalStore(uri));
}

test('planning, driving and committing are done by any process, each once whoever does it again', async () => {
  const { uri, store, lakehouse } = await makeLake(10);
  const execution = await planRun(openProcess(uri), RUN);
  const folder = folderOf(execution);
  expect(await planRun(openProcess(uri), RUN)).toEqual(execution);
  await expect(commitRun(openProcess(uri), execution)).rejects.toMatchObject({
    code: 'RUN_UNFINISHED',
    message: '5 of 5 shards of run r are not done, or damaged',
  });
  const frozen = await readExecution(store, folder);
  await Promise.all([driveShards(openProcess(uri), frozen), driveShards(openProcess(uri), frozen)]);
  expect(await store.stat(executionKeys.success(folder))).toBeUndefined();
  const committed = await Promise.all([
    commitRun(openProcess(uri), frozen),
    commitRun(openProcess(uri), frozen),
  ]);
  expect(committed).toEqual(Array(2).fill(expect.objectContaining({ imageCount: 10, errorCount: 0 })));
  const keys = await keysOf(store, folder);
  await driveShards(openProcess(uri), frozen);
  expect(await commitRun(openProcess(uri), frozen)).toEqual(committed[0]);
  expect(await keysOf(store, folder)).toEqual(keys);
  expect(await runWith(store, SPEC)).toMatchObject({ outcome: 'repeated', imageCount: 10 });
  expect(await lakehouse.tables.verify('runs.r', true)).toMatchObject({ imageCount: 10, problems: [] });
});

test('a commit merges what only workers have done, and refuses a run that was cancelled', async () => {
  const { uri, store, lakehouse } = await makeLake(10);
  const execution = await planRun(openProcess(uri), RUN);
  const folder = folderOf(execution);
  await using workers = await inProcessExecutor.start({ jobCount: 5, model: undefined });
  for (let shard = 0; shard < 5; shard++) {
    const place = { lake: uri, source: uri, folder, executionSha256: hashExecution(execution) };
    await workers.attempt({ ...place, shard }, new AttemptCells());
  }
  expect(await keysOf(store, executionKeys.blocks(folder))).toEqual([]);
  await store.write(executionKeys.cancelled(folder), Buffer.alloc(0));
  const cancelled = { code: 'RUN_CANCELLED' };
  await expect(commitRun(openProcess(uri), execution)).rejects.toMatchObject(cancelled);
  await store.delete(executionKeys.cancelled(folder));
  expect(await commitRun(openProcess(uri), execution)).toMatchObject({ imageCount: 10 });
  expect(await lakehouse.tables.verify('runs.r', true)).toMatchObject({ imageCount: 10, problems: [] });
});
