import { expect, test } from 'vitest';
import { describeRun } from '../../src/cli/describe-run.ts';
import type { RunReport } from '../../src/run/run-images.ts';

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
