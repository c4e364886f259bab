import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pixlake } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

test('verify says what is whole, and exits with an error that counts the problems', async () => {
  const { lake } = await makePlainLake(30);
  await pixlake(lake, 'attach', 'mirror', join(lake, 'tables/images'));
  expect(await pixlake(lake, 'verify', '--deep')).toMatchObject({
    code: 0,
    stdout:
      'images at version 0: 1 data files, 30 rows, 30 images: whole\nmirror at version 0: 1 data files, 30 rows: whole\n',
  });
  await rm(join(lake, 'originals/images'), { recursive: true });
  expect(await pixlake(lake, 'verify')).toMatchObject({ code: 0 });
  const broken = await pixlake(lake, 'verify', 'images', '--deep');
  expect(broken).toMatchObject({
    code: 5,
    stderr: 'pixlake: 30 problems in images [VERIFY_FAILED]\n',
  });
  const [title, ...lines] = broken.stdout.trimEnd().split('\n');
  expect(title).toBe('images at version 0: 1 data files, 30 rows, 30 images: 30 problems');
  expect(lines).toHaveLength(21);
  expect(lines.slice(0, 20).join('\n')).toMatch(/^( {2}originals\/images\/\d+\.jpg is missing\n?){20}$/u);
  expect(lines.at(-1)).toBe('  and 10 more (use --json to list all)');
  const { code, stdout } = await pixlake(lake, 'verify', 'images', '--deep', '--json');
  expect(code).toBe(5);
  const [report] = JSON.parse(stdout) as [{ table: string; problems: unknown[] }];
  expect(report.table).toBe('images');
  expect(report.problems).toHaveLength(30);
  expect(await pixlake(lake, 'verify', 'none')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('[TABLE_NOT_FOUND]'),
  });
});
