import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type OptimizeSpec, optimizeTable } from '../../src/maintenance/optimize-table.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { readHistory } from '../../src/table/table-history.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { codeOf } from '../support/daily-run.ts';
import { withCommitBefore } from '../support/failing-store.ts';
import { rowsOf } from '../support/rows-of.ts';
import { openLakehouse } from '../../src/index.ts';
import { DeltaTable, duckDb } from '../support/delta-table.ts';
import { ALL, copyGrownTable, dataFiles } from './grown-table.ts';

describe('optimize', () => {
  test('leaves one file a partition and the rows as they were, and a second time nothing', async () => {
    const { lakehouse } = await copyGrownTable();
    const before = await rowsOf(lakehouse, ALL);
    const report = await lakehouse.tables.optimize({ table: 'images' });
    expect(report).toMatchObject({
      isCommitted: true,
      version: 5,
      removedFileCount: 10,
      addedFileCount: 2,
    });
    expect(await rowsOf(lakehouse, ALL)).toEqual(before);
    expect(await rowsOf(lakehouse, `SELECT count(*) FROM images WHERE gender = 'Men'`)).toEqual([[5]]);
    expect(await lakehouse.tables.optimize({ table: 'images' })).toMatchObject({
      isCommitted: false,
      version: 5,
    });
    expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
  });

  test('sorts anew when asked, by columns that are there', async () => {
    const { lakehouse } = await copyGrownTable();
    const before = await rowsOf(lakehouse, ALL);
    await lakehouse.tables.optimize({ table: 'images', sortBy: ['image_sha256'], targetBytes: 1 << 20 });
    expect(await rowsOf(lakehouse, ALL)).toEqual(before);
    const hashes = await rowsOf(lakehouse, `SELECT image_sha256 FROM images WHERE gender = 'Men'`);
    const sorted = await rowsOf(
      lakehouse,
      `SELECT image_sha256 FROM images WHERE gender = 'Men' ORDER BY ALL`,
    );
    expect(hashes).toEqual(sorted);
    const unknown = lakehouse.tables.optimize({ table: 'images', sortBy: ['nope'] });
    expect(await codeOf(unknown)).toBe('ARGUMENT_INVALID');
  });

  test('commits nothing where the log counts other rows than the files have', async () => {
    const table = await DeltaTable.begin();
    table.protocol().metadata({ id: 'long' });
    for (const [name, numRecords] of [
      ['a.parquet', 2],
      ['b.parquet', 3],
    ] as const)
      await table.addRows(name, 'SELECT i AS id FROM range(2) AS r(i)', { stats: { numRecords } });
    await table.commit();
    const lakehouse = openLakehouse({ lake: table.lake });
    await expect(lakehouse.tables.optimize({ table: 't' })).rejects.toMatchObject({
      code: 'ROW_COUNT_MISMATCH',
      message: expect.stringContaining('have 4 rows, but 5 are expected'),
    });
    expect(await rowsOf(lakehouse, 'SELECT count(*) FROM t')).toEqual([[4]]);
    const { problems } = await lakehouse.tables.verify('t');
    expect(problems.map(({ problem }) => problem)).toEqual(['has 2 rows, not 3']);
    expect((await dataFiles(table.path)).sort()).toEqual(['a.parquet', 'b.parquet']);
  });

  test('goes on top of an append that came first', async () => {
    const { lakehouse, lake, folder } = await copyGrownTable();
    const ids = [11, 12];
    const images = await Promise.all(ids.map(async (id) => [`${id}.jpg`, await drawJpeg(id)] as const));
    const lines = ids.map((id) => csvLine({ id, gender: 'Men' }));
    const source = await writeCatalogue(join(folder, 'more'), lines, Object.fromEntries(images));
    const store = withCommitBefore(openLocalStore(lake), () => lakehouse.ingest({ source }));
    expect(await optimizeTable({ store, software: 'test' }, { table: 'images' })).toMatchObject({
      isCommitted: true,
      version: 6,
      removedFileCount: 10,
    });
    expect(await rowsOf(lakehouse, 'SELECT count(*), count(DISTINCT id) FROM images')).toEqual([[12, 12]]);
    expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
  });

  test('is done again after a delete that came first', async () => {
    const { lakehouse, lake } = await copyGrownTable();
    const store = withCommitBefore(openLocalStore(lake), () =>
      lakehouse.tables.delete({ table: 'images', where: 'id <= 4' }),
    );
    expect(await optimizeTable({ store, software: 'test' }, { table: 'images' })).toMatchObject({
      isCommitted: true,
      version: 6,
      removedFileCount: 6,
    });
    expect(await rowsOf(lakehouse, 'SELECT count(*), count(DISTINCT id) FROM images')).toEqual([[6, 6]]);
    expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
  });

  /** A table of two files in each of two partitions, and one in a third; rows are not sorted. */
  async function makeParts(sortBy?: string): Promise<DeltaTable> {
    const table = await DeltaTable.begin();
    const configuration = sortBy === undefined ? {} : { 'pixlake.sortBy': sortBy };
    table.protocol().metadata({ id: 'long', kind: 'string' }, { partitionColumns: ['kind'], configuration });
    for (const [path, kind, ids] of [
      ['kind=a/1.parquet', 'a', [4, 1]],
      ['kind=a/2.parquet', 'a', [3, 2]],
      ['kind=b/3.parquet', 'b', [9, 5]],
      ['kind=b/4.parquet', 'b', [7]],
      ['5.parquet', null, [6]],
    ] as const)
      await table.addRows(path, `SELECT unnest([${ids.join()}])::BIGINT AS id`, {
        partitionValues: { kind },
        stats: { numRecords: ids.length },
      });
    await table.commit();
    return table;
  }
  const run = (table: DeltaTable, spec: Partial<OptimizeSpec>): ReturnType<typeof optimizeTable> =>
    optimizeTable({ store: table.store, software: 'test' }, { table: 't', ...spec });
  const idsOf = async (table: DeltaTable): Promise<unknown[][]> => {
    const snapshot = await readSnapshot(table.store, 'tables/t');
    const found = (snapshot?.files ?? []).map(async ({ key, partitionValues }) => [
      key.slice('tables/t/'.length).replace(/[^/]+$/u, ''),
      partitionValues['kind'],
      ...(await duckDb(`SELECT id::INTEGER FROM '${join(table.lake, key)}'`)).flat(),
    ]);
    return (await Promise.all(found)).sort((x, y) => String(x).localeCompare(String(y)));
  };

  test('sorts each partition by the columns of the table, and tells what it did', async () => {
    const table = await makeParts('["kind","id"]');
    const before = (await readSnapshot(table.store, 'tables/t'))?.files ?? [];
    const report = await run(table, {});
    const removedBytes = before.slice(0, 4).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const after = (await readSnapshot(table.store, 'tables/t'))?.files ?? [];
    const addedBytes = after.slice(1).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const sizes = { removedFileCount: 4, addedFileCount: 2, removedBytes, addedBytes };
    expect(report).toEqual({ table: 't', version: 1, isCommitted: true, ...sizes });
    expect(await idsOf(table)).toEqual([
      ['', null, 6],
      ['kind=a/', 'a', 1, 2, 3, 4],
      ['kind=b/', 'b', 5, 7, 9],
    ]);
    const [newest] = (await readHistory(table.store, 'tables/t', 1)) ?? [];
    expect(newest).toMatchObject({
      operation: 'OPTIMIZE',
      parameters: { targetSize: String(128 * 1024 * 1024), sortBy: '["id"]' },
      metrics: {
        numRemovedFiles: '4',
        numAddedFiles: '2',
        numRemovedBytes: String(removedBytes),
        numAddedBytes: String(addedBytes),
      },
      software: 'test',
    });
    expect(await run(table, {})).toEqual({
      table: 't',
      version: 1,
      isCommitted: false,
      removedFileCount: 0,
      addedFileCount: 0,
      removedBytes: 0,
      addedBytes: 0,
    });
  });

  test('does not sort a table that has no order, and loses no row of it', async () => {
    const table = await makeParts();
    await run(table, {});
    const [alone, a = [], b = []] = await idsOf(table);
    expect(alone).toEqual(['', null, 6]);
    // Which of two files is read first is left to DuckDB; the rows of each stay as they were.
    expect([
      ['kind=a/', 'a', 4, 1, 3, 2],
      ['kind=a/', 'a', 3, 2, 4, 1],
    ]).toContainEqual(a);
    expect([
      ['kind=b/', 'b', 9, 5, 7],
      ['kind=b/', 'b', 7, 9, 5],
    ]).toContainEqual(b);
  });

  test('leaves files that are half of what is good, and all where it need not sort', async () => {
    const table = await makeParts();
    const sizes = ((await readSnapshot(table.store, 'tables/t'))?.files ?? []).map(
      ({ sizeBytes }) => sizeBytes,
    );
    expect(await run(table, { targetBytes: 2 * Math.min(...sizes) })).toMatchObject({ isCommitted: false });
    expect(await run(table, { targetBytes: 2 * Math.max(...sizes) + 2 })).toMatchObject({
      removedFileCount: 4,
    });
  });

  test('sorts all files where it is told how, also those that are alone in their partition', async () => {
    const table = await makeParts();
    expect(await run(table, { sortBy: ['id'], targetBytes: 1 << 20 })).toMatchObject({
      removedFileCount: 5,
      addedFileCount: 3,
    });
    expect(await idsOf(table)).toEqual([
      ['', null, 6],
      ['kind=a/', 'a', 1, 2, 3, 4],
      ['kind=b/', 'b', 5, 7, 9],
    ]);
  });

  test.each([
    [['nope', 'id', 'kind'], 'cannot sort by nope, kind'],
    [['ID'], 'cannot sort by ID'],
  ])('cannot sort by %j', async (sortBy, message) => {
    await expect(run(await makeParts(), { sortBy })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message,
      remedy: 'choose from: id',
    });
  });

  test('that is stopped between partitions leaves nothing', async () => {
    const table = await makeParts();
    const before = await dataFiles(table.path);
    const context = { store: table.store, software: 'test', signal: AbortSignal.abort(new Error('stopped')) };
    await expect(optimizeTable(context, { table: 't' })).rejects.toThrow('stopped');
    expect(await dataFiles(table.path)).toEqual(before);
  });
});
