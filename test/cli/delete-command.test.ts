import { expect, test } from 'vitest';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

const DELETE = ['delete', 'images', '--where'];

test('delete tells what it would take, takes it, and says where nothing matches', async () => {
  const { lake } = await makePlainLake(6);
  const dry = await pixlake(lake, ...DELETE, 'id = 2', '--dry-run');
  expect(dry.stdout).toBe('would delete 1 rows in 1 data files\n');
  const counted = await pixlakeJson<{ n: number }[]>(lake, 'query', 'SELECT count(*) AS n FROM images');
  expect(counted).toEqual([{ n: 6 }]);
  const { stdout } = await pixlake(lake, ...DELETE, 'id = 2');
  expect(stdout).toBe('deleted 1 rows in 1 data files; table images is at version 1\n');
  expect((await pixlake(lake, ...DELETE, 'id = 2')).stdout).toBe(
    'no row matches; table images stays at version 1\n',
  );
  expect(await pixlakeJson(lake, ...DELETE, 'id = 3')).toMatchObject({
    table: 'images',
    version: 2,
    isCommitted: true,
    deletedCount: 1,
    copiedCount: 4,
  });
  expect(await pixlake(lake, 'delete', 'images')).toMatchObject({ code: 2 });
  expect(await pixlake(lake, ...DELETE, 'no_such_column = 1')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('[SQL_FAILED]'),
  });
});
