import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { TensorFormat } from '../../src/image/kernel-images.ts';
import { renderImage } from '../../src/image/render-image.ts';
import { type DrawnTransform, type Transform, undrawn } from '../../src/image/transform.ts';
import { modelInput, pixelsOf } from './model-input.ts';
import { drawPhoto, PLAIN, psnr } from './pixel-reference.ts';

const WHOLE = undrawn({ width: 60, height: 80 });
const photo = (format: 'jpeg' | 'png'): Promise<Buffer> => drawPhoto(60, 80).toFormat(format).toBuffer();

/** What a model of this size sees while an image is rendered, and what is written. */
async function see(
  bytes: Uint8Array,
  transform: Transform,
  drawn: DrawnTransform,
  size: readonly [number, number],
  changes: Partial<TensorFormat> = {},
): Promise<{ seen: Uint8Array; written: Buffer; width: number; height: number }> {
  const input = modelInput(...size);
  const target = { format: { ...input.format, ...changes }, values: input.values };
  const { encoded, width, height } = await renderImage(bytes, transform, drawn, target);
  const written = await sharp(encoded).removeAlpha().raw().toBuffer();
  return { seen: pixelsOf(target), written, width, height };
}

describe('a model of the size that is written', () => {
  test.each([
    ['a JPEG', 'jpeg', {}],
    ['a JPEG whose colours change', 'jpeg', { brightness: 1.3 }],
    ['a JPEG that is turned', 'jpeg', { rotation: 10 }],
    ['a PNG', 'png', {}],
  ] as const)('sees the very pixels that are written of %s', async (_, format, changes) => {
    const drawn = { ...WHOLE, ...changes };
    const { seen, written, width, height } = await see(
      await photo(format),
      { ...PLAIN, format: 'png' },
      drawn,
      [64, 64],
    );
    expect([width, height]).toEqual([64, 64]);
    expect(Buffer.from(seen).equals(written)).toBe(true);
  });

  test.each([
    ['kept in planes', {}],
    ['of changed colours', { brightness: 1.3 }],
    ['mirrored', { isFlipped: true }],
  ])('sees the pixels before they are written as JPEG: %s', async (_, changes) => {
    const bytes = await photo('jpeg');
    const drawn = { ...WHOLE, ...changes };
    const { seen } = await see(bytes, PLAIN, drawn, [64, 64]);
    const { written } = await see(bytes, { ...PLAIN, format: 'png' }, drawn, [64, 64]);
    expect(psnr(seen, written)).toBeGreaterThan(30);
  });
});

describe('a model of another size', () => {
  /** Columns whose pixels are all white. */
  const whiteColumns = (seen: Uint8Array, width: number, height: number): number[] =>
    Array.from({ length: width }, (_, x) => x).filter((x) =>
      Array.from({ length: height }, (_, y) =>
        seen.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
      ).every(([red, green, blue]) => red === 255 && green === 255 && blue === 255),
    );

  test.each([
    ['in planes', 'jpeg', {}],
    ['as RGB', 'jpeg', { brightness: 0.8 }],
    ['by sharp', 'png', {}],
  ] as const)(
    'has an image padded with white, cut or stretched, as its card says: %s',
    async (_, format, changes) => {
      const bytes = await photo(format);
      const drawn = { ...WHOLE, ...changes };
      const seen = async (resize: TensorFormat['resize']) =>
        (await see(bytes, { ...PLAIN, fit: 'fill' }, drawn, [64, 32], { resize })).seen;
      // 64 x 64 is contained in the middle 32 columns.
      const beside = [...Array(16).keys(), ...Array.from({ length: 16 }, (__, index) => 48 + index)];
      expect(whiteColumns(await seen('contain'), 64, 32)).toEqual(beside);
      const [cover, fill] = [await seen('cover'), await seen('fill')];
      expect(whiteColumns(cover, 64, 32)).toEqual([]);
      expect(whiteColumns(fill, 64, 32)).toEqual([]);
      const { data } = await sharp(bytes)
        .resize(64, 64, { fit: 'fill', kernel: 'cubic' })
        .linear('brightness' in changes ? changes.brightness : 1)
        .raw()
        .toBuffer({ resolveWithObject: true });
      const whole = sharp(data, { raw: { width: 64, height: 64, channels: 3 } });
      const middle = await whole
        .clone()
        .extract({ left: 0, top: 16, width: 64, height: 32 })
        .raw()
        .toBuffer();
      const flat = await whole.clone().resize(64, 32, { fit: 'fill', kernel: 'cubic' }).raw().toBuffer();
      expect(psnr(cover, middle)).toBeGreaterThan(30);
      expect(psnr(fill, flat)).toBeGreaterThan(30);
      expect(psnr(cover, flat)).toBeLessThan(25);
    },
  );
});
