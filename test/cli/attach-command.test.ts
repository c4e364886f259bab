import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

test('attach registers Delta tables and Parquet files for reading, and detach forgets them', async () => {
  const { lake, folder } = await makePlainLake(3);
  expect((await pixlake(lake, 'attach', 'mirror', join(lake, 'tables/images'))).stdout).toMatch(
    /^mirror is the Delta table at .*tables\/images\n$/u,
  );
  expect((await pixlake(lake, 'tables')).stdout).toMatch(
    /^mirror {2}version 0, 3 rows in 1 files.*, attached$/mu,
  );
  const parquet = join(folder, 'rows.parquet');
  await pixlake(lake, 'query', 'SELECT 1 AS n', '--output', parquet);
  expect((await pixlake(lake, 'attach', 'plain', parquet)).stdout).toMatch(/^plain is Parquet files at /u);
  expect(await pixlakeJson(lake, 'query', 'FROM plain')).toEqual([{ n: 1 }]);
  expect(await pixlake(lake, 'attach', 'images', parquet)).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('[TABLE_EXISTS]'),
  });
  expect((await pixlake(lake, 'detach', 'mirror')).stdout).toBe('mirror is no longer attached\n');
  expect(await pixlakeJson(lake, 'detach', 'plain')).toEqual({ name: 'plain' });
  expect(await pixlakeJson<{ name: string }[]>(lake, 'tables')).toMatchObject([{ name: 'images' }]);
  expect(await pixlake(lake, 'detach', 'plain')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('[TABLE_NOT_FOUND]'),
  });
  expect(await pixlakeJson(lake, 'attach', 'again', parquet)).toMatchObject({
    name: 'again',
    format: 'parquet',
  });
});
