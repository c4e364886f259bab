import { expect, test } from 'vitest';
import { aspect } from '../../../src/image/transforms/aspect.ts';
import { crop } from '../../../src/image/transforms/crop.ts';
import { drawWith } from './draw-with.ts';

/** Draws on top of a crop, as the list of transforms has it. */
const DRAWING = { ...aspect, undrawn: crop.undrawn };

/** The same numbers for each try. */
function draws(area: number, ratio: number, left = 0, top = 0): Record<string, number> {
  const tries = Array.from({ length: 10 }, (_, index) => [
    [`aspect-area-${index}`, area],
    [`aspect-ratio-${index}`, ratio],
  ]);
  return Object.fromEntries([...tries.flat(), ['aspect-left', left], ['aspect-top', top]]) as Record<
    string,
    number
  >;
}

type Range = readonly [number, number] | null;
const draw = (
  aspectScale: Range,
  aspectRatio: Range,
  numbers: Record<string, number>,
  [width, height]: readonly [number, number] = [400, 300],
): number[] => Object.values(drawWith(DRAWING, { aspectScale, aspectRatio }, numbers, { width, height }));

test('is off unless it is asked for, and draws nothing then', () => {
  expect(aspect.name).toBe('aspect');
  expect(aspect.fields).toMatchObject({
    aspectScale: { kind: 'range', min: 0.0001, max: 1, default: null },
    aspectRatio: { kind: 'range', min: 0.01, max: 100, default: null },
  });
  expect(aspect.undrawn).toEqual({});
  expect(draw(null, null, {})).toEqual([0, 0, 0, 0]);
});

// Left, top, width, height.
test.each<[string, Range, Range, Record<string, number>, number[]]>([
  ['the smallest area and ratio', [0.25, 1], [0.75, 3], draws(0, 0), [0, 0, 150, 200]],
  ['the middle of the ratios, by their logarithm', [0.25, 1], [0.75, 3], draws(0, 0.5), [0, 0, 212, 141]],
  ['half of the areas', [0.25, 0.75], [1, 1], draws(0.5, 0), [0, 0, 245, 245]],
  ['a place in the middle', [0.25, 1], [0.75, 3], draws(0, 0, 0.5, 0.25), [125, 25, 150, 200]],
  ['a place at the end', [0.25, 1], [0.75, 3], draws(0, 0, 0.9999, 0.9999), [250, 100, 150, 200]],
  ['the defaults of torchvision for the ratio', [0.25, 0.25], null, draws(0, 0.9999), [0, 0, 200, 150]],
  ['the defaults of torchvision for the area', null, [1, 1], draws(0, 0), [0, 0, 98, 98]],
  ['all of an image', [1, 1], [4 / 3, 4 / 3], draws(0, 0), [0, 0, 400, 300]],
])('takes %s', (_, scale, ratio, numbers, expected) => {
  expect(draw(scale, ratio, numbers)).toEqual(expected);
});

test('tries ten times, each with draws of its own', () => {
  const numbers: Record<string, number> = { ...draws(0, 0), 'aspect-area-9': 0.25 };
  // Too tall for nine times: all of the area at a ratio of one half.
  for (let attempt = 0; attempt < 9; attempt++) numbers[`aspect-area-${attempt}`] = 0.9999;
  expect(draw([0, 1], [0.5, 0.5], numbers)).toEqual([0, 0, 122, 245]);
});

test.each([
  ['a wide image', [400, 100], [1, 2], [100, 0, 200, 100]],
  ['a tall image', [100, 400], [0.5, 1], [0, 100, 100, 200]],
  ['an image of a ratio that is allowed', [300, 300], [0.5, 2], [0, 0, 300, 300]],
  ['an image of one row', [3, 1], [0.25, 0.25], [1, 0, 1, 1]],
  ['an image of one column', [1, 3], [4, 4], [0, 1, 1, 1]],
  ['odd sides, rounded towards the start', [401, 100], [1, 2], [100, 0, 200, 100]],
] as const)('takes the middle of %s where no box fits', (_, size, ratio, expected) => {
  // All of the area at the one end of the ratios, so that no try fits, unless none of it does.
  const isWide = size[0] > size[1];
  const numbers = draws(1, isWide ? 0 : 1);
  const scale = size[0] === size[1] ? ([1e-6, 1e-6] as const) : ([1, 1] as const);
  expect(draw(scale, ratio, numbers, size)).toEqual(expected);
});
