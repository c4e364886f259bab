import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { deleteRows } from '../../src/maintenance/delete-rows.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { DeltaTable, duckDb } from '../support/delta-table.ts';
import { withCommitBefore } from '../support/failing-store.ts';
import { codeOf } from '../support/daily-run.ts';
import { rowsOf } from '../support/rows-of.ts';
import { ALL, dataFiles, copyGrownTable } from './grown-table.ts';

describe('delete', () => {
  test('takes out the rows that match, and only those, null or not', async () => {
    const { lakehouse } = await copyGrownTable();
    const report = await lakehouse.tables.delete({
      table: 'images',
      where: 'id > 3 AND (year > 2008 OR NULL)',
    });
    expect(report).toMatchObject({ isCommitted: true, version: 5, deletedCount: 2, addedFileCount: 0 });
    expect(await rowsOf(lakehouse, 'SELECT count(*), max(id)::BIGINT FROM images')).toEqual([[8, 8]]);
    expect(await rowsOf(lakehouse, 'SELECT count(*) FROM images@v4')).toEqual([[10]]);
    await expect(lakehouse.tables.verify('images')).resolves.toMatchObject({ problems: [], rowCount: 8 });
  });

  test('keeps rows for which the condition is null, also beside those that go, and writes them anew', async () => {
    const { lakehouse } = await copyGrownTable();
    await lakehouse.tables.optimize({ table: 'images' });
    const where = 'CASE WHEN id = 1 THEN true WHEN id < 6 THEN NULL ELSE false END';
    expect(await lakehouse.tables.delete({ table: 'images', where })).toMatchObject({
      deletedCount: 1,
      copiedCount: 4,
    });
    expect(await rowsOf(lakehouse, 'SELECT list(id ORDER BY id) FROM images')).toEqual([
      [[2, 3, 4, 5, 6, 7, 8, 9, 10]],
    ]);
    expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
    // A condition that is null throughout takes nothing.
    expect(await lakehouse.tables.delete({ table: 'images', where: 'NULL' })).toMatchObject({
      isCommitted: false,
      deletedCount: 0,
    });
  });

  test('writes the other rows of a file anew', async () => {
    const { lakehouse, table } = await copyGrownTable();
    await lakehouse.tables.optimize({ table: 'images' });
    const before = await rowsOf(lakehouse, 'SELECT * FROM images WHERE id <> 3 ORDER BY id');
    expect(await lakehouse.tables.delete({ table: 'images', where: 'id = 3' })).toEqual({
      table: 'images',
      version: 6,
      isCommitted: true,
      deletedCount: 1,
      copiedCount: 4,
      removedFileCount: 1,
      addedFileCount: 1,
    });
    expect(await rowsOf(lakehouse, ALL)).toEqual(before);
    expect(await lakehouse.tables.history('images', 1)).toMatchObject([
      {
        operation: 'DELETE',
        parameters: { predicate: '["id = 3"]' },
        metrics: { numDeletedRows: '1', numCopiedRows: '4', numRemovedFiles: '1', numAddedFiles: '1' },
      },
    ]);
    expect((await dataFiles(table)).length).toBeGreaterThan(2);
  });

  test('of nothing, or as a dry run, changes nothing', async () => {
    const { lakehouse } = await copyGrownTable();
    const same = { table: 'images', version: 4, isCommitted: false, copiedCount: 0, addedFileCount: 0 };
    expect(await lakehouse.tables.delete({ table: 'images', where: 'false' })).toEqual({
      ...same,
      deletedCount: 0,
      removedFileCount: 0,
    });
    expect(await lakehouse.tables.delete({ table: 'images', where: 'true', isDryRun: true })).toEqual({
      ...same,
      deletedCount: 10,
      removedFileCount: 10,
    });
    expect(await rowsOf(lakehouse, 'SELECT count(*) FROM images')).toEqual([[10]]);
  });

  test('may ask other tables and older versions', async () => {
    const { lakehouse } = await copyGrownTable();
    await lakehouse.tables.delete({ table: 'images', where: 'id NOT IN (SELECT id FROM images@v1)' });
    expect(await rowsOf(lakehouse, 'SELECT count(*) FROM images')).toEqual([[4]]);
    await lakehouse.tables.delete({ table: 'images', where: 'true' });
    expect(await rowsOf(lakehouse, 'SELECT count(*) FROM images')).toEqual([[0]]);
    expect((await rowsOf(lakehouse, 'SELECT * FROM images@v0')).length).toBe(2);
  });

  test.each([
    ['true) OR (false', undefined, 0],
    ['id = 1; DROP TABLE images', 'SQL_SYNTAX', 10],
    ['no_such_column = 1', 'SQL_FAILED', 10],
    ['', 'SQL_SYNTAX', 10],
    [`id = 1 -- ' comment`, undefined, 9],
  ])('with the condition %j deletes what it says, or nothing', async (where, code, left) => {
    const { lakehouse } = await copyGrownTable();
    await lakehouse.tables.optimize({ table: 'images' });
    expect(await codeOf(lakehouse.tables.delete({ table: 'images', where }))).toBe(code);
    expect(await rowsOf(lakehouse, 'SELECT count(*), count(DISTINCT id) FROM images')).toEqual([
      [left, left],
    ]);
  });

  test('by chance deletes the rows that it counts', async () => {
    const { lakehouse } = await copyGrownTable();
    await lakehouse.tables.optimize({ table: 'images' });
    for (let round = 0, left = 10; round < 3; round++) {
      const { deletedCount } = await lakehouse.tables.delete({ table: 'images', where: 'random() < 0.5' });
      left -= deletedCount;
      expect(await rowsOf(lakehouse, 'SELECT count(*), count(DISTINCT id) FROM images')).toEqual([
        [left, left],
      ]);
    }
    expect.assertions(3);
  });

  test('is for the tables of the lake only', async () => {
    const { lakehouse, folder, table } = await copyGrownTable();
    await lakehouse.tables.attach('mirror', table);
    expect(await codeOf(lakehouse.tables.delete({ table: 'mirror', where: 'true' }))).toBe('TABLE_READ_ONLY');
    expect(await codeOf(lakehouse.tables.delete({ table: 'none', where: 'true' }))).toBe('TABLE_NOT_FOUND');
    const source = join(folder, 'source0');
    expect(await codeOf(lakehouse.ingest({ source, table: 'mirror' }))).toBe('TABLE_READ_ONLY');
  });

  /** A table whose rows are sorted by an id, in one file of each of two kinds. */
  async function makeKinds(): Promise<DeltaTable> {
    const table = await DeltaTable.begin();
    const making = { partitionColumns: ['kind'], configuration: { 'pixlake.sortBy': '["id"]' } };
    table.protocol().metadata({ id: 'long', kind: 'string' }, making);
    for (const [kind, ids] of [
      ['a', [1, 2, 3]],
      ['b', [4, 5, 6]],
    ] as const)
      await table.addRows(
        `kind=${kind}/1.parquet`,
        `SELECT unnest([${ids.toReversed().join()}])::BIGINT AS id`,
        {
          partitionValues: { kind },
          stats: {
            numRecords: 3,
            minValues: { id: ids[0] },
            maxValues: { id: ids[2] },
            nullCount: { id: 0 },
          },
        },
      );
    await table.commit();
    return table;
  }

  test('reads only files that may have matching rows, and writes those that stay in their order', async () => {
    const table = await makeKinds();
    // A file that is not there is not needed.
    await table.store.delete('tables/t/kind=b/1.parquet');
    const report = await deleteRows(
      { store: table.store, software: 'test' },
      { table: 't', where: 'id = 2' },
    );
    expect(report).toMatchObject({ deletedCount: 1, copiedCount: 2, addedFileCount: 1 });
    const files = (await readSnapshot(table.store, 'tables/t'))?.files ?? [];
    const [added] = files.filter(({ partitionValues }) => partitionValues['kind'] === 'a');
    expect(await duckDb(`SELECT id::INTEGER FROM '${join(table.lake, added?.key ?? '')}'`)).toEqual([
      [1],
      [3],
    ]);
  });

  test('goes on top of rows that are added meanwhile, which are later than the delete', async () => {
    const table = await makeKinds();
    const store = withCommitBefore(table.store, async () => {
      await table.addRows('kind=a/2.parquet', 'SELECT 2::BIGINT AS id', { partitionValues: { kind: 'a' } });
      await table.commit();
    });
    const report = await deleteRows({ store, software: 'test' }, { table: 't', where: 'id = 2' });
    expect(report).toMatchObject({ version: 2, deletedCount: 1 });
    expect((await readSnapshot(store, 'tables/t'))?.files).toHaveLength(3);
  });
});
