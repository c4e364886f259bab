import { expect, test } from 'vitest';
import { answerForMillion, readResult } from '../../notebooks/million.ts';

test('a million takes what the largest measured job took, times a million by its images', async () => {
  const rows = await answerForMillion();
  expect(rows.map(({ job }) => job)).toEqual([
    'ingest',
    'run',
    'run with fashion-tiny',
    expect.stringMatching(/^run, \d+ copies of each original$/u),
  ]);
  const { points } = await readResult('ingest');
  const { images, seconds } = points.at(-1);
  const minutes = ((seconds * 1e6) / images / 60).toFixed(1);
  expect(rows[0]).toMatchObject({ seconds: seconds.toFixed(1), 'a million takes': `${minutes} minutes` });
  expect(Object.values(rows).flatMap(Object.values).join(' ')).not.toMatch(/NaN|undefined/u);
});
