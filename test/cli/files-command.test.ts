import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

test('files lists the Parquet files of one version, as paths, SQL or JSON', async () => {
  const { lake } = await makePlainLake(3);
  const first = (await pixlake(lake, 'files', 'images')).stdout;
  expect(first).toMatch(/^\/\S+\/part-\S+\.parquet\n$/u);
  await pixlake(lake, 'delete', 'images', '--where', 'id = 2');
  const second = (await pixlake(lake, 'files', 'images')).stdout;
  expect(second).not.toBe(first);
  expect((await pixlake(lake, 'files', 'images', '--at', '0')).stdout).toBe(first);
  expect(await pixlakeJson(lake, 'files', 'images', '--at', '0')).toMatchObject({
    version: 0,
    files: [{ uri: first.trim() }],
  });
  const sql = (await pixlake(lake, 'files', 'images', '--sql')).stdout;
  expect(sql).toContain(second.trim().slice(join(lake, 'tables/images').length));
  expect(await pixlakeJson(lake, 'query', `SELECT count(*) AS n FROM images`)).toEqual([{ n: 2 }]);
  await pixlake(lake, 'delete', 'images', '--where', 'true');
  expect(await pixlake(lake, 'files', 'images')).toMatchObject({ code: 0, stdout: '' });
  expect(await pixlake(lake, 'files', 'none')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('[TABLE_NOT_FOUND]'),
  });
  expect(await pixlake(lake, 'files', 'images', '--at', '9')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('[SNAPSHOT_NOT_FOUND]'),
  });
});
