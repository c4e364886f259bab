import { expect, test } from 'vitest';
import { rotate } from '../../../src/image/transforms/rotate.ts';
import { columnsOf, drawWith } from './draw-with.ts';

test('is off unless it is asked for, in degrees up to 180', () => {
  expect(rotate.name).toBe('rotate');
  expect(rotate.fields).toMatchObject({ rotate: { kind: 'number', min: 0, max: 180, default: 0 } });
  expect(rotate.undrawn).toEqual({ rotation: 0 });
  expect(drawWith(rotate, { rotate: 0 }, {})).toEqual({ rotation: 0 });
});

test.each([
  [0, -20],
  [0.5, 0],
  [0.75, 10],
])('by at most 20 degrees either way is for a draw of %f: %f', (drawn, rotation) => {
  expect(drawWith(rotate, { rotate: 20 }, { rotate: drawn })).toEqual({ rotation });
});

test('has a column, and leaves the kernel only where something is turned', () => {
  expect(columnsOf(rotate, { rotation: -7 })).toEqual([['rotation', 'DOUBLE', -7]]);
  expect([0, -7].map((rotation) => rotate.isInKernel?.({ rotation }))).toEqual([true, false]);
});
