import { rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type DiskUsage, openLakehouse, type Usage } from '../../src/index.ts';
import { Submissions } from '../../src/run/submissions.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { filesIn, copyDailyRun } from '../support/daily-run.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';

async function measure(paths: readonly string[]): Promise<Usage> {
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  return { fileCount: paths.length, sizeBytes: sizes.reduce((sum, size) => sum + size, 0) };
}

const sum = (usages: readonly Usage[]): Usage => ({
  fileCount: usages.reduce((total, { fileCount }) => total + fileCount, 0),
  sizeBytes: usages.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
});

test('du adds up to the bytes on disk, in all and by kind', async () => {
  const { lake, reports } = await copyDailyRun();
  const lakehouse = openLakehouse({ lake });
  await lakehouse.tables.delete({ table: 'images', where: 'id = 1' });
  await rename(join(lake, 'originals/images/2.jpg'), join(lake, 'originals/images/2.away'));
  await new Submissions(openLocalStore(lake)).accept(
    { name: 'waits', sql: 'SELECT * FROM images' },
    { idempotencyKey: 'k' },
  );
  await lakehouse.tables.attach('mirror', join(lake, 'tables/images'));
  await writeFile(join(lake, 'tables/images/part-orphan.parquet'), 'nobody knows it');
  await writeFile(join(lake, '.tmp/leftover'), 'a process died');
  await writeFile(join(lake, 'notes.txt'), 'somebody wrote it');
  const usage = await pixlakeJson<DiskUsage>(lake, 'du');
  const all = await filesIn(lake);
  expect(usage).toMatchObject(await measure(all));

  const below = async (pattern: RegExp): Promise<Usage> =>
    measure(all.filter((path) => pattern.test(path.slice(lake.length + 1))));
  const [table] = usage.tables;
  expect(table).toMatchObject({
    name: 'images',
    originals: await below(/^originals\//u),
    log: await below(/^tables\/images\/_delta_log\//u),
    orphans: { fileCount: 1, sizeBytes: 15 },
  });
  expect(table?.earlier.fileCount).toBeGreaterThan(0);
  expect(table).toMatchObject(
    sum(
      [table?.data, table?.earlier, table?.orphans, table?.log, table?.originals].map(
        (part) => part ?? sum([]),
      ),
    ),
  );
  expect(usage.runs.map(({ folder }) => folder).sort()).toEqual(reports.map(({ folder }) => folder).sort());
  for (const run of usage.runs) {
    const { images, plan, parts, manifest, retries } = run;
    expect(run).toMatchObject(await measure(await filesIn(join(lake, run.folder))));
    expect(run).toMatchObject(sum([images, plan, parts, manifest, retries]));
    expect(images).toEqual(await measure(await filesIn(join(lake, run.folder, 'images'))));
  }
  const taken = usage.runs.map(({ takenCount }) => takenCount);
  expect(taken.sort((a, b) => a - b)).toEqual([0, 3, 4]);
  const sizes = usage.runs.map(({ sizeBytes }) => sizeBytes);
  expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  expect(usage.submissions).toEqual(await below(/^submissions\//u));
  expect(usage.temporary).toEqual(await below(/^\.tmp\//u));
  expect(usage.other).toEqual(await below(/^(?:notes\.txt|pixlake\.json|attached\/.*)$/u));
  const { tables, runs, models, ingests, submissions, temporary, other } = usage;
  expect(usage).toMatchObject(
    sum([...tables, ...runs, ...models, ...ingests, submissions, temporary, other]),
  );

  const { stdout } = await pixlake(lake, 'du');
  expect(stdout).toMatch(/^ *\d+\.\d kB {2}table images: /mu);
  expect(stdout).toContain(`total, ${all.length} files`);
});

test('du tells of damaged tables and runs, too', async () => {
  const { lake, reports } = await copyDailyRun();
  await writeFile(join(lake, 'tables/images/_delta_log/00000000000000000001.json'), '{"torn');
  await writeFile(join(lake, reports[0].folder, 'spec.json'), '{"torn');
  const usage = await openLakehouse({ lake }).diskUsage();
  expect(usage).toMatchObject(await measure(await filesIn(lake)));
  const states = Object.fromEntries(usage.runs.map(({ folder, state }) => [folder, state]));
  expect(states).toMatchObject({ [reports[0].folder]: 'unreadable', [reports[2].folder]: 'finished' });
});
