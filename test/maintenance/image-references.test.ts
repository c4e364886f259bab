import { expect, test } from 'vitest';
import {
  addImageReferences,
  listReferrers,
  REFERENCED,
  withFileLists,
} from '../../src/maintenance/image-references.ts';
import { join } from 'node:path';
import { REMOVED_SPEC } from '../../src/catalog/run-folders.ts';
import { PixlakeError } from '../../src/errors.ts';
import { logKey } from '../../src/table/log-listing.ts';
import { DeltaTable, writeEntry, writeFileOf } from '../support/delta-table.ts';
import { withFaults } from '../support/failing-store.ts';
import { beginFrozenRuns } from './frozen-runs.ts';

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

test('tables and the manifests of executions refer, but not those that are being deleted', async () => {
  const runs = await beginFrozenRuns();
  const { runId } = await runs.freeze('r', {}, '_SUCCESS');
  await runs.store.write('tables/b/x', Buffer.from(''));
  await runs.store.write('tables/a/x', Buffer.from(''));
  await runs.store.write('runs/r/run_id=0000000000000000/spec.json', REMOVED_SPEC);
  await runs.store.write('runs/r/run_id=0000000000000001/images/1.jpg', Buffer.from(''));
  await runs.store.write('runs/s/run_id=0000000000000002/spec.json', Buffer.from('torn'));
  expect(await listReferrers(runs.store)).toEqual([
    { folder: 'tables/a', title: 'table a' },
    { folder: 'tables/b', title: 'table b' },
    { folder: `runs/r/run_id=${runId}/manifest`, title: `run r (run_id=${runId})` },
    { folder: 'runs/s/run_id=0000000000000002/manifest', title: 'run s (run_id=0000000000000002)' },
  ]);
});

test('a clone refers by the files of the table that it was cloned from', async () => {
  const table = await makeTable();
  const clone = 'tables/clone';
  const keys = ['a', 'b', 'vacuumed'].map((name) => ({
    add: { path: table.store.locate(`${DeltaTable.FOLDER}/${name}.parquet`), size: 1, partitionValues: {} },
  }));
  const metaData = { id: 'x', schemaString: '{"type":"struct","fields":[]}' };
  const protocol = { minReaderVersion: 1, minWriterVersion: 2 };
  await writeEntry(join(table.lake, clone), 0, [{ protocol }, { metaData }, ...keys]);
  await table.store.deleteMany([0, 1].map((version) => logKey(DeltaTable.FOLDER, version)));
  const found = await referencesOf(table, 'originals/t');
  expect(found.filter(([, referrer]) => referrer === 'table clone').map(([key]) => key)).toEqual([
    'originals/t/1.jpg',
    'originals/t/2.jpg',
    'originals/t/4.jpg',
  ]);
});

test('image keys are found whatever their case, beside files that lack the column, and not in plans of the log', async () => {
  const table = await DeltaTable.begin();
  table.protocol().metadata({ id: 'long', IMAGE_KEY: 'string' });
  await table.addRows('a.parquet', 'SELECT 1::BIGINT AS id');
  await table.addRows('b.parquet', "SELECT 'originals/t/1.jpg' AS IMAGE_KEY");
  await table.commit();
  expect(await referencesOf(table, 'originals/t')).toEqual([['originals/t/1.jpg', 'table t']]);
  await writeFileOf(table.path, '_delta_log/c.parquet', "SELECT 'originals/t/2.jpg' AS image_key");
  await table.store.write(`${DeltaTable.FOLDER}/d.txt`, Buffer.from('no Parquet'));
  await table.store.write(logKey(DeltaTable.FOLDER, 0), Buffer.from('{"torn'));
  expect(await referencesOf(table, 'originals/t')).toEqual([['originals/t/1.jpg', 'table t']]);
});

test('where the store fails, nothing is guessed', async () => {
  const table = await makeTable();
  for (const error of [new TypeError('broken'), new PixlakeError('STORAGE_FAILED', 'no answer')]) {
    const store = withFaults(table.store, { read: async () => Promise.reject(error) });
    const asked = withFileLists(table.store, (db) =>
      addImageReferences(db, store, 'originals/t', [{ folder: DeltaTable.FOLDER, title: 't' }]),
    );
    await expect(asked).rejects.toBe(error);
  }
});

test('files are asked 200 at a time, and none is left out', async () => {
  const table = await DeltaTable.begin();
  table.protocol().metadata({ image_key: 'string' });
  const { size } = await writeFileOf(table.path, '0.parquet', "SELECT 'originals/t/0.jpg' AS image_key");
  const bytes = await table.store.read(`${DeltaTable.FOLDER}/0.parquet`);
  for (let file = 0; file < 401; file++) {
    // Of the same length, so that the file stays whole.
    const text = bytes
      .toString('latin1')
      .replaceAll('originals/t/0.jpg', `originals/t/0.${String(file).padStart(3, '0')}`);
    await table.store.write(`${DeltaTable.FOLDER}/${file}.parquet`, Buffer.from(text, 'latin1'));
    table.add(`${file}.parquet`, { size });
  }
  await table.commit();
  const asked: number[] = [];
  const keys = await withFileLists(table.store, async (db) => {
    const locate = db.locate.bind(db);
    db.locate = (store, objects) => {
      asked.push(objects.length);
      return locate(store, objects);
    };
    await addImageReferences(db, table.store, 'originals/t', [{ folder: DeltaTable.FOLDER, title: 't' }]);
    return db.rows<{ key: string }>(`SELECT DISTINCT key FROM ${REFERENCED}`);
  });
  expect(asked).toEqual([200, 200, 1]);
  expect(keys).toHaveLength(401);
});
