import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { applyTransform } from '../../src/image/apply-transform.ts';
import { estimateMemory } from '../../src/image/image-limits.ts';
import { probeImage } from '../../src/image/probe-image.ts';
import { readHeader } from '../../src/image/read-header.ts';
import { DEFAULT_TRANSFORM, type Transform, undrawn } from '../../src/image/transform.ts';
import { claimPng, insertBytes, jpegSegment, replaceTiffEntry } from '../support/draw-images.ts';
import { drawTiff } from './formats/draw-tiff.ts';

const square = (): Sharp => sharp({ create: { width: 40, height: 40, channels: 3, background: '#404040' } });

const PLAIN_JPEG = {
  format: 'jpeg',
  channels: 3,
  bitDepth: 8,
  values: 'whole',
  frames: 1,
  isHeldWhole: false,
};

describe('the header of a plain JPEG', () => {
  test.each([
    [1, false, false],
    [2, false, false],
    [3, true, false],
    [4, true, false],
    [5, true, true],
    [6, true, true],
    [7, true, true],
    [8, true, true],
  ])('with orientation %i is that of the upright image', async (orientation, isTurned, isSwapped) => {
    // With the colour profile that sharp adds, it would not be plain.
    const drawn = await square().resize(40, 20).jpeg().toBuffer();
    const exif = jpegSegment(
      0xe1,
      `Exif\0\0MM\0*\0\0\0\u0008\0\u0001\u0001\u0012\0\u0003\0\0\0\u0001\0${String.fromCharCode(orientation)}\0\0\0\0\0\0`,
    );
    const bytes = insertBytes(drawn, 2, exif);
    const { jpeg, ...header } = await readHeader(bytes);
    const shape = { ...PLAIN_JPEG, format: 'jpeg', width: 40, height: 20, isTurned, rowsAtOnce: 1 } as const;
    expect(header).toEqual({
      ...PLAIN_JPEG,
      width: isSwapped ? 20 : 40,
      height: isSwapped ? 40 : 20,
      bytes,
      memoryBytes: estimateMemory(shape),
    });
    expect(header.bytes).toBe(bytes);
    expect(jpeg).toMatchObject({ width: 40, height: 20, orientation });
  });

  test('says so where a decoder holds all of it, and is read where it is gray', async () => {
    const progressive = await readHeader(await square().jpeg({ progressive: true }).toBuffer());
    expect(progressive).toMatchObject({ ...PLAIN_JPEG, isHeldWhole: true });
    const gray = await readHeader(await square().toColourspace('b-w').jpeg().toBuffer());
    expect(gray).toMatchObject({ ...PLAIN_JPEG, channels: 1 });
  });

  test('is that of the repaired one where it has harmless damage', async () => {
    const whole = await square().jpeg().toBuffer();
    const damaged = insertBytes(whole, 2, [1, 2]);
    const header = await readHeader(damaged);
    expect(header.jpeg).toMatchObject({ width: 40, height: 40 });
    expect(Buffer.from(header.bytes).equals(whole)).toBe(true);
  });

  test('is beyond the limits for either of them', async () => {
    const bytes = await square().jpeg().toBuffer();
    const limits = { maxPixels: 1600, maxImageMemory: (await readHeader(bytes)).memoryBytes };
    expect(await readHeader(bytes, limits)).toMatchObject({ width: 40 });
    for (const limit of ['maxPixels', 'maxImageMemory'] as const)
      await expect(readHeader(bytes, { ...limits, [limit]: limits[limit] - 1 })).rejects.toMatchObject({
        code: 'IMAGE_TOO_LARGE',
      });
    expect.assertions(3);
  });
});

describe('the header of an image', () => {
  const gray16 = (): Sharp => square().toColourspace('grey16');
  test.each<[string, () => Promise<Buffer>, object]>([
    ['PNG', () => square().png().toBuffer(), { format: 'png', values: 'whole' }],
    [
      'interlaced PNG',
      () => square().png({ progressive: true }).toBuffer(),
      { format: 'png', values: 'whole', isHeldWhole: true },
    ],
    [
      'PNG of 16 bits',
      () => gray16().png().toBuffer(),
      { format: 'png', values: 'sixteen', bitDepth: 16, channels: 1 },
    ],
    [
      'TIFF of 16 bits',
      () => gray16().tiff({ compression: 'deflate' }).toBuffer(),
      { format: 'tiff', values: 'sixteen', bitDepth: 16, channels: 1 },
    ],
    ['TIFF', () => square().tiff({ compression: 'lzw' }).toBuffer(), { format: 'tiff', values: 'whole' }],
    [
      'TIFF in CIELAB, which has a range of its own',
      () => square().toColourspace('lab').tiff({ compression: 'lzw' }).toBuffer(),
      { format: 'tiff', values: 'whole', bitDepth: 32 },
    ],
    ['WebP', () => square().webp().toBuffer(), { format: 'webp', values: 'whole', isHeldWhole: true }],
    ['AVIF', () => square().avif().toBuffer(), { format: 'avif', values: 'whole', isHeldWhole: true }],
    [
      'AVIF of 10 bits',
      () => square().avif({ bitdepth: 10 }).toBuffer(),
      { format: 'avif', values: 'whole', isHeldWhole: true, bitDepth: 10 },
    ],
    [
      'JPEG with a profile',
      () => square().jpeg().withIccProfile('p3').toBuffer(),
      { format: 'jpeg', values: 'whole' },
    ],
  ])('of a %s is what its structure and its decoder tell', async (_, encode, expected) => {
    const bytes = await encode();
    const { memoryBytes, bytes: decoded, ...header } = await readHeader(bytes);
    expect(header).toEqual({
      width: 40,
      height: 40,
      channels: 3,
      bitDepth: 8,
      frames: 1,
      isHeldWhole: false,
      jpeg: undefined,
      ...expected,
    });
    expect(memoryBytes).toBeGreaterThan(8 * 1024 ** 2);
    expect(decoded).toHaveLength(bytes.length);
  });

  test('gives the upright size', async () => {
    const lying = await square().resize(40, 20).png().withMetadata({ orientation: 6 }).toBuffer();
    expect(await readHeader(lying)).toMatchObject({ format: 'png', width: 20, height: 40 });
  });

  test('of numbers says that they may be any', async () => {
    const fields = [
      [256, 1],
      [257, 1],
      [258, 32],
      [259, 1],
      [262, 1],
      [273, 8],
      [277, 1],
      [278, 1],
      [279, 4],
      [339, 3],
    ].map(([tag = 0, value = 0]) => ({ tag, type: 4, values: [value] }) as const);
    expect(await readHeader(drawTiff([fields]))).toMatchObject({
      values: 'numbers',
      bitDepth: 32,
      channels: 1,
    });
  });

  test.each<[string, () => Promise<Buffer>, string]>([
    ['nothing', async () => Buffer.alloc(0), 'IMAGE_EMPTY'],
    ['text', async () => Buffer.from('text'), 'IMAGE_UNSUPPORTED'],
    ['no size', async () => Buffer.from('RIFF\u0010\0\0\0WEBPABCD\0\0\0\0', 'latin1'), 'IMAGE_CORRUPT'],
    ['no height', async () => (await square().png().toBuffer()).subarray(0, 22), 'IMAGE_CORRUPT'],
    [
      'a header that no decoder takes',
      async () => (await square().png().toBuffer()).subarray(0, 30),
      'IMAGE_CORRUPT',
    ],
    [
      'colours that would be wrong',
      async () => replaceTiffEntry(await square().tiff({ compression: 'lzw' }).toBuffer(), 262, { value: 6 }),
      'IMAGE_UNSUPPORTED',
    ],
    ['a size beyond the limits', async () => claimPng(16_384, 16_384), 'IMAGE_TOO_LARGE'],
  ])('is not there for %s', async (_, make, code) => {
    await expect(readHeader(await make())).rejects.toMatchObject({ code });
  });

  test('a drawing program such as SVG is no image, in ingest and in a run', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>');
    expect(await probeImage(svg)).toMatchObject({ status: 'unsupported', format: null });
    await expect(readHeader(svg)).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
  });
});

test('the corners that a rotation opens have the background in spite of brightness', async () => {
  const transform: Transform = { ...DEFAULT_TRANSFORM, crop: 0, size: 64, fit: 'fill', format: 'png' };
  const drawn = { ...undrawn({ width: 40, height: 40 }), rotation: 45, brightness: 0.5 };
  const { bytes } = await applyTransform(await square().png().toBuffer(), transform, drawn);
  expect([...bytes.subarray(0, 3)]).toEqual([255, 255, 255]);
  expect([...bytes.subarray((32 * 64 + 32) * 3, (32 * 64 + 32) * 3 + 3)]).toEqual([32, 32, 32]);
});
