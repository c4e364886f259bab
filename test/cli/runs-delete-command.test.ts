import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunListing } from '../../src/index.ts';
import { filesIn, copyDailyRun } from '../support/daily-run.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';

async function idsOf(lake: string): Promise<string[]> {
  const { runs } = await pixlakeJson<RunListing>(lake, 'runs', 'list');
  return runs.map(({ execution }) => execution.runId);
}

test('runs delete --older keeps the newest execution, which refers to images of the others', async () => {
  const { lake, reports } = await copyDailyRun();
  const ids = reports.map(({ runId }) => runId);
  expect(await idsOf(lake)).toEqual(ids.toReversed());
  const before = await filesIn(join(lake, 'runs'));
  const dry = await pixlake(lake, 'runs', 'delete', 'daily', '--older', '--dry-run');
  expect(dry.stdout).toMatch(/^would remove runs\/daily\/run_id=\w+: \d+ files .*\n(.*\n)*would keep /u);
  expect(await filesIn(join(lake, 'runs'))).toEqual(before);
  const { stdout } = await pixlake(lake, 'runs', 'delete', 'daily', '--older');
  expect(stdout).toBe(dry.stdout.replaceAll('would remove', 'removed').replaceAll('would keep', 'kept'));
  expect(await idsOf(lake)).toEqual([ids[2]]);
  expect((await pixlake(lake, 'verify', 'runs.daily', '--deep')).stdout).toContain('5 images: whole');
});

test('runs delete frees the name, but not of a run that may be in work, unless forced', async () => {
  const { lake, reports } = await copyDailyRun();
  await rm(join(lake, reports[2].folder, '_SUCCESS'));
  expect(await pixlake(lake, 'runs', 'delete', 'daily')).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('[RUN_IN_USE]'),
  });
  expect(await idsOf(lake)).toHaveLength(3);
  expect(await pixlakeJson(lake, 'runs', 'delete', 'daily', '--force')).toMatchObject({
    name: 'daily',
    isDryRun: false,
    kept: [],
  });
  expect(await idsOf(lake)).toEqual([]);
  expect(await filesIn(join(lake, 'runs'))).toEqual([]);
  expect(await pixlake(lake, 'runs', 'delete', 'daily')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('[RUN_NOT_FOUND]'),
  });
});
