import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLakehouse, type RunReport, type VacuumReport } from '../../src/index.ts';
import { codeOf, filesIn, copyDailyRun } from '../support/daily-run.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';

/** Makes all files of a lake older than any work in flight. */
async function age(lake: string): Promise<void> {
  const longAgo = Date.now() / 1000 - 30 * 60 * 60;
  for (const path of await filesIn(lake)) await utimes(path, longAgo, longAgo);
}

async function plant(lake: string, keys: readonly string[]): Promise<string[]> {
  for (const key of keys) {
    await mkdir(dirname(join(lake, key)), { recursive: true });
    await writeFile(join(lake, key), 'a stray');
  }
  return [...keys].sort();
}

const STRAYS = [
  'parts/00000-deadbeef.parquet',
  'errors/00000-deadbeef.parquet',
  'errors/block-00000-stray.parquet',
  'manifest/block-00000-stray.parquet',
  'plan/0123456789abcdef/part-00000.parquet',
  'images/00/00000/stray.jpg',
  'retries/9/plan/0123456789abcdef/part-00000.parquet',
];

describe('vacuum of runs', () => {
  test('removes what nothing names, and leaves unfinished executions and what others refer to', async () => {
    const { lake, reports } = await copyDailyRun();
    const [first, second, third] = reports;
    await rm(join(lake, second.folder, '_SUCCESS'));
    const before = await filesIn(lake);
    const dead = 'runs/daily/run_id=0000000000000000';
    const strays = await plant(lake, [
      ...[first, third].flatMap(({ folder }) => STRAYS.map((path) => `${folder}/${path}`)),
      `${dead}/images/00/00000/1.jpg`,
      `${dead}/plan/0123456789abcdef/part-00000.parquet`,
    ]);
    const left = await plant(
      lake,
      STRAYS.map((path) => `${second.folder}/${path}`),
    );
    await age(lake);
    left.push(...(await plant(lake, [`${third.folder}/images/00/00000/young.jpg`])));
    const dry = await pixlakeJson<VacuumReport>(lake, 'vacuum', '--runs', '--dry-run');
    expect(dry.removedKeys).toEqual(strays);
    const report = await pixlakeJson<VacuumReport>(lake, 'vacuum', 'runs.daily');
    expect(report).toMatchObject({ removedKeys: strays, removedBytes: 7 * strays.length });
    const expected = [...before, ...left.map((key) => join(lake, key))].sort();
    expect((await filesIn(lake)).filter((path) => !path.includes('/.tmp/'))).toEqual(expected);
    expect(await openLakehouse({ lake }).tables.verify('runs.daily', true)).toMatchObject({
      problems: [],
      imageCount: 5,
    });
  });

  test('what was kept of a deleted execution goes once nothing refers to it', async () => {
    const { lake, reports } = await copyDailyRun();
    const lakehouse = openLakehouse({ lake });
    await lakehouse.runs.delete({ name: 'daily', isOlderOnly: true });
    await age(lake);
    expect((await lakehouse.runs.vacuum()).removedKeys).toEqual([]);
    await rm(join(lake, reports[2].folder), { recursive: true });
    expect((await lakehouse.runs.vacuum()).removedKeys).toHaveLength(4);
    expect(await filesIn(join(lake, 'runs'))).toEqual([]);
  });

  test('retries that have not finished are left alone, and finished ones are whole', async () => {
    const { lake } = await copyDailyRun();
    const lakehouse = openLakehouse({ lake });
    const [original, away] = [join(lake, 'originals/images/1.jpg'), join(lake, 'originals/images/1.away')];
    await rename(original, away);
    const run = ['run', '--name', 'broken', '--sql', 'SELECT * FROM images'];
    const { folder } = await pixlakeJson<RunReport>(lake, ...run);
    await rename(away, original);
    await pixlakeJson(lake, 'runs', 'retry', 'broken');
    await age(lake);
    const success = join(lake, folder, 'retries/1/_SUCCESS');
    await rename(success, join(lake, 'success'));
    // As before the retry was committed.
    const log = join(lake, folder, 'manifest/_delta_log/00000000000000000001.json');
    await rename(log, join(lake, 'log'));
    expect(await lakehouse.runs.vacuum({ name: 'broken' })).toMatchObject({ removedKeys: [] });
    await rename(join(lake, 'log'), log);
    await rename(join(lake, 'success'), success);
    expect(await lakehouse.runs.vacuum({ name: 'broken' })).toMatchObject({ removedKeys: [] });
    expect(await lakehouse.tables.verify('runs.broken', true)).toMatchObject({ problems: [], imageCount: 5 });
    expect((await lakehouse.tables.verify('errors.broken', true)).problems).toEqual([]);
  });

  test('takes a table, a run or all runs', async () => {
    const { lake } = await copyDailyRun();
    expect((await pixlake(lake, 'vacuum')).code).toBe(2);
    expect((await pixlake(lake, 'vacuum', 'images', '--runs')).code).toBe(2);
    expect((await pixlake(lake, 'vacuum', 'runs.none')).stderr).toContain('RUN_NOT_FOUND');
    expect((await pixlake(lake, 'vacuum', 'runs.daily')).stdout).toBe('removed 0 files (0 B)\n');
    expect(await codeOf(openLakehouse({ lake }).runs.vacuum({ retainMs: -1 }))).toBe('ARGUMENT_INVALID');
  });
});
