import { expect, test } from 'vitest';
import { grayscale } from '../../../src/image/transforms/grayscale.ts';
import { columnsOf, drawWith } from './draw-with.ts';

test('is off unless it is asked for, with a probability', () => {
  expect(grayscale.name).toBe('grayscale');
  expect(grayscale.fields).toMatchObject({ grayscale: { kind: 'number', min: 0, max: 1, default: 0 } });
  expect(grayscale.undrawn).toEqual({ isGray: false });
  expect(drawWith(grayscale, { grayscale: 0 }, {})).toEqual({ isGray: false });
});

test.each([
  [0.29, true],
  [0.3, false],
])('with probability 0.3 is for a draw of %f: %s', (drawn, isGray) => {
  expect(drawWith(grayscale, { grayscale: 0.3 }, { grayscale: drawn })).toEqual({ isGray });
});

test('has a column, and is a change of colours only where it was drawn', () => {
  expect(columnsOf(grayscale, { isGray: true })).toEqual([['grayscale', 'BOOLEAN', true]]);
  expect([true, false].map((isGray) => grayscale.colour?.isActive({ isGray }))).toEqual([true, false]);
});

test('gives each pixel of each row its brightness in all channels', () => {
  const rows = [Uint8Array.of(200, 0, 0, 0, 200, 0), Uint8Array.of(0, 0, 200, 255, 255, 255)];
  grayscale.colour?.apply(rows, { isGray: true });
  expect(rows.map((row) => [...row])).toEqual([
    [59, 59, 59, 117, 117, 117],
    [22, 22, 22, 254, 254, 254],
  ]);
});
