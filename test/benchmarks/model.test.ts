import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

interface Fit {
  readonly start: number;
  readonly each: number;
  readonly low: number;
  readonly high: number;
}

const { fitJob, secondsOf, speedUp } = (await import(
  pathToFileURL(join(import.meta.dirname, '../../benchmarks/scaling/model.mjs')).href
)) as {
  readonly fitJob: (
    job: { readonly place: string; readonly points: readonly object[] },
    cores: number,
  ) => Fit;
  readonly secondsOf: (fit: Fit, images: number) => object;
  readonly speedUp: (
    workers: { readonly points: readonly object[] },
    cores: number,
  ) => { readonly measured: number; readonly least: number; readonly most: number };
};

/** What 10 and 110 images took, three times each. */
const points = [
  { images: 10, seconds: [2, 2.5, 3], cpuSeconds: [1, 1, 1] },
  { images: 110, seconds: [22, 22.5, 23], cpuSeconds: [11, 11, 12] },
];

test('a job is its start and the time of each image, between the flattest and the steepest line', () => {
  const fit = fitJob({ place: 'folder', points }, 2);
  expect(fit.each).toBeCloseTo(0.2);
  expect(fit.start).toBeCloseTo(0.5);
  expect(fit.low).toBeCloseTo(0.19);
  expect(fit.high).toBeCloseTo(0.21);
  expect(secondsOf(fit, 1000)).toEqual({
    seconds: expect.closeTo(200.5),
    low: expect.closeTo(190.5),
    high: expect.closeTo(210.5),
  });
});

test('where the server shared the cores, the likely time is that of computing alone', () => {
  const fit = fitJob({ place: 'S3', points }, 2);
  expect([fit.each, fit.low, fit.high]).toEqual([
    expect.closeTo(0.05),
    expect.closeTo(0.05),
    expect.closeTo(0.21),
  ]);
});

test('small jobs that took longer than large ones give no negative times', () => {
  const odd = points.toReversed().map((point, index) => ({ ...point, images: 10 + index * 100 }));
  expect(fitJob({ place: 'folder', points: odd }, 2)).toMatchObject({ each: 0, low: 0, high: 0 });
});

test.each([
  ['two as fast as one', 10, 1, 4],
  ['one and a half times', 20 / 3, 1.5, 4],
  ['twice', 5, 4, 4],
  ['more than twice', 4, 4, 4],
])('with two workers %s, eight cores are between the law and proportion', (_, secondsOfTwo, least, most) => {
  const measured = {
    points: [
      { workers: 1, seconds: 10 },
      { workers: 2, seconds: secondsOfTwo },
    ],
  };
  const faster = speedUp(measured, 8);
  expect(faster.measured).toBeCloseTo(10 / secondsOfTwo);
  expect(faster.most).toBe(most);
  // With a third of the work in one thread, two are 1.5 times and eight 2.4 times as fast as one.
  expect(faster.least).toBeCloseTo(least === 1.5 ? 2.4 / 1.5 : least);
});
