import { expect, test } from 'vitest';
import { crop } from '../../../src/image/transforms/crop.ts';
import { columnsOf, drawWith } from './draw-with.ts';

test('cuts off a fifth of each side at most unless it is said otherwise', () => {
  expect(crop.name).toBe('crop');
  expect(crop.fields).toMatchObject({ crop: { kind: 'number', min: 0, max: 0.9, default: 0.2 } });
  expect(crop.undrawn).toEqual({ cropLeft: 0, cropTop: 0, cropWidth: 0, cropHeight: 0 });
});

const draws = (width: number, height: number, left: number, top: number) => ({
  'crop-width': width,
  'crop-height': height,
  'crop-left': left,
  'crop-top': top,
});

test.each([
  ['the smallest box at the start', draws(0, 0, 0, 0), [0, 0, 48, 64]],
  ['the largest box', draws(0.999, 0.999, 0.999, 0.999), [0, 0, 60, 80]],
  ['the smallest box at the end', draws(0, 0, 0.999, 0.999), [12, 16, 48, 64]],
  ['a box between', draws(0.5, 0.25, 0.5, 0.75), [3, 9, 54, 68]],
])('of 0.2 gives %s', (_, numbers, [cropLeft, cropTop, cropWidth, cropHeight]) => {
  expect(drawWith(crop, { crop: 0.2 }, numbers)).toEqual({ cropLeft, cropTop, cropWidth, cropHeight });
});

test('keeps at least a pixel, and rounds no side below its share', () => {
  const smallest = (share: number, width: number, height: number) =>
    drawWith(crop, { crop: share }, draws(0, 0, 0, 0), { width, height });
  expect(smallest(0.9, 1, 11)).toMatchObject({ cropWidth: 1, cropHeight: 2 });
  expect(smallest(0, 7, 9)).toMatchObject({ cropWidth: 7, cropHeight: 9 });
});

test('has columns of the box', () => {
  expect(columnsOf(crop, { cropLeft: 1, cropTop: 2, cropWidth: 3, cropHeight: 4 })).toEqual([
    ['crop_left', 'INTEGER', 1],
    ['crop_top', 'INTEGER', 2],
    ['crop_width', 'INTEGER', 3],
    ['crop_height', 'INTEGER', 4],
  ]);
});
