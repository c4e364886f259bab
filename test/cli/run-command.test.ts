import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunReport } from '../../src/run/run-images.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';
import { usePlainLake } from './plain-lake.ts';

const shared = usePlainLake(6);

test('a dry run tells the plan and writes nothing', async () => {
  const { lake } = shared;
  const args = [
    'run',
    '--name',
    'dry',
    '--sql',
    'SELECT id FROM images LIMIT 4',
    '--copies',
    '3',
    '--dry-run',
  ];
  const { stdout, code } = await pixlake(lake, ...args);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^run dry \(run_id=[0-9a-f]{16}\), nothing written yet\n/u);
  expect(stdout).toContain('4 rows of images at version 0 x 3 copies = 12 images in 1 shards\n');
  expect(stdout).toMatch(/^the SQL may match other rows the next time: .*LIMIT/mu);
  expect(stdout).toMatch(/^model: none$/mu);
  expect(await pixlakeJson(lake, ...args)).toMatchObject({ rowCount: 4, run: { name: 'dry', copies: 3 } });
  expect(await readdir(join(lake, 'runs')).catch(() => [])).not.toContain('dry');
  expect(await readdir(join(lake, '.tmp'))).toEqual([]);
});

test('what a run cannot do without is asked for, before the lake is looked for', async () => {
  const { code, stderr } = await pixlake('nowhere', 'run');
  expect(code).toBe(2);
  expect(stderr).toContain('needs --name and --sql');
  expect(stderr).toContain('pixlake run --name men --sql');
  expect((await pixlake('nowhere', 'run', '--name', 'r')).stderr).toContain('needs --sql ');
});

test('a specification file does the same as options, and options win', async () => {
  const { lake, folder } = shared;
  const file = join(folder, 'run.json');
  const sql = 'SELECT id FROM images';
  await writeFile(
    file,
    JSON.stringify({ name: 'from-file', sql, limit: 5, transform: { size: 32, flip: 1 } }),
  );
  const report = await pixlakeJson<RunReport>(lake, 'run', '--spec', file, '--limit', '2', '--flip', '0');
  expect(report).toMatchObject({ name: 'from-file', imageCount: 2 });
  const written = 'SELECT DISTINCT image_width, flipped FROM runs."from-file"';
  expect(await pixlakeJson(lake, 'query', written)).toEqual([{ image_width: 32, flipped: false }]);
});

test.each([
  ['{"name": "x", "sql": "SELECT 1", "colour": "red"}', 'colour'],
  ['[]', 'is not a JSON object'],
  ['{"name": ', 'cannot read run specification'],
])('a specification file that holds %s is refused', async (text, named) => {
  const file = join(shared.folder, 'bad.json');
  await writeFile(file, text);
  const { code, stderr } = await pixlake(shared.lake, 'run', '--spec', file, '--json');
  expect(code).toBe(2);
  expect(JSON.parse(stderr)).toMatchObject({
    error: { code: 'SPEC_INVALID', message: expect.stringContaining(named) },
  });
});

test.each([
  [['--sql', 'SELECT gender FROM images'], 3, 'returns no column id, only: gender [PLAN_ID_MISSING]'],
  [['--sql', 'SELECT gender FROM images'], 3, '--id-column'],
  [['--sql', 'FROM images', '--crop', 'much'], 2, 'expected a number'],
  [['--sql', 'FROM images', '--copies', '0'], 2, 'at least 1'],
  [['--sql', 'FROM images', '--copies', '10001'], 2, '[SPEC_INVALID]'],
  [['--sql', 'FROM images', '--max-errors', 'few'], 2, '--max-errors'],
  [['--sql', 'FROM images', '--max-image-memory', 'x'], 2, 'expected a size'],
  [['--sql', 'FROM images', '--device', 'abacus'], 2, 'Allowed choices are'],
  [[], 2, 'needs --sql'],
])('run %j exits with %i', async (args, code, text) => {
  expect(await pixlake(shared.lake, 'run', '--name', 'refused', ...args)).toMatchObject({
    code,
    stdout: '',
    stderr: expect.stringContaining(text),
  });
});
