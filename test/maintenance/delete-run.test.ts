import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type DeleteRunReport, openLakehouse, type RunReport, type VerifyReport } from '../../src/index.ts';
import { deleteRun } from '../../src/maintenance/delete-run.ts';
import { Submissions } from '../../src/run/submissions.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { codeOf, DAILY, filesIn, ingestIds, copyDailyRun } from '../support/daily-run.ts';
import { openFailingStore } from '../support/failing-store.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';

const verify = async (lake: string): Promise<VerifyReport> =>
  openLakehouse({ lake }).tables.verify('runs.daily', true);

const isWhole = async (lake: string): Promise<boolean> => (await verify(lake)).problems.length === 0;

const reopen = async (lake: string, { folder }: RunReport): Promise<void> =>
  rm(join(lake, folder, '_SUCCESS'));

describe('runs delete', () => {
  test('--older keeps the images that the newest execution took over, and says so', async () => {
    const { lake, reports } = await copyDailyRun();
    const [first, second, third] = reports;
    const before = await filesIn(lake);
    const dry = await pixlakeJson<DeleteRunReport>(lake, 'runs', 'delete', 'daily', '--older', '--dry-run');
    expect(await filesIn(lake)).toEqual(before);
    const report = await pixlakeJson<DeleteRunReport>(lake, 'runs', 'delete', 'daily', '--older');
    expect(report).toEqual({ ...dry, isDryRun: false });
    const reason = `run daily (run_id=${third.runId}) refers to them`;
    expect(report.removed.map(({ folder }) => folder)).toEqual([first.folder, second.folder].sort());
    const kept = Object.fromEntries(report.kept.map((files) => [files.folder, files]));
    expect(kept).toMatchObject({
      [second.folder]: { fileCount: 1, reason },
      [first.folder]: { fileCount: 3, reason },
    });
    const gone = report.removed.reduce((sum, { fileCount }) => sum + fileCount, 0);
    expect((await filesIn(lake)).length).toBe(before.length - gone);
    expect((await filesIn(join(lake, first.folder))).every((name) => name.endsWith('.jpg'))).toBe(true);
    const { stdout } = await pixlake(lake, 'verify', 'runs.daily', '--deep');
    expect(stdout).toContain('5 images: whole');
    // What was kept still serves: the next execution takes it over, and it goes once nothing needs it.
    await ingestIds(lake, join(lake, '../source'), [9]);
    expect(await pixlakeJson(lake, ...DAILY)).toMatchObject({ imageCount: 6, takenCount: 5 });
    expect(await isWhole(lake)).toBe(true);
    await pixlakeJson(lake, 'runs', 'delete', 'daily');
    expect(await readdir(join(lake, 'runs')).catch(() => [])).toEqual([]);
    expect((await pixlake(lake, 'runs', 'delete', 'daily')).code).toBe(3);
  });

  test('the same run is not begun in what an interrupted deletion left', async () => {
    const { lake, reports } = await copyDailyRun();
    const store = openFailingStore(lake, 5);
    expect(await codeOf(deleteRun({ store, software: 'test' }, { name: 'daily' }))).toContain('killed');
    const { code, stderr } = await pixlake(lake, ...DAILY);
    expect([code, stderr]).toEqual([4, expect.stringContaining('[RUN_REMOVED]')]);
    expect(stderr).toContain('pixlake runs delete daily');
    await pixlakeJson(lake, 'runs', 'delete', 'daily');
    expect(await pixlakeJson(lake, ...DAILY)).toMatchObject({
      runId: reports[2].runId,
      outcome: 'finished',
      imageCount: 5,
    });
    expect(await isWhole(lake)).toBe(true);
  });

  test('a run that may be in work is refused with what to do, unless forced; a cancelled one is not', async () => {
    const { lake, reports } = await copyDailyRun();
    for (const report of reports) await reopen(lake, report);
    const { code, stderr } = await pixlake(lake, 'runs', 'delete', 'daily');
    expect([code, stderr]).toEqual([4, expect.stringMatching(/RUN_IN_USE[^]*runs cancel daily[^]*--force/u)]);
    expect((await pixlake(lake, 'runs', 'delete', 'daily', '--older')).stderr).toContain('RUN_UNFINISHED');
    for (const { folder } of reports) await writeFile(join(lake, folder, '_CANCELLED'), '');
    const dry = ['runs', 'delete', 'daily', '--dry-run'];
    expect((await pixlakeJson<DeleteRunReport>(lake, ...dry)).removed).toHaveLength(3);
    await rm(join(lake, reports[0].folder, '_CANCELLED'));
    const refused = await pixlake(lake, 'runs', 'delete', 'daily');
    expect(refused.stderr).toMatch(/RUN_IN_USE[^]*if no process works on it, use --force/u);
    expect(refused.stderr).not.toContain('cancel');
    expect((await pixlake(lake, 'runs', 'delete', 'daily', '--force')).code).toBe(0);
    expect(await pixlakeJson(lake, 'runs', 'list')).toEqual({ runs: [], unreadable: [] });
  });

  test('what unfinished runs read or take over is kept, and so is what is attached', async () => {
    const { lake, reports } = await copyDailyRun();
    const [first, second, third] = reports;
    const lakehouse = openLakehouse({ lake });
    const reader = await pixlakeJson<RunReport>(
      lake,
      'run',
      '--name',
      'reader',
      '--sql',
      'SELECT * FROM runs.daily',
      '--id-column',
      'image_id',
    );
    await reopen(lake, reader);
    const kept = await lakehouse.runs.delete({ name: 'daily' });
    expect(kept.kept[0]).toMatchObject({
      folder: third.folder,
      fileCount: (await filesIn(join(lake, third.folder))).length,
      reason: 'the unfinished run reader reads it',
    });
    expect(kept.removed.map(({ folder }) => folder)).toEqual([first.folder, second.folder].sort());
    expect(await isWhole(lake)).toBe(true);
    expect(await pixlakeJson(lake, 'runs', 'resume', 'reader')).toMatchObject({ imageCount: 5 });
    await lakehouse.tables.attach('mirror', join(lake, third.folder, 'manifest'));
    expect((await lakehouse.runs.delete({ name: 'daily' })).kept[0]?.reason).toContain(
      'pixlake detach mirror',
    );
    await lakehouse.tables.detach('mirror');
    expect((await lakehouse.runs.delete({ name: 'daily' })).kept).toEqual([]);
    expect(await filesIn(join(lake, 'runs/daily'))).toEqual([]);
  });

  test('an execution that an unfinished one takes images over from is kept', async () => {
    const { lake, reports } = await copyDailyRun();
    const [first, second, third] = reports;
    // As if the newest had been planned before the second had finished.
    const spec = join(lake, third.folder, 'spec.json');
    const { sha256: _, ...content } = JSON.parse(await readFile(spec, 'utf8')) as Record<string, unknown>;
    await writeFile(spec, encodeStored({ ...content, takesOver: first.runId }));
    await reopen(lake, third);
    const report = await openLakehouse({ lake }).runs.delete({ name: 'daily', isOlderOnly: true });
    expect(report.removed).toEqual([]);
    expect(report.kept).toMatchObject([
      { folder: first.folder, reason: `the unfinished execution ${third.folder} takes over images from it` },
    ]);
    expect((await filesIn(join(lake, second.folder))).length).toBeGreaterThan(5);
  });

  test('damaged executions and those of an old layout can be deleted', async () => {
    const { lake, reports } = await copyDailyRun();
    const [first, second] = reports;
    await writeFile(join(lake, first.folder, 'spec.json'), '{"shardCount":1}');
    await writeFile(join(lake, second.folder, 'spec.json'), '{"layoutVers');
    const lakehouse = openLakehouse({ lake });
    const older = await lakehouse.runs.delete({ name: 'daily', isOlderOnly: true });
    expect(older.removed.map(({ folder }) => folder)).toEqual([first.folder]);
    expect(older.kept.map(({ reason }) => reason)).toContainEqual(
      'its specification is damaged, so it may be the newest execution; --force deletes it',
    );
    await lakehouse.runs.delete({ name: 'daily', isOlderOnly: true, isForced: true });
    expect(await isWhole(lake)).toBe(true);
    expect((await lakehouse.runs.list()).unreadable).toEqual([]);
    await lakehouse.runs.delete({ name: 'daily' });
    expect(await filesIn(join(lake, 'runs'))).toEqual([]);
  });

  test('the records of an accepted run go too, so its name is free', async () => {
    const { lake } = await copyDailyRun();
    const lakehouse = openLakehouse({ lake });
    const spec = { name: 'waits', sql: 'SELECT * FROM images' };
    const submissions = new Submissions(openLocalStore(lake));
    await submissions.accept(spec, { idempotencyKey: 'k' });
    expect(await codeOf(lakehouse.runs.delete({ name: 'waits' }))).toBe('RUN_IN_USE');
    await lakehouse.runs.delete({ name: 'waits', isForced: true });
    expect(await submissions.list()).toEqual([]);
    const other = { name: 'waits', sql: 'SELECT * FROM images LIMIT 1' };
    expect(await submissions.accept(other, { idempotencyKey: 'k' })).toMatchObject({ isNew: true });
  });

  test('a plan that somebody may be about to freeze is left alone', async () => {
    const { lake } = await copyDailyRun();
    const store = openLocalStore(lake);
    const plan = 'runs/daily/run_id=0123456789abcdef/plan/0011223344556677/part-00000.parquet';
    await store.write(plan, Buffer.from('a plan'));
    const report = await openLakehouse({ lake }).runs.delete({ name: 'daily' });
    expect(report.kept.map(({ reason }) => reason)).toEqual(['a run may be about to start with this plan']);
    expect(await store.stat(plan)).toBeDefined();
  });
});
