import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { openLakehouse } from '../../src/index.ts';
import { codeOf } from '../support/daily-run.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { rowsOf } from '../support/rows-of.ts';
import { ALL, dataFiles, copyGrownTable } from './grown-table.ts';

describe('vacuum', () => {
  test('removes what no version within the retention needs, and nothing else', async () => {
    const { lakehouse, table } = await copyGrownTable();
    await lakehouse.tables.optimize({ table: 'images' });
    expect(await lakehouse.tables.vacuum({ table: 'images' })).toMatchObject({ removedKeys: [] });
    const dry = await lakehouse.tables.vacuum({ table: 'images', retainMs: 0, isDryRun: true });
    expect(dry.removedKeys).toHaveLength(10);
    expect(await dataFiles(table)).toHaveLength(12);
    const report = await lakehouse.tables.vacuum({ table: 'images', retainMs: 0 });
    expect(report.removedKeys).toEqual(dry.removedKeys);
    expect(await dataFiles(table)).toHaveLength(2);
    expect((await lakehouse.tables.verify('images')).problems).toEqual([]);
    expect(await codeOf(rowsOf(lakehouse, 'SELECT * FROM images@v4'))).toBe('OBJECT_NOT_FOUND');
    expect(await codeOf(lakehouse.tables.restore('images', '4'))).toBe('OBJECT_NOT_FOUND');
  });

  test('keeps young files that no commit knows, and removes old ones', async () => {
    const { lakehouse, table } = await copyGrownTable();
    const [young, old] = [join(table, 'part-young.parquet'), join(table, 'gender=Men', 'part-old.parquet')];
    await writeFile(young, 'a commit is about to name it');
    await writeFile(old, 'a process died');
    await writeFile(join(table, '_notes'), 'hidden');
    const longAgo = Date.now() / 1000 - 30 * 60 * 60;
    await utimes(old, longAgo, longAgo);
    await utimes(join(table, '_notes'), longAgo, longAgo);
    const kept = await lakehouse.tables.vacuum({ table: 'images', retainMs: 48 * 60 * 60 * 1000 });
    expect(kept.removedKeys).toEqual([]);
    const report = await lakehouse.tables.vacuum({ table: 'images', retainMs: 0 });
    expect(report.removedKeys).toEqual(['tables/images/gender=Men/part-old.parquet']);
    expect(await readdir(table)).toEqual(expect.arrayContaining(['part-young.parquet', '_notes']));
    expect((await rowsOf(lakehouse, ALL)).length).toBe(10);
  });

  test('keeps the files of versions that were current within the retention', async () => {
    const { lakehouse } = await copyGrownTable();
    await lakehouse.tables.delete({ table: 'images', where: 'id <= 2' });
    await lakehouse.tables.restore('images', '4');
    await lakehouse.tables.optimize({ table: 'images' });
    await lakehouse.tables.vacuum({ table: 'images', retainMs: 60_000 });
    for (const version of [0, 4, 5, 6, 7]) {
      expect(await codeOf(rowsOf(lakehouse, `SELECT * FROM images@v${version}`))).toBeUndefined();
    }
  });

  test('sweeps what dead processes left, but not what a live one works with', async () => {
    const { lakehouse, lake } = await copyGrownTable();
    const [dead, live] = [join(lake, '.tmp/dead'), join(lake, '.tmp/live')];
    await writeFile(dead, '');
    await writeFile(live, '');
    const longAgo = Date.now() / 1000 - 30 * 60 * 60;
    await utimes(dead, longAgo, longAgo);
    expect(await lakehouse.tables.vacuum({ table: 'images' })).toMatchObject({ sweptCount: 1 });
    expect(await readdir(join(lake, '.tmp'))).toEqual(['live']);
  });

  test.each([
    ['taken out exactly so long ago is kept', 0, []],
    ['taken out a millisecond before that goes', 1, ['tables/t/old.parquet']],
  ])('a file %s', async (_, lateMs, removedKeys) => {
    const HOUR = 3_600_000;
    const takenOut = Date.now() - 10 * HOUR;
    const table = await DeltaTable.begin();
    table
      .protocol()
      .metadata({ id: 'long' })
      .commitInfo(takenOut - HOUR);
    await table.addRows('old.parquet', 'SELECT 1::BIGINT AS id');
    await table.commit();
    await table.commitInfo(takenOut).remove('old.parquet', { deletionTimestamp: takenOut }).commit();
    const now = vi.spyOn(Date, 'now').mockReturnValue(takenOut + 5 * HOUR + lateMs);
    try {
      const report = await openLakehouse({ lake: table.lake }).tables.vacuum({
        table: 't',
        retainMs: 5 * HOUR,
      });
      expect(report.removedKeys).toEqual(removedKeys);
    } finally {
      now.mockRestore();
    }
  });
});
