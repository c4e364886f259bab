import { expect, test } from 'vitest';
import { folderOf } from '../../src/run/execution.ts';
import { listPinnedVersions } from '../../src/run/pinned-versions.ts';
import { writeExecution } from '../../src/run/read-executions.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { makeExecution } from '../support/execution.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const { FOLDER } = DeltaTable;

test('unfinished runs pin the versions of the table that they read', async () => {
  const store = openStore(await makeTestFolder());
  const freeze = async (
    name: string,
    fields: Parameters<typeof makeExecution>[1],
    ...markers: readonly string[]
  ): Promise<void> => {
    const execution = makeExecution(name, fields);
    await writeExecution(store, execution);
    for (const marker of markers) await store.write(`${folderOf(execution)}/${marker}`, Buffer.alloc(0));
  };
  await freeze('a', { versions: { [FOLDER]: '3' } });
  await freeze('b', { versions: { [FOLDER]: '5,7', 'tables/t-2': '2' } });
  await freeze('stopped', { versions: { [FOLDER]: '8' } }, '_CANCELLED');
  await freeze('done', { versions: { [FOLDER]: '1' } }, '_SUCCESS');
  await freeze('elsewhere', { versions: { [FOLDER]: '6' }, sourceLake: 's3://bucket/lake' });
  const pinned = await listPinnedVersions(store, FOLDER);
  expect(pinned.sort((a, b) => a - b)).toEqual([3, 5, 7, 8]);
  expect(await listPinnedVersions(store, 'tables/t-2')).toEqual([2]);
  expect(await listPinnedVersions(store, 'tables/none')).toEqual([]);
});
