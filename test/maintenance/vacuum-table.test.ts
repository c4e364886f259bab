import { readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { openLakehouse } from '../../src/index.ts';
import { vacuumTable } from '../../src/maintenance/vacuum-table.ts';
import { logKey } from '../../src/table/log-listing.ts';
import { codeOf } from '../support/daily-run.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { rowsOf } from '../support/rows-of.ts';
import { ALL, dataFiles, copyGrownTable } from './grown-table.ts';

const HOUR = 3_600_000;

describe('vacuum', () => {
  test('removes what no version within the retention needs, and nothing else', async () => {
    const { lakehouse, table } = await copyGrownTable();
    await lakehouse.tables.optimize({ table: 'images' });
    expect(await lakehouse.tables.vacuum({ table: 'images' })).toEqual({
      table: 'images',
      isDryRun: false,
      removedKeys: [],
      removedBytes: 0,
      removedLogKeys: [],
      sweptCount: 0,
    });
    const dry = await lakehouse.tables.vacuum({ table: 'images', retainMs: 0, isDryRun: true });
    expect(dry.isDryRun).toBe(true);
    expect(dry.removedKeys).toHaveLength(10);
    expect(dry.removedKeys).toEqual([...dry.removedKeys].sort());
    const names = await dataFiles(table);
    expect(names).toHaveLength(12);
    const sizes = await Promise.all(
      dry.removedKeys.map(async (key) => (await stat(join(table, '../..', key))).size),
    );
    expect(dry.removedBytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
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
    expect(await lakehouse.tables.vacuum({ table: 'images', isDryRun: true })).toMatchObject({
      sweptCount: 0,
    });
    expect(await lakehouse.tables.vacuum({ table: 'images' })).toMatchObject({ sweptCount: 1 });
    expect(await readdir(join(lake, '.tmp'))).toEqual(['live']);
  });

  test.each([
    ['taken out exactly so long ago is kept', 0, []],
    ['taken out a millisecond before that goes', 1, ['tables/t/old.parquet']],
  ])('a file %s', async (_, lateMs, removedKeys) => {
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

  /** A table of the partition column `_p`, among whose files are some that no commit names and that were written so many hours ago. */
  async function openStrays(strays: Readonly<Record<string, number>>): Promise<DeltaTable> {
    const table = await DeltaTable.begin();
    table.protocol().metadata({ id: 'long', _p: 'string' }, { partitionColumns: ['_p'] });
    await table.commitInfo(Date.now()).commit();
    for (const [path, hours] of Object.entries(strays)) {
      await table.store.write(`tables/t/${path}`, Buffer.from('123'));
      const seconds = (Date.now() - hours * HOUR) / 1000;
      await utimes(join(table.path, path), seconds, seconds);
    }
    return table;
  }

  test('looks into folders of partitions, and into no others that are hidden', async () => {
    const old = ['_p=1/a.parquet', 'sub/b.parquet', 'c.d/e'];
    const hidden = [
      '_change_data/x.parquet',
      '.f/y.parquet',
      '_p/z.parquet',
      '_px=1/z.parquet',
      'sub/_q',
      '.r',
    ];
    const table = await openStrays(Object.fromEntries([...old, ...hidden].map((path) => [path, 30])));
    const { store } = table;
    const report = await vacuumTable({ store, software: 'test' }, { table: 't', retainMs: 0 });
    expect(report).toMatchObject({
      removedKeys: old.map((path) => `tables/t/${path}`).sort(),
      removedBytes: 9,
    });
    for (const path of hidden) expect(await store.stat(`tables/t/${path}`), path).toBeDefined();
  });

  test.each([
    [0, ['tables/t/25.parquet', 'tables/t/49.parquet']],
    [48 * HOUR, ['tables/t/49.parquet']],
  ])(
    'that retains %i ms leaves files that no commit names for as long, and a day at least',
    async (retainMs, removedKeys) => {
      const { store } = await openStrays({ '23.parquet': 23, '25.parquet': 25, '49.parquet': 49 });
      expect(await vacuumTable({ store, software: 'test' }, { table: 't', retainMs })).toMatchObject({
        removedKeys,
      });
    },
  );

  test.each([-1, Number.NaN])('cannot retain %d ms', async (retainMs) => {
    const { store } = await openStrays({});
    await expect(vacuumTable({ store, software: 'test' }, { table: 't', retainMs })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: `cannot retain ${retainMs} ms`,
    });
  });

  test('asks how much to keep where the property of the table is no interval', async () => {
    const table = await DeltaTable.begin();
    const configuration = { 'delta.deletedFileRetentionDuration': 'interval 1 month' };
    await table.protocol().metadata({ id: 'long' }, { configuration }).commit();
    await expect(vacuumTable({ store: table.store, software: 'test' }, { table: 't' })).rejects.toMatchObject(
      {
        code: 'ARGUMENT_INVALID',
        message:
          'the property delta.deletedFileRetentionDuration of tables/t is not an interval: "interval 1 month"',
        remedy: 'set how much history to keep with --retain',
      },
    );
  });

  test('goes by the later of the times of a commit and of a removal, and knows files of a checkpoint', async () => {
    const hoursAgo = (hours: number): number => Date.now() - hours * HOUR;
    const table = await DeltaTable.begin();
    table.protocol().metadata({ id: 'long' }).commitInfo(hoursAgo(9));
    for (const name of ['a', 'b', 'c', 'd']) await table.addRows(`${name}.parquet`, 'SELECT 1::BIGINT AS id');
    await table.commit();
    // Each of them was removed long ago by one of its times.
    await table
      .commitInfo(hoursAgo(8))
      .remove('a.parquet', { deletionTimestamp: hoursAgo(8) })
      .commit();
    await table
      .commitInfo(hoursAgo(7))
      .remove('b.parquet', { deletionTimestamp: hoursAgo(1) })
      .commit();
    await table.checkpoint();
    await table.store.deleteMany([0, 1, 2].map((version) => logKey('tables/t', version)));
    await table
      .commitInfo(hoursAgo(1))
      .remove('c.parquet', { deletionTimestamp: hoursAgo(8) })
      .commit();
    const report = await vacuumTable(
      { store: table.store, software: 'test' },
      { table: 't', retainMs: 4 * HOUR },
    );
    expect(report).toMatchObject({ removedKeys: ['tables/t/a.parquet'] });
  });

  test('keeps files of versions that are pinned, as far as they can still be read', async () => {
    const table = await DeltaTable.begin();
    table.protocol().metadata({ id: 'long' });
    await table.addRows('a.parquet', 'SELECT 1::BIGINT AS id');
    await table.commit();
    await table.remove('a.parquet').commit();
    const context = { store: table.store, software: 'test', pinnedVersions: async () => [0, 9] };
    expect(await vacuumTable(context, { table: 't', retainMs: 0 })).toMatchObject({ removedKeys: [] });
    const torn = { ...context, pinnedVersions: async () => [1, 0] };
    await table.store.write(logKey('tables/t', 0), Buffer.from('torn'));
    await expect(vacuumTable(torn, { table: 't', retainMs: 0 })).rejects.toMatchObject({
      code: 'TABLE_CORRUPT',
    });
  });
});
