import { expect, test } from 'vitest';
import { resize, targetSize } from '../../../src/image/transforms/resize.ts';

test('is to a square of 256 pixels, padded with white, unless it is said otherwise', () => {
  expect(resize.name).toBe('resize');
  expect(resize.fields).toMatchObject({
    size: { kind: 'size', max: 8192, default: 256 },
    fit: { kind: 'choice', choices: ['contain', 'cover', 'fill', 'inside'], default: 'contain' },
    background: { kind: 'colour', default: '#ffffff' },
  });
  expect(resize.undrawn).toEqual({});
});

test.each([
  [64, 64, 64],
  ['224x320', 224, 320],
  ['', 0, 0],
])('the size %j is %i by %i', (size, width, height) => {
  expect(targetSize(size)).toEqual({ width, height });
});
