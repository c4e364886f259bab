import { expect, test } from 'vitest';
import { ingestIds } from '../support/daily-run.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

test('optimize tells what became of the data files, and what it cannot use', async () => {
  const { lake, folder } = await makePlainLake(2);
  expect((await pixlake(lake, 'optimize', 'images')).stdout).toBe(
    'nothing to compact; table images stays at version 0\n',
  );
  await ingestIds(lake, `${folder}/more`, [3]);
  // All files are larger than that.
  expect(await pixlakeJson(lake, 'optimize', 'images', '--target-size', '1B')).toMatchObject({
    isCommitted: false,
  });
  expect((await pixlake(lake, 'optimize', 'images')).stdout).toMatch(
    /^2 data files \(.+\) became 1 \(.+\); table images is at version 2\n$/u,
  );
  const sorted = await pixlakeJson(
    lake,
    'optimize',
    'images',
    '--sort-by',
    'year, id',
    '--target-size',
    '1MB',
  );
  expect(sorted).toMatchObject({ table: 'images', version: 3, isCommitted: true, addedFileCount: 1 });
  for (const [args, code, text] of [
    [['--target-size', '0'], 2, 'expected a size'],
    [['--sort-by', 'nope'], 2, '[ARGUMENT_INVALID]'],
  ] as const) {
    const refused = await pixlake(lake, 'optimize', 'images', ...args);
    expect(refused).toMatchObject({ code, stderr: expect.stringContaining(text) });
  }
});
