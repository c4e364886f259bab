import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { optimizeTable } from '../../src/maintenance/optimize-table.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { codeOf } from '../support/daily-run.ts';
import { withCommitBefore } from '../support/failing-store.ts';
import { rowsOf } from '../support/rows-of.ts';
import { openLakehouse } from '../../src/index.ts';
import { DeltaTable } from '../support/delta-table.ts';
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
});
