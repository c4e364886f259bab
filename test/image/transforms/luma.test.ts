import { expect, test } from 'vitest';
import { lumaOf } from '../../../src/image/transforms/luma.ts';

test.each([
  [0, 0, 0, 0],
  [255, 255, 255, 254],
  [255, 0, 0, 76],
  [0, 255, 0, 149],
  [0, 0, 255, 29],
  [10, 20, 30, 18],
])('the brightness of (%i, %i, %i) is %i', (red, green, blue, luma) => {
  expect(lumaOf(red, green, blue)).toBe(luma);
});
