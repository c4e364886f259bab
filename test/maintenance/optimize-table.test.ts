import { describe, expect, test } from 'vitest';
import { codeOf } from '../support/daily-run.ts';
import { rowsOf } from '../support/rows-of.ts';
import { ALL, copyGrownTable } from './grown-table.ts';

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

  test('goes on top of an append that came first, and is redone after a delete', async () => {
    const { lakehouse } = await copyGrownTable();
    const [optimized, deleted] = await Promise.all([
      lakehouse.tables.optimize({ table: 'images' }),
      lakehouse.tables.delete({ table: 'images', where: 'id <= 4' }),
    ]);
    expect([optimized.isCommitted, deleted.deletedCount]).toEqual([true, 4]);
    expect(await rowsOf(lakehouse, 'SELECT count(*), count(DISTINCT id) FROM images')).toEqual([[6, 6]]);
    expect((await lakehouse.tables.verify('images')).problems).toEqual([]);
  });
});
