import { expect, test } from 'vitest';
import { fitInto } from '../../src/image/fit-into.ts';
import { FITS } from '../../src/image/transforms/resize.ts';

const WIDE = { width: 200, height: 100 };
const TALL = { width: 100, height: 200 };
const at = (left: number, top: number, width: number, height: number) => ({ left, top, width, height });

test('all of a box is stretched to fill', () => {
  const target = { width: 30, height: 70 };
  expect(fitInto(WIDE, target, 'fill')).toEqual({
    canvas: target,
    box: at(0, 0, 200, 100),
    place: at(0, 0, 30, 70),
  });
});

test.each([
  ['a wide box in a square', WIDE, { width: 64, height: 64 }, at(0, 16, 64, 32)],
  ['a tall box in a square', TALL, { width: 64, height: 64 }, at(16, 0, 32, 64)],
  ['an odd rest, the larger half behind', TALL, { width: 65, height: 64 }, at(16, 0, 32, 64)],
  ['an odd rest below', WIDE, { width: 64, height: 65 }, at(0, 16, 64, 32)],
  ['a box that is enlarged', { width: 3, height: 2 }, { width: 30, height: 30 }, at(0, 5, 30, 20)],
  [
    'a box so thin that a pixel is left of it',
    { width: 1000, height: 1 },
    { width: 64, height: 64 },
    at(0, 31, 64, 1),
  ],
  [
    'a box so narrow that a pixel is left of it',
    { width: 1, height: 1000 },
    { width: 64, height: 64 },
    at(31, 0, 1, 64),
  ],
])('is contained in the middle, or alone inside: %s', (_, box, target, place) => {
  const whole = at(0, 0, box.width, box.height);
  expect(fitInto(box, target, 'contain')).toEqual({ canvas: target, box: whole, place });
  const { width, height } = place;
  expect(fitInto(box, target, 'inside')).toEqual({
    canvas: { width, height },
    box: whole,
    place: at(0, 0, width, height),
  });
});

test.each([
  ['a wide box', WIDE, { width: 64, height: 64 }, at(50, 0, 100, 100)],
  ['a tall box', TALL, { width: 64, height: 64 }, at(0, 50, 100, 100)],
  ['a wide box in a wide target', WIDE, { width: 80, height: 20 }, at(0, 25, 200, 50)],
  [
    'an odd rest, the larger half in front',
    { width: 13, height: 10 },
    { width: 10, height: 10 },
    at(2, 0, 10, 10),
  ],
  ['an odd rest above', { width: 10, height: 13 }, { width: 10, height: 10 }, at(0, 2, 10, 10)],
  // 33.33 pixels become 33, each of which is 1.0101 of the box.
  [
    'sides that are rounded',
    { width: 100, height: 33 },
    { width: 10, height: 11 },
    at(36.363_636, 0, 30.303_03, 33),
  ],
])('covers the target with the middle: %s', (_, box, target, seen) => {
  const fitted = fitInto(box, target, 'cover');
  expect(fitted).toMatchObject({ canvas: target, place: at(0, 0, target.width, target.height) });
  const round = (value: number): number => Number(value.toFixed(6));
  const { left, top, width, height } = fitted.box;
  expect([left, top, width, height].map(round)).toEqual(
    [seen.left, seen.top, seen.width, seen.height].map(round),
  );
});

test('a box of the size of the target stays as it is', () => {
  for (const fit of FITS)
    expect(fitInto(WIDE, WIDE, fit), fit).toEqual({
      canvas: WIDE,
      box: at(0, 0, 200, 100),
      place: at(0, 0, 200, 100),
    });
  expect(FITS).toHaveLength(4);
});
