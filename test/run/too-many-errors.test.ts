import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunReport } from '../../src/index.ts';
import { hasTooManyErrors, tooManyErrors } from '../../src/run/too-many-errors.ts';
import { makeDamagedLake } from '../support/damaged-lake.ts';
import { makeExecution } from '../support/execution.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';

const RUN = ['run', '--name', 'r', '--sql', 'SELECT * FROM images'];

test('a run with more errors than its limit is stopped before its commit, and goes on with a higher one', async () => {
  const lake = await makeDamagedLake([3, 7]);
  const { code, stderr } = await pixlake(lake, ...RUN, '--max-errors', '19%', '--json');
  expect(code).toBe(3);
  expect(stderr).toContain('TOO_MANY_ERRORS');
  const [execution = ''] = await readdir(join(lake, 'runs/r'));
  expect(await readdir(join(lake, 'runs/r', execution))).not.toContain('_SUCCESS');
  const report = await pixlakeJson<RunReport>(lake, ...RUN, '--max-errors', '20%');
  expect(report).toMatchObject({ outcome: 'finished', imageCount: 8, errorCount: 2 });
});

test('a limit is of images, not of rows, and allows as many as it says', () => {
  const execution = { ...makeExecution('r'), rowCount: 10 };
  const copies = { ...execution, run: { ...execution.run, copies: 2 } };
  expect([2, 3].map((count) => hasTooManyErrors(execution, count, { kind: 'count', value: 2 }))).toEqual([
    false,
    true,
  ]);
  expect([4, 5].map((count) => hasTooManyErrors(copies, count, { kind: 'percent', value: 20 }))).toEqual([
    false,
    true,
  ]);
  expect([2, 3].map((count) => hasTooManyErrors(execution, count, { kind: 'percent', value: 20 }))).toEqual([
    false,
    true,
  ]);
  // A row of a retry's plan is one image.
  const retry = { ...copies, retry: { number: 1 } };
  expect([2, 3].map((count) => hasTooManyErrors(retry, count, { kind: 'percent', value: 20 }))).toEqual([
    false,
    true,
  ]);
  expect(tooManyErrors(copies, 5, { kind: 'count', value: 2 })).toMatchObject({
    code: 'TOO_MANY_ERRORS',
    message: expect.stringMatching(/^5 of 20 images of run r failed; the limit is 2/u),
  });
  expect(tooManyErrors(copies, undefined, { kind: 'count', value: 2 }).message).toContain(
    'too many of 20 images',
  );
});
