import { expect, test } from 'vitest';
import { listLakeExecutions, namesOf, readsFolder } from '../../src/maintenance/lake-executions.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { writeExecution } from '../../src/run/read-executions.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
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
  await store.write(executionKeys.success(executionKeys.retry(folderOf(retried), 1)), Buffer.from('torn'));
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
