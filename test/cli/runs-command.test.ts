import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';
import { makePlainLake, usePlainLake } from './plain-lake.ts';

const run = (name: string, ...more: readonly string[]): string[] => [
  'run',
  '--name',
  name,
  '--sql',
  'SELECT * FROM images',
  '--size',
  '32',
  ...more,
];

const shared = usePlainLake(5);

test('runs are listed and shown with their counts', async () => {
  const { lake } = await makePlainLake(2);
  expect((await pixlake(lake, 'runs', 'list')).stdout).toBe('no runs yet\n');
  await pixlake(lake, ...run('tiny', '--copies', '2'));
  expect((await pixlake(lake, 'runs', 'list')).stdout).toMatch(
    /^tiny {2}finished {2}4 of 4 images, 0 failed, 1 of 1 shards {2}run_id=[0-9a-f]{16}\n$/u,
  );
  expect(await pixlakeJson(lake, 'runs', 'list')).toMatchObject({
    runs: [{ state: 'finished', imageCount: 4 }],
    unreadable: [],
  });
  const { stdout } = await pixlake(lake, 'runs', 'show', 'tiny');
  expect(stdout).toMatch(/^tiny {2}finished .*\nfolder: runs\/tiny\/run_id=[0-9a-f]{16}\n\{/u);
  expect(JSON.parse(stdout.slice(stdout.indexOf('{')))).toMatchObject({ name: 'tiny', copies: 2 });
});

test('runs errors, retry, resume and cancel tell of what failed and what is done about it', async () => {
  const { lake } = await makePlainLake(3);
  const original = join(lake, 'originals/images/2.jpg');
  await rename(original, `${original}.away`);
  expect((await pixlake(lake, ...run('r'))).stdout).toContain(
    'to see why images failed: pixlake runs errors r\n',
  );
  expect((await pixlake(lake, 'runs', 'errors', 'r')).stdout).toMatch(
    /^2 copy 0: OBJECT_NOT_FOUND while reading: .+\n$/u,
  );
  expect(await pixlakeJson(lake, 'runs', 'errors', 'r', '--limit', '1')).toMatchObject([
    { id: '2', copy: 0, stage: 'read', code: 'OBJECT_NOT_FOUND' },
  ]);
  expect((await pixlake(lake, 'runs', 'retry', 'r', '--stage', 'infer')).stdout).toBe(
    'no image failed in that way; nothing to do\n',
  );
  await rename(`${original}.away`, original);
  expect((await pixlake(lake, 'runs', 'retry', 'r')).stdout).toBe(
    'retry 1: 1 images = 1 written + 0 failed again\n',
  );
  expect((await pixlake(lake, 'runs', 'errors', 'r')).stdout).toBe('no errors\n');
  expect((await pixlake(lake, 'runs', 'resume', 'r')).stdout).toContain('nothing to do');
  expect(await pixlake(lake, 'runs', 'cancel', 'r')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('has already finished [ARGUMENT_INVALID]'),
  });
  const { folder } = await pixlakeJson<{ folder: string }>(lake, 'runs', 'show', 'r');
  await rename(join(lake, folder, '_SUCCESS'), join(lake, folder, 'away'));
  expect((await pixlake(lake, 'runs', 'cancel', 'r')).stdout).toBe(
    'run r is cancelled; `pixlake runs resume r` resumes it\n',
  );
  expect(await pixlakeJson(lake, 'runs', 'show', 'r')).toMatchObject({ state: 'cancelled' });
  expect(await pixlakeJson(lake, 'runs', 'resume', 'r', '--workers', '1')).toMatchObject({
    outcome: 'finished',
  });
});

test('runs sheet draws originals beside results', async () => {
  const { lake, folder } = shared;
  await pixlake(lake, ...run('drawn'));
  const png = join(folder, 'sheet.png');
  expect((await pixlake(lake, 'runs', 'sheet', 'drawn', '--output', png)).stdout).toBe(`wrote ${png}\n`);
  const { format, height } = await sharp(png).metadata();
  expect(format).toBe('png');
  const small = join(folder, 'small.png');
  expect(await pixlakeJson(lake, 'runs', 'sheet', 'drawn', '--output', small, '--limit', '1')).toEqual({
    output: small,
  });
  expect((await sharp(small).metadata()).height).toBeLessThan(height);
  expect(
    await pixlake(lake, 'runs', 'sheet', 'drawn', '--output', join(folder, 'no/such.png')),
  ).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('[OUTPUT_FAILED]'),
  });
});

test.each([
  [['show', 'none'], 3, '[RUN_NOT_FOUND]'],
  [['errors', 'none'], 3, '[RUN_NOT_FOUND]'],
  [['errors', 'none', '--limit', '0'], 2, 'at least 1'],
  [['resume', 'none'], 3, '[RUN_NOT_FOUND]'],
  [['retry', 'none'], 3, '[RUN_NOT_FOUND]'],
  [['retry', 'none', '--stage', 'never'], 2, 'Allowed choices are read, transform, infer'],
  [['cancel', 'none'], 3, '[RUN_NOT_FOUND]'],
  [['sheet', 'none'], 2, '--output'],
  [['fly'], 2, "unknown command 'fly'"],
])('runs %j exits with %i', async (args, code, text) => {
  expect(await pixlake(shared.lake, 'runs', ...args)).toMatchObject({
    code,
    stdout: '',
    stderr: expect.stringContaining(text),
  });
});
