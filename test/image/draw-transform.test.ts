import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawTransform } from '../../src/image/draw-transform.ts';
import { DEFAULT_TRANSFORM, type DrawnTransform, type Transform } from '../../src/image/transform.ts';

const PLAIN: Transform = { ...DEFAULT_TRANSFORM, crop: 0 };

const EVERYTHING: Transform = { ...PLAIN, crop: 0.2, flip: 0.5, rotate: 15, brightness: 0.25, blur: 3 };

const SIDE = fc.oneof(fc.constantFrom(1, 2, 3, 10), fc.integer({ min: 1, max: 20_000 }));
const SIZE = fc.record({ width: SIDE, height: SIDE });
const KEY = fc.record({
  seed: fc.integer({ min: 0, max: 0xff_ff_ff_ff }),
  id: fc.string({ unit: 'grapheme', maxLength: 12 }),
  copy: fc.nat(100),
});
const CROP = fc.integer({ min: 0, max: 90 }).map((percent) => percent / 100);

function drawMany(transform: Transform, count = 2000): DrawnTransform[] {
  const size = { width: 100, height: 200 };
  return Array.from({ length: count }, (_, copy) =>
    drawTransform(transform, size, { seed: 42, id: '7', copy }),
  );
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('the crop box', () => {
  it('lies within the image and keeps the promised share of each side, whatever is drawn', () => {
    fc.assert(
      fc.property(CROP, SIZE, KEY, (crop, size, key) => {
        const drawn = drawTransform({ ...PLAIN, crop }, size, key);
        for (const value of [drawn.cropLeft, drawn.cropTop, drawn.cropWidth, drawn.cropHeight]) {
          expect(Number.isInteger(value)).toBe(true);
        }
        expect(drawn.cropLeft).toBeGreaterThanOrEqual(0);
        expect(drawn.cropTop).toBeGreaterThanOrEqual(0);
        expect(drawn.cropLeft + drawn.cropWidth).toBeLessThanOrEqual(size.width);
        expect(drawn.cropTop + drawn.cropHeight).toBeLessThanOrEqual(size.height);
        expect(drawn.cropWidth).toBeGreaterThanOrEqual(Math.max(1, size.width * (1 - crop)));
        expect(drawn.cropHeight).toBeGreaterThanOrEqual(Math.max(1, size.height * (1 - crop)));
      }),
      { seed: 11, numRuns: 500 },
    );
  });

  it('is the whole image without cropping', () => {
    fc.assert(
      fc.property(SIZE, KEY, ({ width, height }, key) => {
        const drawn = drawTransform(PLAIN, { width, height }, key);
        expect(drawn).toMatchObject({ cropLeft: 0, cropTop: 0, cropWidth: width, cropHeight: height });
      }),
      { seed: 12, numRuns: 100 },
    );
  });

  it('is the pixel itself in an image of one pixel', () => {
    for (let copy = 0; copy < 50; copy++) {
      const drawn = drawTransform(
        { ...PLAIN, crop: 0.9 },
        { width: 1, height: 1 },
        { seed: 1, id: 'a', copy },
      );
      expect(drawn).toMatchObject({ cropLeft: 0, cropTop: 0, cropWidth: 1, cropHeight: 1 });
    }
  });

  it('takes every size and place about equally often', () => {
    const drawn = drawMany({ ...PLAIN, crop: 0.2 });
    const widths = drawn.map((one) => one.cropWidth);
    // 80 to 100: 21 widths, so about 95 draws each, with a standard deviation of 9.5.
    for (let width = 80; width <= 100; width++) {
      const count = widths.filter((value) => value === width).length;
      expect(count, `width ${width}`).toBeGreaterThan(50);
      expect(count, `width ${width}`).toBeLessThan(145);
    }
    const heights = drawn.map((one) => one.cropHeight);
    expect([Math.min(...heights), Math.max(...heights)]).toEqual([160, 200]);
    // Where there is room, the place within it has its mean in the middle: 0.5 ± 5 standard errors of 0.29 / sqrt(2000).
    const places = drawn
      .filter((one) => one.cropHeight < 200)
      .map((one) => one.cropTop / (200 - one.cropHeight));
    expect(Math.abs(meanOf(places) - 0.5)).toBeLessThan(0.04);
    expect([Math.min(...places), Math.max(...places)]).toEqual([0, 1]);
  });

  it('draws width, height and place independently', () => {
    const drawn = drawMany({ ...PLAIN, crop: 0.5 });
    const narrow = drawn.filter((one) => one.cropWidth < 75);
    const wide = drawn.filter((one) => one.cropWidth >= 75);
    const difference =
      meanOf(narrow.map((one) => one.cropHeight)) - meanOf(wide.map((one) => one.cropHeight));
    // Heights spread over 100 to 200; the means of two halves differ by chance with a standard deviation of 1.3.
    expect(Math.abs(difference)).toBeLessThan(6.5);
  });
});

describe('the other draws', () => {
  it('stay within the limits of the transform and use them fully', () => {
    const drawn = drawMany(EVERYTHING);
    const rotations = drawn.map((one) => one.rotation);
    expect(Math.min(...rotations)).toBeGreaterThanOrEqual(-15);
    expect(Math.max(...rotations)).toBeLessThanOrEqual(15);
    expect(Math.min(...rotations)).toBeLessThan(-14.5);
    expect(Math.max(...rotations)).toBeGreaterThan(14.5);
    expect(Math.abs(meanOf(rotations))).toBeLessThan(1);
    const factors = drawn.map((one) => one.brightness);
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.75);
    expect(Math.max(...factors)).toBeLessThanOrEqual(1.25);
    expect(Math.abs(meanOf(factors) - 1)).toBeLessThan(0.02);
    const blurs = drawn.map((one) => one.blur);
    expect(Math.max(...blurs)).toBeLessThanOrEqual(3);
    expect(Math.max(...blurs)).toBeGreaterThan(2.9);
    // A blur too small for the pixel library is none at all, not an error.
    expect(blurs.filter((blur) => blur > 0 && blur < 0.3)).toEqual([]);
    expect(blurs.filter((blur) => blur === 0).length / blurs.length).toBeCloseTo(0.1, 1);
  });

  it.each([
    [0, 0, 0],
    [0.25, 0.2, 0.3],
    [1, 1, 1],
  ])('mirror with the probability %d', (flip, lowest, highest) => {
    const share = meanOf(drawMany({ ...PLAIN, flip }).map((one) => (one.isFlipped ? 1 : 0)));
    expect(share).toBeGreaterThanOrEqual(lowest);
    expect(share).toBeLessThanOrEqual(highest);
  });

  it('change nothing in a transform that asks for nothing', () => {
    const draws = drawMany(PLAIN, 50);
    expect(draws).toHaveLength(50);
    for (const drawn of draws) {
      expect(drawn).toMatchObject({ isFlipped: false, brightness: 1, blur: 0 });
      // Not toBe: minus zero turns nothing either.
      expect(drawn.rotation === 0).toBe(true);
    }
  });
});

describe('a draw', () => {
  const size = { width: 640, height: 480 };
  const key = { seed: 42, id: '1163', copy: 0 };

  it('is the same for the same seed, id and copy, in any order of calls', () => {
    const keys = Array.from({ length: 20 }, (_, copy) => ({ ...key, copy }));
    const forwards = keys.map((one) => drawTransform(EVERYTHING, size, one));
    const backwards = keys.toReversed().map((one) => drawTransform(EVERYTHING, size, one));
    expect(backwards.toReversed()).toEqual(forwards);
  });

  it('stays as it was in the first release, so that old runs can be made again', () => {
    expect(drawTransform(EVERYTHING, size, key)).toMatchInlineSnapshot(`
      {
        "blur": 2.9995317322597472,
        "brightness": 0.9998330666273656,
        "contrast": 1,
        "cropHeight": 462,
        "cropLeft": 15,
        "cropTop": 9,
        "cropWidth": 625,
        "isFlipped": true,
        "isGray": false,
        "rotation": -7.164591795135173,
      }
    `);
  });

  it.each([
    ['seed', { ...key, seed: 43 }],
    ['id', { ...key, id: '1164' }],
    ['copy', { ...key, copy: 1 }],
  ])('differs with another %s in every parameter', (_, other) => {
    const a = drawTransform(EVERYTHING, size, key);
    const b = drawTransform(EVERYTHING, size, other);
    expect(b.cropWidth).not.toBe(a.cropWidth);
    expect(b.cropHeight).not.toBe(a.cropHeight);
    expect(b.rotation).not.toBe(a.rotation);
    expect(b.brightness).not.toBe(a.brightness);
    expect(b.blur).not.toBe(a.blur);
  });

  it('tells apart keys whose parts read the same when put together', () => {
    const a = drawTransform(EVERYTHING, size, { seed: 4, id: '21', copy: 1 });
    const b = drawTransform(EVERYTHING, size, { seed: 42, id: '1', copy: 1 });
    const c = drawTransform(EVERYTHING, size, { seed: 4, id: '2', copy: 11 });
    expect(new Set([a, b, c].map((drawn) => drawn.brightness)).size).toBe(3);
  });

  it('does not depend on which other transforms are in use', () => {
    fc.assert(
      fc.property(KEY, (anyKey) => {
        const all = drawTransform(EVERYTHING, size, anyKey);
        const alone = (changes: Partial<Transform>): DrawnTransform =>
          drawTransform({ ...PLAIN, ...changes }, size, anyKey);
        const { cropLeft, cropTop, cropWidth, cropHeight, isFlipped, rotation, brightness, blur } = all;
        expect(alone({ crop: 0.2 })).toMatchObject({ cropLeft, cropTop, cropWidth, cropHeight });
        expect(alone({ flip: 0.5 })).toMatchObject({ isFlipped });
        expect(alone({ rotate: 15 })).toMatchObject({ rotation });
        expect(alone({ brightness: 0.25 })).toMatchObject({ brightness });
        expect(alone({ blur: 3 })).toMatchObject({ blur });
      }),
      { seed: 13, numRuns: 50 },
    );
  });

  it('does not depend on how the result is written', () => {
    const written = { ...EVERYTHING, size: 64, fit: 'cover', format: 'webp', quality: 10 } as const;
    expect(drawTransform(written, size, key)).toEqual(drawTransform(EVERYTHING, size, key));
  });
});
