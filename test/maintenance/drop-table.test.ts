import { cp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type DropTableReport, openLakehouse } from '../../src/index.ts';
import { dropTable } from '../../src/maintenance/drop-table.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { NONE } from '../../src/table/file-predicate.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { commitChange } from '../support/commit-change.ts';
import { codeOf, filesIn, ingestIds, copyDailyRun } from '../support/daily-run.ts';
import { openFailingStore } from '../support/failing-store.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';

const spec = { table: 'images' };

describe('tables drop', () => {
  test('removes table and originals, and says which runs can no longer be retried', async () => {
    const { lake, folder } = await copyDailyRun();
    await rename(join(lake, 'originals/images/1.jpg'), join(lake, 'originals/images/1.away'));
    for (const [name, id] of [
      ['whole', 2],
      ['broken', 1],
    ])
      await pixlake(
        lake,
        'run',
        '--name',
        String(name),
        '--sql',
        `SELECT * FROM images WHERE id IN (${id}, 3)`,
      );
    const before = await filesIn(lake);
    const dry = await pixlakeJson<DropTableReport>(lake, 'tables', 'drop', 'images', '--dry-run');
    expect(await filesIn(lake)).toEqual(before);
    const report = await pixlakeJson<DropTableReport>(lake, 'tables', 'drop', 'images');
    expect(report).toEqual({ ...dry, isDryRun: false });
    expect(report).toMatchObject({ kept: [], notRetriable: ['broken'] });
    expect(report.removed.map(({ folder: place }) => place)).toEqual(['originals/images', 'tables/images']);
    expect(await readdir(join(lake, 'tables')).catch(() => [])).toEqual([]);
    expect(await filesIn(join(lake, 'originals'))).toEqual([]);
    expect((await pixlake(lake, 'tables', 'drop', 'images')).code).toBe(3);
    expect((await openLakehouse({ lake }).tables.verify('runs.daily', true)).problems).toEqual([]);
    // The name is free.
    await ingestIds(lake, join(folder, 'source'), [7]);
    expect((await openLakehouse({ lake }).tables.verify('images', true)).imageCount).toBe(1);
  });

  test('an ingest into a table whose drop was interrupted is refused with what to do', async () => {
    const { lake, folder } = await copyDailyRun();
    const store = openFailingStore(lake, 6);
    expect(await codeOf(dropTable({ store, software: 'test' }, spec))).toContain('killed');
    await expect(ingestIds(lake, join(folder, 'source'), [7])).rejects.toThrow(
      /TABLE_IN_USE[^]*pixlake tables drop images/u,
    );
    await openLakehouse({ lake }).tables.drop(spec);
    await ingestIds(lake, join(folder, 'source'), [7]);
    expect((await openLakehouse({ lake }).tables.verify('images', true)).imageCount).toBe(1);
  });

  test('a writer that read the table before it was dropped commits nothing', async () => {
    const { lake } = await copyDailyRun();
    const lakehouse = openLakehouse({ lake });
    const store = openLocalStore(lake);
    const base = await readSnapshot(store, 'tables/images');
    if (base === undefined) throw new Error('there is no table');
    await lakehouse.tables.drop(spec);
    const { folder, schema, partitionColumns } = base;
    const files = { added: [], removed: [], reads: NONE, rowDelta: undefined };
    const what = { operation: 'WRITE', parameters: {}, metrics: {}, software: 'test' };
    const commit = commitChange(store, { folder, base, schema, partitionColumns, ...files, ...what });
    expect(await codeOf(commit)).toBe('TABLE_IN_USE');
    expect((await lakehouse.tables.list()).map(({ name }) => name)).toEqual(['runs.daily']);
    expect(await filesIn(join(lake, 'tables'))).toEqual([]);
  });

  test('originals that another table names in any version are kept, and said', async () => {
    const { lake } = await copyDailyRun();
    const lakehouse = openLakehouse({ lake });
    await cp(join(lake, 'tables/images'), join(lake, 'tables/other'), { recursive: true });
    await lakehouse.tables.delete({ table: 'other', where: 'id > 2' });
    await lakehouse.tables.delete({ table: 'images', where: 'id > 4' });
    const report = await lakehouse.tables.drop(spec);
    expect(report.kept).toMatchObject([
      { folder: 'originals/images', fileCount: 5, reason: 'table other refers to them' },
    ]);
    expect((await lakehouse.tables.verify('other', true)).problems).toEqual([]);
    await lakehouse.tables.restore('other', '2');
    expect(await lakehouse.tables.verify('other', true)).toMatchObject({ problems: [], imageCount: 5 });
  });

  test('a table that an unfinished run reads, or that is attached, is not dropped', async () => {
    const { lake, reports } = await copyDailyRun();
    const lakehouse = openLakehouse({ lake });
    await rm(join(lake, reports[1].folder, '_SUCCESS'));
    const { code, stderr } = await pixlake(lake, 'tables', 'drop', 'images');
    expect([code, stderr]).toEqual([
      4,
      expect.stringMatching(/unfinished runs[^]*: daily \[TABLE_IN_USE\]/u),
    ]);
    await writeFile(join(lake, reports[1].folder, '_CANCELLED'), '');
    expect(await codeOf(lakehouse.tables.drop(spec))).toBe('TABLE_IN_USE');
    await lakehouse.runs.delete({ name: 'daily' });
    await lakehouse.tables.attach('mirror', join(lake, 'tables/images'));
    expect(await codeOf(lakehouse.tables.drop(spec))).toBe('TABLE_IN_USE');
    const attached = await pixlake(lake, 'tables', 'drop', 'mirror');
    expect([attached.code, attached.stderr]).toEqual([4, expect.stringContaining('pixlake detach mirror')]);
    await lakehouse.tables.detach('mirror');
    await lakehouse.tables.drop(spec);
    expect(await filesIn(join(lake, 'tables'))).toEqual([]);
  });

  test('outputs of runs, unknown names and damaged tables', async () => {
    const { lake } = await copyDailyRun();
    const lakehouse = openLakehouse({ lake });
    expect(await codeOf(lakehouse.tables.drop({ table: 'runs.daily' }))).toBe('TABLE_READ_ONLY');
    expect(await codeOf(lakehouse.tables.drop({ table: 'none' }))).toBe('TABLE_NOT_FOUND');
    expect(await codeOf(lakehouse.tables.drop({ table: 'IMAGES' }))).toBe('TABLE_NOT_FOUND');
    expect(await codeOf(lakehouse.tables.drop({ table: '../runs' }))).toBe('TABLE_NAME_INVALID');
    await rm(join(lake, 'tables/images/_delta_log/00000000000000000000.json'));
    await lakehouse.tables.drop(spec);
    expect((await lakehouse.tables.list()).map(({ name }) => name)).toEqual(['runs.daily']);
  });
});
