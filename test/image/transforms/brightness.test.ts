import { expect, test } from 'vitest';
import { brightness } from '../../../src/image/transforms/brightness.ts';
import { columnsOf, drawWith } from './draw-with.ts';

test('is off unless it is asked for, as a share', () => {
  expect(brightness.name).toBe('brightness');
  expect(brightness.fields).toMatchObject({ brightness: { kind: 'number', min: 0, max: 1, default: 0 } });
  expect(brightness.undrawn).toEqual({ brightness: 1 });
  expect(drawWith(brightness, { brightness: 0 }, {})).toEqual({ brightness: 1 });
});

test.each([
  [0, 0.5],
  [0.5, 1],
  [0.75, 1.25],
])('of at most 0.5 either way is for a draw of %f: %f', (drawn, factor) => {
  expect(drawWith(brightness, { brightness: 0.5 }, { brightness: drawn })).toEqual({ brightness: factor });
});

test('has a column, and is a change of colours unless it is 1', () => {
  expect(columnsOf(brightness, { brightness: 1.5 })).toEqual([['brightness', 'DOUBLE', 1.5]]);
  expect([1, 1.1, 0.9].map((factor) => brightness.colour?.isActive({ brightness: factor }))).toEqual([
    false,
    true,
    true,
  ]);
});

test('multiplies each value of each row, rounds it, and stops at white', () => {
  const rows = [Uint8Array.of(0, 1, 3), Uint8Array.of(100, 170, 255)];
  brightness.colour?.apply(rows, { brightness: 1.5 });
  expect(rows.map((row) => [...row])).toEqual([
    [0, 2, 5],
    [150, 255, 255],
  ]);
});
