import * as fc from 'fast-check';
import sharp from 'sharp';
import { expect, it, test } from 'vitest';
import { applyTransform } from '../../src/image/apply-transform.ts';
import { clipBox, type GivenBox } from '../../src/image/clip-box.ts';
import { renderImage } from '../../src/image/render-image.ts';
import { undrawn } from '../../src/image/transform.ts';
import { drawPhoto, PLAIN, psnr, resampleExactly } from './pixel-reference.ts';

const IMAGE = { width: 60, height: 80 };

function box(left: number | null, top: number | null, width: number | null, height: number | null): GivenBox {
  return { left, top, width, height };
}

it.each([
  ['whole pixels as they are', box(10, 20, 30, 40), [10, 20, 30, 40]],
  ['parts of pixels outward', box(10.9, 20.1, 1.2, 0.5), [10, 20, 3, 1]],
  ['less than a pixel as that pixel', box(59.5, 79.25, 0.25, 0.25), [59, 79, 1, 1]],
  ['a box that goes beyond the image as what lies within', box(-5, -7.5, 100, 20), [0, 0, 60, 13]],
  ['a box around the image as the image', box(-1e9, -1e9, 1e10, 1e10), [0, 0, 60, 80]],
])('takes %s', (_, given, [cropLeft, cropTop, cropWidth, cropHeight]) => {
  expect(clipBox(given, IMAGE)).toEqual({ cropLeft, cropTop, cropWidth, cropHeight });
});

it.each([
  ['a null', box(1, 2, null, 4), /null/u],
  ['no number', box(Number.NaN, 2, 3, 4), /not finite/u],
  ['no end', box(1, 2, Number.POSITIVE_INFINITY, 4), /not finite/u],
  ['no width', box(1, 2, 0, 4), /no area/u],
  ['a negative height', box(1, 2, 3, -4), /no area/u],
  ['a place to the right of the image', box(60, 2, 3, 4), /outside of the image of 60 x 80 pixels/u],
  ['a place above the image', box(1, -4, 3, 4), /outside/u],
])('refuses a box with %s', (_, given, message) => {
  expect(() => clipBox(given, IMAGE)).toThrow(
    expect.objectContaining({ code: 'CROP_INVALID', message: expect.stringMatching(message) as string }),
  );
});

it('gives a box within the image that holds all pixels of the image that the given one touches, or refuses it', () => {
  const side = fc.integer({ min: -160, max: 720 }).map((eighths) => eighths / 8);
  fc.assert(
    fc.property(side, side, side, side, (left, top, width, height) => {
      const touches = (pixel: number, start: number, length: number): boolean =>
        length > 0 && pixel + 1 > start && pixel < start + length;
      const columns = Array.from({ length: IMAGE.width }, (_, x) => x).filter((x) => touches(x, left, width));
      const rows = Array.from({ length: IMAGE.height }, (_, y) => y).filter((y) => touches(y, top, height));
      const clip = () => clipBox(box(left, top, width, height), IMAGE);
      if (columns.length === 0 || rows.length === 0) {
        expect(clip).toThrow();
        return;
      }
      expect(clip()).toEqual({
        cropLeft: columns[0],
        cropTop: rows[0],
        cropWidth: columns.length,
        cropHeight: rows.length,
      });
    }),
  );
});

test('what is cut out is that box of the image, as 64-bit numbers have it, in the kernel and by sharp', async () => {
  const image = drawPhoto(IMAGE.width, IMAGE.height);
  const jpeg = await image.jpeg({ chromaSubsampling: '4:4:4' }).toBuffer();
  const decoded = await sharp(jpeg).raw().toBuffer();
  for (const given of [box(3.4, 7.9, 20.2, 31), box(-4, 50, 40, 90), box(59.5, 0, 3, 80)]) {
    const drawn = { ...undrawn(IMAGE), ...clipBox(given, IMAGE) };
    const exact = resampleExactly({ bytes: decoded, ...IMAGE }, PLAIN, drawn);
    const expected = Uint8Array.from(exact.values, Math.round);
    const bySharp = await applyTransform(jpeg, PLAIN, drawn);
    const { encoded } = await renderImage(jpeg, { ...PLAIN, format: 'png' }, drawn);
    const inKernel = await sharp(encoded).removeAlpha().raw().toBuffer();
    expect(psnr(bySharp.bytes, expected)).toBeGreaterThan(45);
    expect(psnr(inKernel, expected)).toBeGreaterThan(45);
  }
});
