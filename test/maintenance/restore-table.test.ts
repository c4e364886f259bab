import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { codeOf } from '../support/daily-run.ts';
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
});
