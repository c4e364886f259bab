import * as fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type ImageFacts, probeImage } from '../../src/image/probe-image.ts';
import { claimPng, drawNoise } from '../support/draw-images.ts';

describe('an image that can be read', () => {
  const animation = { raw: { width: 10, height: 30, channels: 3, pageHeight: 10 } } as const;
  const transparent = { create: { width: 5, height: 4, channels: 4, background: '#ff000080' } } as const;
  it.each<[string, () => Promise<Buffer>, Partial<ImageFacts>]>([
    ['JPEG', () => drawNoise().jpeg().toBuffer(), { format: 'jpeg', width: 40, height: 30, channels: 3 }],
    ['PNG', () => drawNoise().png().toBuffer(), { format: 'png', width: 40, height: 30, channels: 3 }],
    ['WebP', () => drawNoise().webp().toBuffer(), { format: 'webp', width: 40, height: 30, channels: 3 }],
    ['AVIF', () => drawNoise().avif().toBuffer(), { format: 'avif', width: 40, height: 30, channels: 3 }],
    ['TIFF', () => drawNoise().tiff().toBuffer(), { format: 'tiff', width: 40, height: 30, channels: 3 }],
    [
      'animated GIF, by its first frame',
      () => sharp(Buffer.alloc(900, 'animation'), animation).gif().toBuffer(),
      { format: 'gif', width: 10, height: 10 },
    ],
    ['single pixel', () => drawNoise(1, 1).png().toBuffer(), { format: 'png', width: 1, height: 1 }],
    ['16-bit PNG', () => drawNoise().toColourspace('rgb16').png().toBuffer(), { format: 'png', channels: 3 }],
    ['CMYK JPEG', () => drawNoise().toColourspace('cmyk').jpeg().toBuffer(), { format: 'jpeg', channels: 4 }],
    ['gray JPEG', () => drawNoise().toColourspace('b-w').jpeg().toBuffer(), { format: 'jpeg', channels: 1 }],
    ['PNG with alpha', () => sharp(transparent).png().toBuffer(), { format: 'png', channels: 4 }],
    ['P3 JPEG', () => drawNoise().withIccProfile('p3').jpeg().toBuffer(), { width: 40, height: 30 }],
    [
      'progressive JPEG',
      () => drawNoise().jpeg({ progressive: true }).toBuffer(),
      { width: 40, height: 30, channels: 3 },
    ],
    [
      'JPEG that lies on its side, by its upright size',
      () => drawNoise().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
      { format: 'jpeg', width: 30, height: 40 },
    ],
  ])('is described: %s', async (_, encode, facts) => {
    expect(await probeImage(await encode())).toMatchObject({ status: 'ok', reason: null, ...facts });
  });

  it('is known by its bytes alone, so a PNG named .jpg is a PNG', async () => {
    const facts = await probeImage(new Uint8Array(await drawNoise().png().toBuffer()));
    expect(facts).toEqual({
      status: 'ok',
      reason: null,
      format: 'png',
      width: 40,
      height: 30,
      channels: 3,
      frames: 1,
      bitDepth: 8,
    });
  });

  it('may be too large to be decoded at full size', async () => {
    const create = { width: 2000, height: 1500, channels: 3, background: '#336699' } as const;
    const bytes = await sharp({ create }).jpeg().toBuffer();
    expect(await probeImage(bytes)).toMatchObject({ status: 'ok', width: 2000, height: 1500 });
  });
});

describe('an image that cannot be read', () => {
  it('is empty with zero bytes', async () => {
    expect(await probeImage(new Uint8Array())).toEqual({
      status: 'empty',
      reason: 'the file has zero bytes',
      format: null,
      width: null,
      height: null,
      channels: null,
      frames: null,
      bitDepth: null,
    });
  });

  it.each<[string, string | Buffer]>([
    ['a text file, not an image', 'Not found'],
    ['an HTML page, not an image', '<!DOCTYPE html><html><body>404: shoe.png was not found</body></html>'],
    ['a PDF file cannot be decoded here; convert it to JPEG or PNG', '%PDF-1.4\n%%EOF'],
    ['a text file, not an image', 'x'],
    ['4,096 bytes, all zero, not an image', Buffer.alloc(4096)],
    [
      'not an image in a known format',
      Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * index * 7919) % 251)),
    ],
  ])('is unsupported where it is none: %s', async (reason, content) => {
    expect(await probeImage(Buffer.from(content))).toMatchObject({
      status: 'unsupported',
      reason,
      width: null,
    });
  });

  it.each([
    [30_000, 30_000],
    [16_384, 16_384],
    [999_999, 999_999],
  ])('is too large where its header claims %i x %i pixels', async (width, height) => {
    expect(await probeImage(claimPng(width, height))).toMatchObject({
      status: 'too_large',
      reason: expect.stringMatching(
        /^PNG of [\d,]+ x [\d,]+ pixels: more than the limit of 268,402,689 pixels$/u,
      ),
    });
  });

  it('is not decoded where no decoder could hold its sides', async () => {
    expect(await probeImage(claimPng(1, 2 ** 31 - 1))).toMatchObject({ status: 'too_large', width: null });
  });

  it('is corrupt where its header claims pixels that are not there', async () => {
    expect(await probeImage(claimPng(200, 200))).toMatchObject({
      status: 'corrupt',
      format: 'png',
      width: 200,
      height: 200,
    });
  });

  it('is corrupt where a large one is cut in its last part', async () => {
    const bytes = await drawNoise(2000, 1200).jpeg().toBuffer();
    const facts = await probeImage(bytes.subarray(0, Math.floor(bytes.length * 0.97)));
    expect(facts).toMatchObject({ status: 'corrupt', width: 2000, height: 1200 });
  });

  describe.each(['jpeg', 'png', 'webp', 'gif'] as const)('as a %s', (format) => {
    it('is corrupt wherever it is cut off', async () => {
      const bytes = await drawNoise(64, 48).toFormat(format).toBuffer();
      for (const share of [0.1, 0.3, 0.5, 0.7, 0.9, 0.98]) {
        const facts = await probeImage(bytes.subarray(0, Math.floor(bytes.length * share)));
        expect(facts, `cut at ${share}`).toMatchObject({
          status: 'corrupt',
          reason: expect.stringMatching(/./u),
        });
      }
    });

    it('is corrupt, and not another format, when cut within the first bytes', async () => {
      const bytes = await drawNoise(64, 48).toFormat(format).toBuffer();
      for (const length of [12, 16, 20, 30]) {
        expect(await probeImage(bytes.subarray(0, length)), `${length} bytes`).toMatchObject({
          status: 'corrupt',
        });
      }
    });

    it('never throws, whatever bytes were damaged', async () => {
      const bytes = await drawNoise(24, 16).toFormat(format).toBuffer();
      const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })), {
        minLength: 1,
        maxLength: 20,
      });
      await fc.assert(
        fc.asyncProperty(damage, async (changes) => {
          const damaged = Uint8Array.from(bytes);
          for (const [index, mask] of changes) damaged[index] = (damaged[index] ?? 0) ^ mask;
          const facts = await probeImage(damaged);
          expect(['ok', 'corrupt', 'too_large', 'unsupported']).toContain(facts.status);
          expect(facts.reason === null).toBe(facts.status === 'ok');
        }),
        { seed: 5, numRuns: 50 },
      );
    });
  });
});
