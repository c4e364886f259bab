import { expect, test } from 'vitest';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

test('history lists versions, the newest first, and restore brings one back', async () => {
  const { lake } = await makePlainLake(6);
  await pixlake(lake, 'delete', 'images', '--where', 'id = 2');
  const old = await pixlake(
    lake,
    'query',
    'SELECT count(*) AS n FROM images',
    '--at',
    '0',
    '--format',
    'csv',
  );
  expect(old.stdout).toBe('n\n6\n');
  expect((await pixlake(lake, 'restore', 'images', '--to', '0')).stdout).toMatch(
    /^table images is at version 2, which is version 0 again: 1 data files back, 1 out\n$/u,
  );
  expect((await pixlake(lake, 'restore', 'images', '--to', '0')).stdout).toBe(
    'nothing to do: table images is as at version 0 already\n',
  );
  expect((await pixlake(lake, 'history', 'images')).stdout).toMatch(
    /^v2 .* RESTORE .*\nv1 .* DELETE .*\nv0 .* WRITE /u,
  );
  expect(await pixlakeJson(lake, 'history', 'images', '--limit', '1')).toMatchObject([
    { version: 2, operation: 'RESTORE' },
  ]);
  expect(await pixlakeJson(lake, 'restore', 'images', '--to', 'v1')).toMatchObject({
    restoredVersion: 1,
    version: 3,
    isCommitted: true,
  });
});

test('history and restore refuse what they cannot use', async () => {
  const { lake } = await makePlainLake(1);
  for (const [args, code, text] of [
    [['history', 'images', '--limit', '0'], 2, 'at least 1'],
    [['history', 'none'], 3, '[TABLE_NOT_FOUND]'],
    [['restore', 'images'], 2, '--to'],
    [['restore', 'images', '--to', '9'], 3, '[SNAPSHOT_NOT_FOUND]'],
  ] as const)
    expect(await pixlake(lake, ...args)).toMatchObject({ code, stderr: expect.stringContaining(text) });
});
