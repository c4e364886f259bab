import { expect, test } from 'vitest';
import { contrast } from '../../../src/image/transforms/contrast.ts';
import { columnsOf, drawWith } from './draw-with.ts';

test('is off unless it is asked for, as a share', () => {
  expect(contrast.name).toBe('contrast');
  expect(contrast.fields).toMatchObject({ contrast: { kind: 'number', min: 0, max: 1, default: 0 } });
  expect(contrast.undrawn).toEqual({ contrast: 1 });
  expect(drawWith(contrast, { contrast: 0 }, {})).toEqual({ contrast: 1 });
});

test.each([
  [0, 0.5],
  [0.5, 1],
  [0.75, 1.25],
])('of at most 0.5 either way is for a draw of %f: %f', (drawn, factor) => {
  expect(drawWith(contrast, { contrast: 0.5 }, { contrast: drawn })).toEqual({ contrast: factor });
});

test('has a column, and is a change of colours unless it is 1', () => {
  expect(columnsOf(contrast, { contrast: 1.5 })).toEqual([['contrast', 'DOUBLE', 1.5]]);
  expect([1, 1.1, 0.9].map((factor) => contrast.colour?.isActive({ contrast: factor }))).toEqual([
    false,
    true,
    true,
  ]);
});

const ROWS = [
  [0, 0, 0, 100, 100, 100],
  [200, 200, 200, 0, 0, 255],
];
/** Of the brightnesses of the four pixels. */
const MEAN = (0 + 99 + 199 + 29) / 4;

test.each([2, 1.5, 0.5, 0])(
  'moves each value by the factor %f about the mean brightness of all rows',
  (factor) => {
    const rows = ROWS.map((row) => Uint8Array.from(row));
    contrast.colour?.apply(rows, { contrast: factor });
    const move = (value: number): number =>
      Math.floor(Math.min(255, Math.max(0, value * factor + MEAN * (1 - factor))));
    expect(rows.map((row) => [...row])).toEqual(ROWS.map((row) => row.map(move)));
  },
);
