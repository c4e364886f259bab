import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { restoreTable } from '../../src/maintenance/restore-table.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { codeOf } from '../support/daily-run.ts';
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
    expect(await lakehouse.tables.restore('images', '4')).toMatchObject({
      isCommitted: true,
      restoredVersion: 4,
      version: 6,
    });
    expect(await rowsOf(lakehouse, 'SELECT * FROM images ORDER BY id')).toEqual(before);
    expect(await lakehouse.tables.restore('images', 'v4')).toMatchObject({ isCommitted: false, version: 6 });
    await lakehouse.tables.restore('images', '5');
    expect(await rowsOf(lakehouse, 'SELECT note FROM images WHERE id = 1')).toEqual([['new']]);
    expect(await codeOf(lakehouse.tables.restore('images', '99'))).toBe('SNAPSHOT_NOT_FOUND');
    const history = await lakehouse.tables.history('images', 2);
    expect(history.map(({ operation }) => operation)).toEqual(['RESTORE', 'RESTORE']);
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
});
