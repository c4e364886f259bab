import { expect, test } from 'vitest';
import { extrapolate, isEnough, type Point } from '../../src/run/speed-window.ts';

const toPoints = (...pairs: readonly (readonly [ms: number, count: number])[]): Point[] =>
  pairs.map(([ms, count]) => ({ ms, count }));

test.each([
  ['nothing', [], false],
  [
    'too short a time',
    [
      [1000, 500],
      [1999, 1000],
    ],
    false,
  ],
  [
    'two seconds',
    [
      [1000, 500],
      [1500, 936],
      [2000, 1000],
    ],
    true,
  ],
  [
    'too few in the second half',
    [
      [1000, 500],
      [1500, 937],
      [2000, 1000],
    ],
    false,
  ],
  ['no image yet', [[29_999, 0]], false],
  [
    'one image in half a minute',
    [
      [20_000, 1],
      [30_000, 1],
    ],
    true,
  ],
  ['no image in half a minute', [[30_000, 0]], true],
] as const)('%s is enough to tell the speed: %s', (_, pairs, expected) => {
  expect(isEnough(toPoints(...pairs))).toBe(expected);
});

test.each([
  ['what is done already', [[1000, 10]], 10, 1000],
  ['more than is needed', [[1000, 10]], 5, 1000],
  ['one point', [[1000, 10]], 30, 3000],
  [
    'a start that is slow',
    [
      [200, 0],
      [1000, 100],
      [1500, 300],
      [2000, 700],
    ],
    1500,
    2000 + (800 * 500) / 400,
  ],
  [
    'a second half without images',
    [
      [1000, 10],
      [1500, 10],
      [2000, 10],
    ],
    20,
    4000,
  ],
  ['nothing', [], 7, 0],
] as const)('from %s, the time of the rest follows', (_, pairs, imageCount, expected) => {
  expect(extrapolate(toPoints(...pairs), imageCount)).toBe(expected);
});
