import { expect, test } from 'vitest';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

test('tables lists the tables and the outputs of runs', async () => {
  const { lake } = await makePlainLake(5);
  await pixlake(lake, 'run', '--name', 'tiny', '--sql', 'SELECT * FROM images', '--size', '32');
  expect(await pixlakeJson(lake, 'tables')).toMatchObject([
    { name: 'images', version: 0, rowCount: 5, partitionColumns: ['masterCategory'] },
    { name: 'runs.tiny', version: 0, rowCount: 5 },
  ]);
  expect((await pixlake(lake, 'tables', 'list')).stdout).toMatch(
    /^images {2}version 0, 5 rows in 1 files, .*, partitioned by masterCategory\nruns\.tiny {2}version 0, 5 rows in 1 files, /u,
  );
});

test('tables drop tells what would go, removes that, and refuses what it cannot drop', async () => {
  const { lake } = await makePlainLake(2);
  const dry = await pixlake(lake, 'tables', 'drop', 'images', '--dry-run');
  expect(dry.stdout).toMatch(
    /^would remove originals\/images: 2 files \(.*\)\nwould remove tables\/images: \d+ files/u,
  );
  expect(await pixlakeJson<unknown[]>(lake, 'tables')).toHaveLength(1);
  const report = await pixlakeJson(lake, 'tables', 'drop', 'images');
  expect(report).toMatchObject({ table: 'images', isDryRun: false, kept: [], notRetriable: [] });
  expect((await pixlake(lake, 'tables')).stdout).toBe('no tables yet\n');
  for (const [table, code, text] of [
    ['images', 3, '[TABLE_NOT_FOUND]'],
    ['runs.tiny', 4, '[TABLE_READ_ONLY]'],
    ['../images', 2, '[TABLE_NAME_INVALID]'],
  ] as const) {
    const refused = await pixlake(lake, 'tables', 'drop', table);
    expect(refused).toMatchObject({ code, stderr: expect.stringContaining(text) });
  }
});

test('tables of no lake is an error that says what to do', async () => {
  const lake = `${await makeTestFolder()}/none`;
  expect(await pixlake(lake, 'tables')).toMatchObject({
    code: 3,
    stdout: '',
    stderr: expect.stringContaining('[LAKE_NOT_FOUND]'),
  });
});
