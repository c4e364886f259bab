import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { describeRun } from '../../src/cli/describe-run.ts';
import type { RunReport } from '../../src/run/run-images.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';
import { usePlainLake } from './plain-lake.ts';
import { withProgress } from '../../src/cli/run-progress.ts';

const shared = usePlainLake(6);

const REPORT: RunReport = {
  name: 'r',
  runId: '0123456789abcdef',
  folder: 'runs/r/run_id=0123456789abcdef',
  outcome: 'finished',
  rowCount: 3,
  copies: 1,
  imageCount: 3,
  takenCount: 0,
  errorCount: 0,
  imageBytes: 1500,
  shardCount: 2,
  resumedShardCount: 0,
  volatileBecause: [],
  durationMs: 2000,
  model: undefined,
};

test('a run that finished tells its counts, its size and where it lies', () => {
  expect(describeRun(REPORT, 's3://bucket/lake')).toEqual([
    '3 rows x 1 copy = 3 images written + 0 failed',
    '1.5 kB of images in 2.0 s',
    'output: s3://bucket/lake/runs/r/run_id=0123456789abcdef (in SQL: runs."r")',
  ]);
});

test.each<[string, Partial<RunReport>, RegExp]>([
  [
    'copies',
    { copies: 2, imageCount: 5, errorCount: 1 },
    /^3 rows x 2 copies = 5 images written \+ 1 failed$/mu,
  ],
  ['errors', { errorCount: 1 }, /^to see why images failed: pixlake runs errors r$/mu],
  ['images that were taken over', { takenCount: 1200 }, /^1,200 of them were taken over .*--full/mu],
  ['shards of an earlier attempt', { resumedShardCount: 1 }, /^1 of 2 shards were done by an earlier/mu],
  ['that it had finished before', { outcome: 'repeated' }, /^run r has already finished .*nothing to do$/mu],
  [
    'that its SQL is volatile',
    { volatileBecause: ['LIMIT', 'now()'] },
    /other rows the next time: LIMIT; now\(\)$/mu,
  ],
  [
    'that its model is untrained',
    { model: { name: 'm', sha256: '', isTrained: false, embeddings: [] } },
    /^model m is untrained: .*have no meaning/mu,
  ],
])('a run tells of %s', (_, fields, line) => {
  expect(describeRun(REPORT, '/lake').join('\n')).not.toMatch(line);
  expect(describeRun({ ...REPORT, ...fields }, '/lake').join('\n')).toMatch(line);
});

test('a signal reaches the run, and is told as an interruption', async () => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const work = withProgress(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
          process.emit('SIGINT');
        }),
    );
    await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED' });
  } finally {
    vi.restoreAllMocks();
  }
});

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
  [[], 2, 'sql: '],
])('run %j exits with %i', async (args, code, text) => {
  expect(await pixlake(shared.lake, 'run', '--name', 'refused', ...args)).toMatchObject({
    code,
    stdout: '',
    stderr: expect.stringContaining(text),
  });
});
