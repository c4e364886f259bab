import { expect, test } from 'vitest';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { hashExecution, loadExecution } from '../../src/run/load-execution.ts';
import { planRun } from '../../src/run/plan-run.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { makeContext, makeLake } from '../support/run-in-process.ts';

const RUN = parseRunSpec({ name: 'r', sql: 'SELECT id, year FROM images', shardSize: 2 }, 'test');

test('workers read the execution that a job names as it was parsed, also from fields in another order or left out', async () => {
  const { store } = await makeLake(4);
  const execution = await planRun(makeContext(store), RUN);
  const folder = folderOf(execution);
  const sha256 = hashExecution(execution);
  expect(await loadExecution(store, folder, sha256)).toEqual(execution);
  expect(hashExecution(await readExecution(store, folder))).toBe(sha256);
  const { seed: _, ...run } = execution.run;
  const older = Object.fromEntries(Object.entries({ ...execution, run }).toReversed());
  await store.write(executionKeys.spec(folder), encodeStored(older));
  expect(await loadExecution(store, folder, sha256)).toEqual(execution);
  await expect(loadExecution(store, folder, '0'.repeat(64))).rejects.toMatchObject({
    code: 'RUN_CORRUPT',
    message: `${folder} contains another execution than the job names`,
    remedy: 'start the run again; finished work is kept',
  });
  await store.delete(executionKeys.spec(folder));
  await expect(loadExecution(store, folder, sha256)).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
});
