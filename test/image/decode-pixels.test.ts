import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodePixels, encodePixels, resizePixels, toColour } from '../../src/image/apply-transform.ts';
import type { Pixels } from '../../src/image/configured-sharp.ts';
import { withKernel } from '../../src/image/pixel-kernel.ts';
import { drawNoise } from '../support/draw-images.ts';

const rowsOf = ({ bytes, width, height }: Pixels): number[][] =>
  Array.from({ length: height }, (_, row) => [...bytes.subarray(row * width * 3, (row + 1) * width * 3)]);

/** Pixels of one colour. */
const flat = (width: number, height: number, colour: readonly number[]): Pixels => ({
  width,
  height,
  bytes: Uint8Array.from({ length: width * height * 3 }, (_, index) => colour[index % 3] ?? 0),
});

describe('an image that a model sees', () => {
  const raw = { width: 2, height: 1, channels: 4 } as const;
  const half = sharp(Uint8Array.of(255, 0, 0, 255, 0, 0, 0, 0), { raw });

  test('is all of it, upright, on white where it is transparent', async () => {
    expect(rowsOf(await decodePixels(await half.clone().png().toBuffer()))).toEqual([
      [255, 0, 0, 255, 255, 255],
    ]);
    const lying = await half.clone().withMetadata({ orientation: 6 }).png().toBuffer();
    expect(rowsOf(await decodePixels(lying))).toEqual([
      [255, 0, 0],
      [255, 255, 255],
    ]);
  });

  test('has three channels where it is gray, and 8 bits where it has more', async () => {
    const gray = sharp(Uint8Array.of(7, 9, 200), { raw: { width: 3, height: 1, channels: 1 } });
    const expected = [[7, 7, 7, 9, 9, 9, 200, 200, 200]];
    expect(rowsOf(await decodePixels(await gray.clone().toColourspace('b-w').png().toBuffer()))).toEqual(
      expected,
    );
    const deep = Uint16Array.from([7, 9, 200], (value) => value * 257);
    const deepGray = sharp(deep, { raw: { width: 3, height: 1, channels: 1 } }).toColourspace('grey16');
    expect(rowsOf(await decodePixels(await deepGray.png().toBuffer()))).toEqual(expected);
  });

  test('is an error with a code where it cannot be decoded', async () => {
    const bytes = await drawNoise().png().toBuffer();
    await expect(decodePixels(bytes.subarray(0, -30))).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
    await expect(decodePixels(Buffer.from('none'))).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
  });
});

describe('pixels that are brought to another size', () => {
  const red = flat(4, 2, [200, 10, 10]);

  test('stay what they are where they have it', async () => {
    expect(await resizePixels(red, { width: 4, height: 2, fit: 'cover' })).toBe(red);
    for (const [width, height] of [
      [4, 3],
      [5, 2],
    ] as const)
      expect(await resizePixels(red, { width, height, fit: 'fill' })).toMatchObject({ width, height });
    expect.assertions(3);
  });

  test('are padded with white, cut, stretched or kept inside', async () => {
    const resize = async (fit: 'contain' | 'cover' | 'fill' | 'inside') =>
      rowsOf(await resizePixels(red, { width: 4, height: 4, fit }));
    const white = Array(12).fill(255);
    const full = Array.from({ length: 4 }, () => [200, 10, 10]).flat();
    expect(await resize('contain')).toEqual([white, full, full, white]);
    expect(await resize('cover')).toEqual([full, full, full, full]);
    expect(await resize('fill')).toEqual([full, full, full, full]);
    expect(await resize('inside')).toEqual([full, full]);
  });

  test('are cubic in between', async () => {
    const step = flat(8, 1, [0, 0, 0]);
    step.bytes.fill(200, 12);
    const resized = await resizePixels(step, { width: 4, height: 1, fit: 'fill' });
    const expected = await sharp(step.bytes, { raw: { width: 8, height: 1, channels: 3 } })
      .resize(4, 1, { fit: 'fill', kernel: 'cubic' })
      .raw()
      .toBuffer();
    expect([...resized.bytes]).toEqual([...expected]);
  });
});

describe('encoding', () => {
  test('of JPEG is that of the kernel, in its quality', async () => {
    const pixels = await decodePixels(await drawNoise().png().toBuffer());
    for (const quality of [20, 90]) {
      const expected = withKernel((kernel) => kernel.encode(kernel.load(pixels), quality));
      const encoded = await encodePixels(pixels, { format: 'jpeg', quality });
      expect(encoded.equals(expected ?? Buffer.alloc(0)), `quality ${quality}`).toBe(true);
    }
    expect.assertions(2);
  });

  test('of PNG loses nothing, whatever the quality', async () => {
    const pixels = await decodePixels(await drawNoise().png().toBuffer());
    const encoded = await encodePixels(pixels, { format: 'png', quality: 1 });
    expect((await sharp(encoded).raw().toBuffer()).equals(pixels.bytes)).toBe(true);
    expect(await sharp(encoded).metadata()).toMatchObject({ isPalette: false, channels: 3 });
  });

  test('of WebP is in its quality', async () => {
    const pixels = await decodePixels(await drawNoise().png().toBuffer());
    const expected = await sharp(pixels.bytes, { raw: { width: 40, height: 30, channels: 3 } })
      .webp({ quality: 35 })
      .toBuffer();
    expect((await encodePixels(pixels, { format: 'webp', quality: 35 })).equals(expected)).toBe(true);
  });
});

test('a colour has its three parts', () => {
  expect(toColour('#12ab34')).toEqual([0x12, 0xab, 0x34]);
});
