import { expect, test } from 'vitest';
import { flip } from '../../../src/image/transforms/flip.ts';
import { columnsOf, drawWith } from './draw-with.ts';

test('is off unless it is asked for, with a probability', () => {
  expect(flip.name).toBe('flip');
  expect(flip.fields).toMatchObject({ flip: { kind: 'number', min: 0, max: 1, default: 0 } });
  expect(flip.undrawn).toEqual({ isFlipped: false });
  expect(drawWith(flip, { flip: 0 }, {})).toEqual({ isFlipped: false });
});

test.each([
  [0.29, true],
  [0.3, false],
])('with probability 0.3 is for a draw of %f: %s', (drawn, isFlipped) => {
  expect(drawWith(flip, { flip: 0.3 }, { flip: drawn })).toEqual({ isFlipped });
});

test('has a column', () => {
  expect(columnsOf(flip, { isFlipped: true })).toEqual([['flipped', 'BOOLEAN', true]]);
});
