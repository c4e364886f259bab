import { expect, test } from 'vitest';
import {
  describeExecution,
  listLakeExecutions,
  namesOf,
  readsFolder,
} from '../../src/maintenance/lake-executions.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { writeExecution } from '../../src/run/read-executions.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeExecution } from '../support/execution.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test('the executions of all runs are told with how they stand; what cannot be read is left out', async () => {
  const store = openLocalStore(await makeTestFolder());
  const freeze = async (name: string, ...markers: readonly string[]): Promise<Execution> => {
    const execution = makeExecution(name);
    await writeExecution(store, execution);
    for (const marker of markers) await store.write(`${folderOf(execution)}/${marker}`, Buffer.alloc(0));
    return execution;
  };
  await freeze('going');
  await freeze('stopped', '_CANCELLED');
  await freeze('done', '_SUCCESS');
  const retried = await freeze('retried', '_SUCCESS');
  await writeExecution(store, { ...retried, retry: { number: 1 } });
  await store.write('runs/damaged/run_id=0123456789abcdef/spec.json', Buffer.from('{"torn'));
  const found = await listLakeExecutions(store);
  expect(Object.fromEntries(found.map(({ execution, state }) => [execution.run.name, state]))).toEqual({
    going: 'unfinished',
    stopped: 'cancelled',
    done: 'finished',
    retried: 'retrying',
  });
  expect(found.map(({ execution, folder }) => folder === folderOf(execution))).toEqual(Array(4).fill(true));
  const retry = executionKeys.retry(folderOf(retried), 1);
  const stateOf = async (): Promise<string> => (await describeExecution(store, retried)).state;
  // A retry whose end cannot be read has not finished, and neither has one that cannot be read itself.
  await store.write(executionKeys.success(retry), Buffer.from('torn'));
  expect(await stateOf()).toBe('retrying');
  const counts = { runId: retried.runId, imageCount: 0, takenCount: 0, errorCount: 0, imageBytes: 0 };
  await store.write(executionKeys.success(retry), encodeStored(counts));
  expect(await stateOf()).toBe('finished');
  await store.write(executionKeys.spec(retry), Buffer.from('torn'));
  expect(await stateOf()).toBe('retrying');
  const broken = withFaults(store, { read: async () => Promise.reject(new TypeError('broken')) });
  await expect(describeExecution(broken, retried)).rejects.toThrow('broken');
  // What is asked of one that has not finished is not asked of its retries.
  await store.delete(executionKeys.success(folderOf(retried)));
  expect(await stateOf()).toBe('unfinished');
  expect(namesOf([...found, ...found])).toEqual(['done', 'going', 'retried', 'stopped']);
});

test('an execution reads the tables that its versions name, until it has finished', async () => {
  const store = openLocalStore(await makeTestFolder());
  const known = (fields: Parameters<typeof makeExecution>[1], state = 'unfinished' as const) => {
    const execution = makeExecution('r', fields);
    return { execution, folder: folderOf(execution), state };
  };
  const reader = known({ versions: { 'tables/t': '3', 'runs/a/run_id=0/manifest': '0' } });
  expect(readsFolder(store, reader, 'tables/t')).toBe(true);
  expect(readsFolder(store, reader, 'tables')).toBe(true);
  expect(readsFolder(store, reader, 'runs/a/run_id=0')).toBe(true);
  expect(readsFolder(store, reader, 'tables/t2')).toBe(false);
  expect(readsFolder(store, reader, 'tables/t/x')).toBe(false);
  expect(readsFolder(store, { ...reader, state: 'finished' }, 'tables/t')).toBe(false);
  expect(readsFolder(store, { ...reader, state: 'cancelled' }, 'tables/t')).toBe(true);
  // An attached table goes by where it lies; one of another lake is none of ours.
  expect(readsFolder(store, known({ versions: { [store.locate('tables/t')]: '0' } }), 'tables/t')).toBe(true);
  const elsewhere = known({ versions: { 'tables/t': '3' }, sourceLake: 's3://bucket/lake' });
  expect(readsFolder(store, elsewhere, 'tables/t')).toBe(false);
  const here = known({ versions: { 'tables/t': '3' }, sourceLake: store.uri });
  expect(readsFolder(store, here, 'tables/t')).toBe(true);
});
