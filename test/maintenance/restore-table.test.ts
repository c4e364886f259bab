import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { restoreTable } from '../../src/maintenance/restore-table.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { codeOf } from '../support/daily-run.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { withCommitBefore } from '../support/failing-store.ts';
import { rowsOf } from '../support/rows-of.ts';
import { copyGrownTable } from './grown-table.ts';

describe('restore', () => {
  test('brings rows and columns of a version back, and can be undone', async () => {
    const { lakehouse, folder } = await copyGrownTable();
    const before = await rowsOf(lakehouse, 'SELECT * FROM images ORDER BY id');
    const source = join(folder, 'source0', 'more.csv');
    await writeFile(source, 'id,gender,year,note\n1,Men,1999,new\n');
    await lakehouse.ingest({ source, images: join(folder, 'source0', 'images') });
    expect(await rowsOf(lakehouse, 'SELECT note, year FROM images WHERE id = 1')).toEqual([['new', 1999]]);
    const report = { table: 'images', restoredVersion: 4, version: 6 };
    expect(await lakehouse.tables.restore('images', '4')).toEqual({
      ...report,
      isCommitted: true,
      addedFileCount: 1,
      removedFileCount: 1,
    });
    expect(await rowsOf(lakehouse, 'SELECT * FROM images ORDER BY id')).toEqual(before);
    expect(await lakehouse.tables.restore('images', 'v4')).toEqual({
      ...report,
      isCommitted: false,
      addedFileCount: 0,
      removedFileCount: 0,
    });
    await lakehouse.tables.restore('images', '5');
    expect(await rowsOf(lakehouse, 'SELECT note FROM images WHERE id = 1')).toEqual([['new']]);
    expect(await codeOf(lakehouse.tables.restore('images', '99'))).toBe('SNAPSHOT_NOT_FOUND');
    const history = await lakehouse.tables.history('images', 2);
    expect(history).toMatchObject([
      {
        operation: 'RESTORE',
        parameters: { version: '5' },
        metrics: { numRestoredFiles: '1', numRemovedFiles: '1' },
      },
      { operation: 'RESTORE', parameters: { version: '4' } },
    ]);
  });

  test('brings rows back that were deleted, and those alone that came later go', async () => {
    const { lakehouse } = await copyGrownTable();
    await lakehouse.tables.optimize({ table: 'images' });
    const before = await rowsOf(lakehouse, 'SELECT * FROM images ORDER BY id');
    await lakehouse.tables.delete({ table: 'images', where: 'id IN (2, 3)' });
    expect(await lakehouse.tables.restore('images', '5')).toMatchObject({
      isCommitted: true,
      version: 7,
      addedFileCount: 2,
      removedFileCount: 2,
    });
    expect(await rowsOf(lakehouse, 'SELECT * FROM images ORDER BY id')).toEqual(before);
    expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
  });

  test('on top of a delete that came first is done again from what that left', async () => {
    const { lakehouse, lake } = await copyGrownTable();
    const store = withCommitBefore(openLocalStore(lake), () =>
      lakehouse.tables.delete({ table: 'images', where: 'id = 1' }),
    );
    const report = await restoreTable({ store, software: 'test' }, { table: 'images', to: '1' });
    // The file of the deleted row is one of those that come back.
    expect(report).toMatchObject({ isCommitted: true, version: 6, addedFileCount: 1 });
    expect(await rowsOf(lakehouse, 'SELECT list(id ORDER BY id) FROM images')).toEqual([[[1, 2, 3, 4]]]);
    expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
  });

  test('of columns alone, where no file differs, is a commit too', async () => {
    const { lakehouse, folder } = await copyGrownTable();
    const names = async (): Promise<unknown[]> =>
      (
        await rowsOf(lakehouse, "SELECT column_name FROM (DESCRIBE images) WHERE column_name = 'note'")
      ).flat();
    const source = join(folder, 'source0', 'more.csv');
    // The row is as it was, so that only its new column, which is null, comes to the table.
    await writeFile(source, 'id,note\n1,\n');
    const ingested = await lakehouse.ingest({ source, images: join(folder, 'source0', 'images') });
    expect(ingested).toMatchObject({ isCommitted: true, version: 5, newColumns: ['note'], changedCount: 0 });
    expect(await names()).toEqual(['note']);
    expect(await lakehouse.tables.restore('images', '4')).toMatchObject({
      isCommitted: true,
      version: 6,
      addedFileCount: 0,
      removedFileCount: 0,
    });
    expect(await names()).toEqual([]);
    expect(await rowsOf(lakehouse, 'SELECT count(*) FROM images')).toEqual([[10]]);
  });

  /** A table whose first version has the files `a` and `b` and a property, and whose second has `b` and `c`. */
  async function makeVersions(): Promise<DeltaTable> {
    const table = await DeltaTable.begin();
    table.protocol().metadata({ id: 'long' }, { configuration: { kept: 'yes' } });
    for (const name of ['a', 'b']) await table.addRows(`${name}.parquet`, 'SELECT 1::BIGINT AS id');
    await table.commit();
    table.remove('a.parquet').metadata({ id: 'long' }, { configuration: { kept: 'no' } });
    await table.addRows('c.parquet', 'SELECT 2::BIGINT AS id');
    await table.commit();
    return table;
  }

  test('moves only the files in which versions differ, and brings the properties of the table back', async () => {
    const { store } = await makeVersions();
    expect(await restoreTable({ store, software: 'test' }, { table: 't', to: 'v0' })).toMatchObject({
      addedFileCount: 1,
      removedFileCount: 1,
    });
    const snapshot = await readSnapshot(store, 'tables/t');
    expect(snapshot?.metadata.configuration).toEqual({ kept: 'yes' });
    expect(snapshot?.files.map(({ add }) => add.path).sort()).toEqual(['a.parquet', 'b.parquet']);
  });

  test('of a version whose files were vacuumed commits nothing, and says which one is missing', async () => {
    const { store } = await makeVersions();
    await store.delete('tables/t/a.parquet');
    await expect(restoreTable({ store, software: 'test' }, { table: 't', to: 'v0' })).rejects.toMatchObject({
      code: 'OBJECT_NOT_FOUND',
      message: 'version 0 needs tables/t/a.parquet, which no longer exists',
      remedy: 'the file was vacuumed or deleted; choose a later version from `pixlake history`',
    });
    expect(await readSnapshot(store, 'tables/t')).toMatchObject({ version: 1 });
    // Files that both versions have need not be looked for.
    await store.delete('tables/t/b.parquet');
    expect(await restoreTable({ store, software: 'test' }, { table: 't', to: 'v1' })).toMatchObject({
      isCommitted: false,
    });
  });

  test('conflicts with rows that are added meanwhile, and is done again', async () => {
    const table = await makeVersions();
    const store = withCommitBefore(table.store, async () => {
      await table.addRows('d.parquet', 'SELECT 3::BIGINT AS id');
      await table.commit();
    });
    expect(await restoreTable({ store, software: 'test' }, { table: 't', to: 'v0' })).toMatchObject({
      version: 3,
      removedFileCount: 2,
    });
  });

  test('that is stopped commits nothing', async () => {
    const { store } = await makeVersions();
    const context = { store, software: 'test', signal: AbortSignal.abort(new Error('stopped')) };
    await expect(restoreTable(context, { table: 't', to: 'v0' })).rejects.toThrow('stopped');
    expect(await readSnapshot(store, 'tables/t')).toMatchObject({ version: 1 });
  });
});
