import { expect, test } from 'vitest';
import { copyDailyRun } from '../support/daily-run.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';

test('du tells what takes how much room, and the sum', async () => {
  const { lake, reports } = await copyDailyRun();
  const { stdout } = await pixlake(lake, 'du');
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^ *[\d.]+ kB {2}table images: (?:\w+ [\d.]+ k?B(?:, )?){3}$/u);
  const parts = Array.from(
    (lines[0] ?? '').matchAll(/\w+ ([\d.]+) (k?B)/gu),
    ([, size, unit]) => Number(size) * (unit === 'kB' ? 1000 : 1),
  ).slice(-3);
  expect(parts).toEqual(parts.toSorted((a, b) => b - a));
  expect(reports).toHaveLength(3);
  for (const { runId } of reports)
    expect(stdout).toMatch(new RegExp(`^ *[\\d.]+ kB {2}run daily/run_id=${runId}, finished: .*`, 'mu'));
  expect(stdout).toMatch(/; 4 images in earlier executions$/mu);
  // Of what there is none, nothing is said.
  expect(lines.filter((line) => /^ *0 B /u.test(line))).toEqual([]);
  expect(lines.some((line) => line.endsWith('  other'))).toBe(true);
  const { fileCount } = await pixlakeJson<{ fileCount: number }>(lake, 'du');
  expect(lines.at(-1)).toMatch(new RegExp(`^ *[\\d.]+ kB {2}total, ${fileCount} files$`, 'u'));
});

test('du of no lake is an error', async () => {
  expect(await pixlake(`${await makeTestFolder()}/none`, 'du')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('[LAKE_NOT_FOUND]'),
  });
});
