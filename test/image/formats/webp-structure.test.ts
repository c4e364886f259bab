import { describe, expect, test } from 'vitest';
import { PLAIN } from '../../../src/image/formats/image-structure.ts';
import { findWebpDamage, readWebpStructure } from '../../../src/image/formats/webp-structure.ts';

function chunk(type: string, content: readonly number[]): Buffer {
  const head = Buffer.alloc(8);
  head.write(type, 'latin1');
  head.writeUInt32LE(content.length, 4);
  // Chunks of an odd size are followed by one byte.
  return Buffer.concat([head, Buffer.from(content), Buffer.alloc(content.length % 2)]);
}

function webpOf(...chunks: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat([Buffer.from('RIFF\0\0\0\0WEBP'), ...chunks]);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  return bytes;
}

/** A canvas of 70,000 by 515. */
const canvas = (flags = 0): Buffer => chunk('VP8X', [flags, 0, 0, 0, 0x6f, 0x11, 1, 2, 2, 0]);
const LOSSY = chunk('VP8 ', [0, 0, 0, 0x9d, 1, 0x2a, 0x2c, 0x41, 0x03, 0x82]);
/** 300 by 515, with the bit of alpha or not. */
const lossless = (alpha: number): Buffer => {
  const bits = Buffer.alloc(4);
  bits.writeUInt32LE(299 + 514 * 2 ** 14 + alpha * 2 ** 28);
  return chunk('VP8L', [0x2f, ...bits]);
};

describe('the structure of a WebP', () => {
  const webp = { ...PLAIN, format: 'webp', name: 'WebP', isHeldWhole: true };
  const large = { width: 70_000, height: 515 };
  const small = { width: 300, height: 515 };

  test.each([
    ['a lossy image, whose size is scaled by its upper bits', webpOf(LOSSY), small],
    ['a lossless image', webpOf(lossless(0)), small],
    ['a lossless image with alpha', webpOf(lossless(1)), { ...small, channels: 4 }],
    ['a canvas', webpOf(canvas(), LOSSY), large],
    ['a canvas with alpha', webpOf(canvas(0x10), LOSSY), { ...large, channels: 4 }],
    ['a canvas with other flags', webpOf(canvas(0x2e), LOSSY), large],
    ['an animation', webpOf(canvas(), chunk('ANMF', [1]), chunk('ANMF', [1, 2])), { ...large, frames: 2 }],
    [
      'EXIF behind an odd chunk',
      webpOf(canvas(), chunk('ICCP', [1]), chunk('EXIF', [1])),
      { ...large, isTurned: true },
    ],
    ['an unknown first chunk', webpOf(chunk('ABCD', [1, 2, 3, 4]), LOSSY), {}],
    ['no chunk', webpOf(), {}],
  ])('of %s', (_, bytes, changes) => {
    expect(readWebpStructure(bytes)).toEqual({ ...webp, ...changes });
  });

  test('has no size where the file is cut off before it', () => {
    expect(readWebpStructure(webpOf(LOSSY).subarray(0, 29))).toEqual(webp);
    expect(readWebpStructure(webpOf(LOSSY).subarray(0, 27))).toEqual(webp);
    expect(readWebpStructure(webpOf(lossless(1)).subarray(0, 24))).toEqual(webp);
    expect(readWebpStructure(webpOf(canvas()).subarray(0, 29))).toEqual({ ...webp, width: 70_000 });
    expect(readWebpStructure(webpOf(canvas(0x10)).subarray(0, 20))).toEqual(webp);
  });

  test('is none of another file', () => {
    expect(readWebpStructure(Buffer.from('RIFF\0\0\0\0WAVEfmt '))).toBeUndefined();
    expect(readWebpStructure(Buffer.from('RIFX\0\0\0\0WEBPVP8 '))).toBeUndefined();
  });
});

describe('the damage of a WebP', () => {
  const whole = webpOf(canvas(), chunk('\0\u0001+C', [1, 2]), LOSSY);

  test.each([
    ['the file is cut off within its VP8 chunk at byte 40', whole.subarray(0, -1)],
    ['the file is cut off within its ???C chunk at byte 30', whole.subarray(0, 39)],
    ['the file is cut off at byte 47 of 58', whole.subarray(0, 47)],
    ['the file is cut off at byte 30 of 58', whole.subarray(0, 30)],
    [undefined, whole],
    [undefined, Buffer.concat([whole, Buffer.alloc(3)])],
  ])('is named: %s', (damage, bytes) => {
    expect(findWebpDamage(bytes)).toBe(damage);
  });
});
