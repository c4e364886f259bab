import { expect, test } from 'vitest';
import {
  addImageReferences,
  listReferrers,
  REFERENCED,
  withFileLists,
} from '../../src/maintenance/image-references.ts';
import { DeltaTable } from '../support/delta-table.ts';

async function referencesOf(table: DeltaTable, parent: string): Promise<[string, string][]> {
  return withFileLists(table.store, async (db) => {
    await addImageReferences(db, table.store, parent, await listReferrers(table.store));
    const rows = await db.rows<{ key: string; referrer: string }>(`FROM ${REFERENCED} ORDER BY ALL`);
    return rows.map(({ key, referrer }) => [key, referrer]);
  });
}

async function makeTable(): Promise<DeltaTable> {
  const table = await DeltaTable.begin();
  table.protocol().metadata({ image_key: 'string' });
  const first =
    "SELECT unnest(['originals/t/1.jpg', 'originals/t/2.jpg', 'originals/t2/3.jpg', NULL]) AS image_key";
  await table.addRows('a.parquet', first);
  await table.commit();
  table.remove('a.parquet', { deletionTimestamp: Date.now() });
  await table.addRows('b.parquet', "SELECT unnest(['originals/t/2.jpg', 'originals/t/4.jpg']) AS image_key");
  await table.commit();
  return table;
}

test('images that any version still names are referred to, below the folder and no other', async () => {
  const table = await makeTable();
  const named = ['1', '2', '4'].map((id) => [`originals/t/${id}.jpg`, 'table t']);
  expect([...new Set((await referencesOf(table, 'originals/t')).map(String))]).toEqual(named.map(String));
  expect(await referencesOf(table, 'originals/t2')).toEqual([['originals/t2/3.jpg', 'table t']]);
  // A version whose file was vacuumed can no longer be read.
  await table.store.delete(`${DeltaTable.FOLDER}/a.parquet`);
  expect((await referencesOf(table, 'originals/t')).map(([key]) => key)).toEqual([
    'originals/t/2.jpg',
    'originals/t/4.jpg',
  ]);
});

test('where a log cannot be read, all of its Parquet files count', async () => {
  const table = await makeTable();
  await table.store.write(`${DeltaTable.FOLDER}/_delta_log/00000000000000000001.json`, Buffer.from('{"torn'));
  expect(new Set((await referencesOf(table, 'originals/t')).map(([key]) => key))).toEqual(
    new Set(['originals/t/1.jpg', 'originals/t/2.jpg', 'originals/t/4.jpg']),
  );
});

test('a table without image keys refers to nothing', async () => {
  const table = await DeltaTable.begin();
  table.protocol().metadata({ id: 'long' });
  await table.addRows('a.parquet', 'SELECT 1::BIGINT AS id');
  await table.commit();
  expect(await referencesOf(table, 'originals/t')).toEqual([]);
});
