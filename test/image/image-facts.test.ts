import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { type ImageFacts, probeImage } from '../../src/image/probe-image.ts';
import { drawNoise } from '../support/draw-images.ts';

describe('frames and bits', () => {
  const animation = { raw: { width: 10, height: 30, channels: 3, pageHeight: 10 } } as const;
  const frames = (): Sharp =>
    sharp(Buffer.from(Array.from({ length: 900 }, (_, index) => (index * 31) % 256)), animation);

  test.each<[string, () => Promise<Buffer>, Partial<ImageFacts>]>([
    ['an animated GIF', () => frames().gif().toBuffer(), { frames: 3, bitDepth: 8, height: 10 }],
    ['an animated WebP', () => frames().webp({ lossless: true }).toBuffer(), { frames: 3, height: 10 }],
    ['a TIFF of three pages', () => frames().tiff().toBuffer(), { frames: 3, height: 10 }],
    [
      'a PNG of 16 bits',
      () => drawNoise().toColourspace('rgb16').png().toBuffer(),
      { frames: 1, bitDepth: 16 },
    ],
    [
      'a palette',
      () => drawNoise().png({ palette: true, colours: 4 }).toBuffer(),
      { bitDepth: 8, channels: 3 },
    ],
    ['an AVIF of 10 bits', () => drawNoise().avif({ bitdepth: 10, effort: 0 }).toBuffer(), { bitDepth: 10 }],
    ['a JPEG', () => drawNoise().jpeg().toBuffer(), { frames: 1, bitDepth: 8 }],
    [
      'a JPEG with a profile',
      () => drawNoise().withIccProfile('p3').jpeg().toBuffer(),
      { frames: 1, bitDepth: 8 },
    ],
  ])('of %s are facts', async (_, make, expected) => {
    expect(await probeImage(await make())).toMatchObject({ status: 'ok', ...expected });
  });

  test.each([
    [4095, 'unsupported'],
    [4096, 'ok'],
    [65_535, 'ok'],
    [0, 'ok'],
  ])('16-bit gray up to %i is %s', async (max, status) => {
    const values = Uint16Array.from({ length: 1200 }, (_, index) => Math.round((index / 1199) * max));
    const gray = sharp(values, { raw: { width: 40, height: 30, channels: 1 } }).toColourspace('grey16');
    expect(await probeImage(await gray.png().toBuffer())).toMatchObject({ status });
    expect(await probeImage(await gray.tiff({ compression: 'deflate' }).toBuffer())).toMatchObject({
      status,
    });
  });

  test('one bright pixel among a million dark ones shows that 16 bits are used', async () => {
    const values = new Uint16Array(1_000_000).fill(9);
    values[777_777] = 60_000;
    const gray = sharp(values, { raw: { width: 1000, height: 1000, channels: 1 } }).toColourspace('grey16');
    expect(await probeImage(await gray.png().toBuffer())).toMatchObject({ status: 'ok' });
  });

  test.each([
    [0, 1, 'unsupported'],
    [0, 255, 'ok'],
    [-1, 1, 'unsupported'],
    [0, 65_535, 'unsupported'],
    [0, 0, 'ok'],
  ])('floating-point values from %i to %i are %s', async (min, max, status) => {
    const values = Float32Array.from({ length: 1200 }, (_, index) => min + ((max - min) * index) / 1199);
    const facts = await probeImage(toFloatTiff(values));
    expect(facts).toMatchObject({ status, bitDepth: 32 });
    if (status !== 'ok') expect(facts.reason).toContain(`its values are ${min} to ${max}, not 0 to 255`);
  });
});

/** A gray TIFF of 40 by 30 floating-point values. */
function toFloatTiff(values: Float32Array): Buffer {
  const entries = [
    [256, 40],
    [257, 30],
    [258, 32],
    [259, 1],
    [262, 1],
    [273, 8 + 2 + 12 * 10 + 4],
    [277, 1],
    [278, 30],
    [279, 4800],
    [339, 3],
  ] as const;
  const directory = Buffer.alloc(2 + 12 * entries.length + 4);
  directory.writeUInt16LE(entries.length);
  for (const [index, [tag, value]] of entries.entries()) {
    directory.writeUInt16LE(tag, 2 + 12 * index);
    directory.writeUInt16LE(4, 4 + 12 * index);
    directory.writeUInt32LE(1, 6 + 12 * index);
    directory.writeUInt32LE(value, 10 + 12 * index);
  }
  return Buffer.concat([Buffer.from('II*\0\u0008\0\0\0', 'latin1'), directory, Buffer.from(values.buffer)]);
}
