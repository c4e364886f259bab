import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

test('vacuum lists what would go, by --dry-run, and removes exactly that', async () => {
  const { lake } = await makePlainLake(3);
  await pixlake(lake, 'delete', 'images', '--where', 'id = 2');
  const files = async (): Promise<string[]> =>
    (await readdir(join(lake, 'tables/images'), { recursive: true })).filter((name) =>
      name.endsWith('.parquet'),
    );
  const before = await files();
  expect(before).toHaveLength(2);
  const dry = await pixlake(lake, 'vacuum', 'images', '--retain', '0s', '--dry-run');
  expect(dry.stdout).toMatch(/^\S+\/part-\S+\.parquet\nwould remove 1 data files \([^)]+\)\n$/u);
  expect(await files()).toEqual(before);
  expect((await pixlake(lake, 'vacuum', 'images', '--retain', '1h')).stdout).toBe(
    'removed 0 data files (0 B)\n',
  );
  const report = await pixlakeJson<{ removedKeys: string[] }>(lake, 'vacuum', 'images', '--retain', '0s');
  expect(report).toMatchObject({ removedLogKeys: [], sweptCount: 0 });
  expect(report.removedKeys).toHaveLength(1);
  const [key = ''] = report.removedKeys;
  expect(dry.stdout).toContain(key);
  expect(await files()).toHaveLength(1);
});

test('vacuum takes a table, a run or --runs, and a duration', async () => {
  const { lake } = await makePlainLake(1);
  for (const [args, code, text] of [
    [[], 2, '[ARGUMENT_INVALID]'],
    [['images', '--runs'], 2, '[ARGUMENT_INVALID]'],
    [['images', '--retain', 'long'], 2, 'expected a duration'],
    [['runs.none'], 3, '[RUN_NOT_FOUND]'],
    [['none'], 3, '[TABLE_NOT_FOUND]'],
  ] as const)
    expect(await pixlake(lake, 'vacuum', ...args)).toMatchObject({
      code,
      stderr: expect.stringContaining(text),
    });
  expect((await pixlake(lake, 'vacuum', '--runs', '--dry-run')).stdout).toBe('would remove 0 files (0 B)\n');
});
