import { expect, test } from 'vitest';
import { readKnownFiles } from '../../src/maintenance/known-files.ts';
import { DeltaTable } from '../support/delta-table.ts';

const { FOLDER } = DeltaTable;
const keys = (...names: readonly string[]): Set<string> => new Set(names.map((name) => `${FOLDER}/${name}`));

test('data files are of the newest version or of earlier ones, those before a checkpoint too', async () => {
  const table = await DeltaTable.begin();
  await table.protocol().metadata({ id: 'long' }).add('a.parquet').commit();
  await table.remove('a.parquet', { deletionTimestamp: Date.now() }).add('b.parquet').commit();
  await table.checkpoint();
  await table.remove('b.parquet').add('c%20d.parquet').add('back.parquet').commit();
  await table.remove('back.parquet').commit();
  await table.add('back.parquet').commit();
  expect(await readKnownFiles(table.store, FOLDER)).toEqual({
    current: keys('c d.parquet', 'back.parquet'),
    earlier: keys('a.parquet', 'b.parquet'),
  });
});

test('where there is no table, nothing is known; a torn log is an error', async () => {
  const table = await DeltaTable.begin();
  expect(await readKnownFiles(table.store, 'tables/none')).toBeUndefined();
  await table.protocol().metadata({ id: 'long' }).commit();
  await table.store.write(`${FOLDER}/_delta_log/00000000000000000001.json`, Buffer.from('{"add":'));
  await expect(readKnownFiles(table.store, FOLDER)).rejects.toMatchObject({ code: 'TABLE_CORRUPT' });
});
