import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import {
  DEFAULT_LIMITS,
  estimateMemory,
  type MemoryShape,
  weighImage,
} from '../../src/image/image-limits.ts';
import { probeImage } from '../../src/image/probe-image.ts';
import { readHeader } from '../../src/image/read-header.ts';
import { drawNoise, jpegSegments } from '../support/draw-images.ts';

/** Drawn without a gradient. */
const draw = (width: number, height: number): Sharp =>
  sharp({ create: { width, height, channels: 3, background: '#336699' } });

/** A WebP that claims its size in a valid header and has next to no pixels. */
function claimWebp(width: number, height: number): Buffer {
  const bytes = Buffer.alloc(30 + 8 + 16);
  bytes.write('RIFF', 0, 'latin1');
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WEBPVP8X', 8, 'latin1');
  bytes.writeUInt32LE(10, 16);
  bytes.writeUIntLE(width - 1, 24, 3);
  bytes.writeUIntLE(height - 1, 27, 3);
  bytes.write('VP8L', 30, 'latin1');
  bytes.writeUInt32LE(16, 34);
  return bytes;
}

/** An AVIF whose header claims another size. */
async function claimAvif(width: number, height: number): Promise<Buffer> {
  const bytes = await draw(64, 64).avif({ effort: 0 }).toBuffer();
  const at = bytes.indexOf('ispe') + 8;
  bytes.writeUInt32BE(width, at);
  bytes.writeUInt32BE(height, at + 4);
  return bytes;
}

async function claimJpeg(options: { progressive: boolean }, width: number, height: number): Promise<Buffer> {
  const bytes = await draw(16, 16).jpeg(options).toBuffer();
  const frame = jpegSegments(bytes).find(({ marker }) => marker === 0xc0 || marker === 0xc2);
  bytes.writeUInt16BE(height, (frame?.at ?? 0) + 5);
  bytes.writeUInt16BE(width, (frame?.at ?? 0) + 7);
  return bytes;
}

describe('an image beyond the limits', () => {
  test.each<[string, () => Promise<Buffer> | Buffer, string]>([
    [
      'a WebP of a few bytes',
      () => claimWebp(16_000, 16_000),
      'WebP of 16,000 x 16,000 pixels: decoding takes 3,',
    ],
    [
      'an AVIF of a few bytes',
      () => claimAvif(9000, 9000),
      'AVIF of 9,000 x 9,000 pixels: decoding takes 1,',
    ],
    [
      'a progressive JPEG',
      () => claimJpeg({ progressive: true }, 16_000, 16_000),
      'JPEG of 16,000 x 16,000 pixels: decoding takes 1,',
    ],
  ])('is too large before it is decoded: %s', async (_, make, reason) => {
    const bytes = await make();
    expect(bytes.length).toBeLessThan(2000);
    const facts = await probeImage(bytes);
    expect(facts).toMatchObject({ status: 'too_large', reason: expect.stringContaining(reason) });
    expect(facts.reason).toMatch(/MiB of memory, more than the limit of 1,024 MiB$/u);
    await expect(readHeader(bytes)).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE', message: facts.reason });
  });

  test('is found by either limit, also in a run', async () => {
    const bytes = await drawNoise(200, 100).webp().toBuffer();
    const limits = { ...DEFAULT_LIMITS, maxPixels: 19_999 };
    expect(await probeImage(bytes, limits)).toMatchObject({
      status: 'too_large',
      reason: 'WebP of 200 x 100 pixels: more than the limit of 19,999 pixels',
    });
    expect(await probeImage(bytes, { ...limits, maxPixels: 20_000 })).toMatchObject({ status: 'ok' });
    const { memoryBytes } = await readHeader(bytes);
    const tight = { ...DEFAULT_LIMITS, maxImageMemory: memoryBytes - 1 };
    await expect(readHeader(bytes, tight)).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
    expect(await readHeader(bytes, { ...tight, maxImageMemory: memoryBytes })).toMatchObject({ width: 200 });
  });

  test('is the same for a plain JPEG and one that only sharp decodes', async () => {
    const plain = await drawNoise(200, 100).jpeg().toBuffer();
    const profiled = await drawNoise(200, 100).withIccProfile('p3').jpeg().toBuffer();
    const [{ memoryBytes }, other] = await Promise.all([readHeader(plain), readHeader(profiled)]);
    expect(other.memoryBytes).toBe(memoryBytes);
    expect(other.jpeg).toBeUndefined();
  });
});

test('an image that is turned, interlaced or deep takes more, and a plain one of the most pixels is within the limits', () => {
  const plain = {
    format: 'jpeg',
    width: 16_383,
    height: 16_383,
    channels: 3,
    bitDepth: 8,
    isTurned: false,
    isHeldWhole: false,
    rowsAtOnce: 1,
  } as const;
  const needed = estimateMemory(plain);
  expect(needed).toBeLessThan(DEFAULT_LIMITS.maxImageMemory);
  for (const change of [{ isTurned: true }, { isHeldWhole: true }, { bitDepth: 16 }])
    expect(estimateMemory({ ...plain, ...change })).toBeGreaterThan(needed);
});

describe('the memory of a decoder', () => {
  /** Of 3,000 by 2,000 pixels of 8-bit RGB: what any image takes, and the rows of a pipeline. */
  const shape = {
    format: 'jpeg',
    width: 3000,
    height: 2000,
    channels: 3,
    bitDepth: 8,
    isTurned: false,
    isHeldWhole: false,
    rowsAtOnce: 1,
  } as const;
  const PIXELS = 6_000_000;
  const PIPELINE = 8 * 1024 ** 2 + PIXELS * 3;

  test.each<[string, Partial<MemoryShape>, number]>([
    ['a JPEG', {}, PIPELINE],
    ['a progressive JPEG', { isHeldWhole: true }, PIPELINE + PIXELS * 3 * 2],
    ['a JPEG on its side', { isTurned: true }, PIPELINE + PIXELS * 3],
    ['a gray JPEG', { channels: 1 }, 8 * 1024 ** 2 + PIXELS],
    ['a PNG', { format: 'png' }, PIPELINE],
    ['an interlaced PNG', { format: 'png', isHeldWhole: true }, PIPELINE + PIXELS * 3],
    ['a PNG of 16 bits', { format: 'png', bitDepth: 16 }, PIPELINE + PIXELS * 3],
    ['a PNG of 1 bit', { format: 'png', bitDepth: 1 }, PIPELINE],
    [
      'an interlaced PNG of 16 bits on its side',
      { format: 'png', bitDepth: 16, isHeldWhole: true, isTurned: true },
      8 * 1024 ** 2 + 3 * PIXELS * 6,
    ],
    ['a WebP', { format: 'webp', isHeldWhole: true }, PIPELINE + PIXELS * 13],
    ['a GIF', { format: 'gif', isHeldWhole: true }, PIPELINE + PIXELS * 9],
    ['a TIFF', { format: 'tiff' }, PIPELINE + 2 * 3000 * 3],
    ['a TIFF in tiles', { format: 'tiff', rowsAtOnce: 256 }, PIPELINE + 2 * 3000 * 256 * 3],
    ['a TIFF in one strip', { format: 'tiff', rowsAtOnce: 9999 }, PIPELINE + 2 * PIXELS * 3],
    ['an AVIF', { format: 'avif' }, PIPELINE + PIXELS * 18],
    ['an HEIF', { format: 'heif' }, PIPELINE + PIXELS * 18],
    ['an AVIF of 10 bits', { format: 'avif', bitDepth: 10 }, PIPELINE + PIXELS * (3 + 24)],
    ['an AVIF with alpha', { format: 'avif', channels: 4 }, 8 * 1024 ** 2 + PIXELS * (4 + 18 + 3)],
  ])('is measured: %s', (_, changes, bytes) => {
    expect(estimateMemory({ ...shape, ...changes })).toBe(bytes);
  });

  test('grows with the width, and with the height up to what a pipeline keeps', () => {
    const of = (width: number, height: number): number =>
      (estimateMemory({ ...shape, width, height }) - 8 * 1024 ** 2) / 3;
    expect(of(4096, 4096)).toBe(4096 * 4096);
    expect(of(4096, 16_000)).toBe(4096 * 4096);
    expect(of(16_000, 4096)).toBe(16_000 * 1600);
    expect(of(16_000, 1500)).toBe(16_000 * 1500);
  });

  test('is told in whole mebibytes where it is more than the limit', () => {
    const limits = { maxPixels: PIXELS, maxImageMemory: PIPELINE };
    expect(weighImage('JPEG', shape, limits)).toBe(PIPELINE);
    expect(() => weighImage('JPEG', shape, { ...limits, maxImageMemory: PIPELINE - 1 })).toThrow(
      'JPEG of 3,000 x 2,000 pixels: decoding takes 26 MiB of memory, more than the limit of 25 MiB',
    );
    expect(() => weighImage('JPEG', shape, { ...limits, maxPixels: PIXELS - 1 })).toThrow(
      'JPEG of 3,000 x 2,000 pixels: more than the limit of 5,999,999 pixels',
    );
    expect(DEFAULT_LIMITS).toEqual({ maxPixels: 268_402_689, maxImageMemory: 1_073_741_824 });
  });
});
