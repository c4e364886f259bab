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
    /^table images is at version 2, which equals version 0: 1 data files added, 1 removed\n$/u,
  );
  expect((await pixlake(lake, 'restore', 'images', '--to', '0')).stdout).toBe(
    'nothing to do: table images already equals version 0\n',
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
