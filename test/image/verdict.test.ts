import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import type { Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { applyTransform } from '../../src/image/apply-transform.ts';
import { explainFailure } from '../../src/image/inspect-image.ts';
import { type ImageFacts, probeImage } from '../../src/image/probe-image.ts';
import { renderImage } from '../../src/image/render-image.ts';
import { DEFAULT_TRANSFORM, undrawn } from '../../src/image/transform.ts';
import { drawNoise, drawPng, isoBox, jpegSegments, replaceTiffEntry } from '../support/draw-images.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const SCRIPT = join(import.meta.dirname, '../support/measure-probe.mjs');

/** An HEIC as phones write it, as far as its boxes tell what it is; the pixels are none. */
function drawHeic(): Buffer {
  const full = [0, 0, 0, 0];
  const entry = isoBox('infe', [2, 0, 0, 0, 0, 1, 0, 0], Buffer.from('hvc1\0'));
  const config = Buffer.alloc(23);
  config[0] = 1;
  config[17] = 0xf8;
  return Buffer.concat([
    isoBox('ftyp', Buffer.from('heic\0\0\0\0mif1heic')),
    isoBox(
      'meta',
      full,
      isoBox('hdlr', full, [0, 0, 0, 0], Buffer.from('pict'), Buffer.alloc(13)),
      isoBox('pitm', full, [0, 1]),
      isoBox('iinf', full, [0, 1], entry),
      isoBox(
        'iprp',
        isoBox('ipco', isoBox('hvcC', config), isoBox('ispe', full, [0, 0, 0, 64, 0, 0, 0, 48])),
      ),
    ),
    isoBox('mdat', Buffer.alloc(100, 7)),
  ]);
}

async function flip(drawn: Sharp, share: number): Promise<Buffer> {
  return flipBytes(await drawn.toBuffer(), share);
}

function flipBytes(bytes: Buffer, share: number): Buffer {
  const at = Math.floor(bytes.length * share);
  for (let index = at; index < at + 8; index++) bytes[index] = 0xff ^ (bytes[index] ?? 0);
  return bytes;
}

async function cut(drawn: Sharp, share: number): Promise<Buffer> {
  return cutBytes(await drawn.toBuffer(), share);
}

function cutBytes(bytes: Buffer, share: number): Buffer {
  return bytes.subarray(0, Math.floor(bytes.length * share));
}

/** Each is damaged in another way, and libvips has another text for each. */
const DAMAGED: Readonly<Record<string, [() => Promise<Buffer>, Partial<ImageFacts> | { reason: unknown }]>> =
  {
    'a JPEG that is cut off': [
      () => cut(drawNoise().jpeg(), 0.6),
      { status: 'corrupt', reason: 'JPEG, 40 x 30 pixels: the file is cut off before its end marker' },
    ],
    'a JPEG that is cut off in its header': [
      () => cut(drawNoise().jpeg(), 0.05),
      {
        status: 'corrupt',
        reason: expect.stringMatching(/^JPEG.*: the file is cut off within its header$/u),
      },
    ],
    'a JPEG without a code table': [
      async () => {
        const bytes = await drawNoise().jpeg().toBuffer();
        const { at } = jpegSegments(bytes).find(({ marker }) => marker === 0xc4) ?? { at: 0 };
        bytes[at + 1] = 0xfe;
        return bytes;
      },
      { status: 'corrupt', reason: 'JPEG, 40 x 30 pixels: the pixel data is damaged' },
    ],
    'a PNG whose pixels were changed': [
      () => flip(drawNoise().png(), 0.5),
      {
        status: 'corrupt',
        reason: 'PNG, 40 x 30 pixels: the checksum of its IDAT chunk at byte 54 is wrong',
      },
    ],
    'a PNG that is cut off': [
      () => cut(drawNoise().png(), 0.9),
      {
        status: 'corrupt',
        reason: 'PNG, 40 x 30 pixels: the file is cut off within its IDAT chunk at byte 54',
      },
    ],
    'a WebP that is cut off': [
      () => cut(drawNoise().webp(), 0.7),
      {
        status: 'corrupt',
        reason: 'WebP, 40 x 30 pixels: the file is cut off within its VP8 chunk at byte 12',
      },
    ],
    'a GIF that is cut off': [
      () => cut(drawNoise().gif(), 0.7),
      { status: 'corrupt', reason: 'GIF, 40 x 30 pixels: the file is cut off after 1 frame' },
    ],
    'a TIFF whose pixels were changed': [
      () => flip(drawNoise().tiff({ compression: 'deflate' }), 0.5),
      { status: 'corrupt', reason: 'TIFF, 40 x 30 pixels: the pixel data is damaged' },
    ],
    'an AVIF that is cut off': [
      () => cut(drawNoise().avif(), 0.7),
      {
        status: 'corrupt',
        reason: expect.stringMatching(/^AVIF, 40 x 30 pixels: the file is cut off within its mdat box/u),
      },
    ],
    'a TIFF of an unknown compression': [
      async () => replaceTiffEntry(await drawNoise().tiff().toBuffer(), 259, { value: 50_000 }),
      {
        status: 'unsupported',
        reason: 'a TIFF with Zstandard compression cannot be decoded here; convert it to JPEG or PNG',
      },
    ],
    'a TIFF in CIELAB': [
      async () =>
        replaceTiffEntry(await drawNoise().tiff({ compression: 'lzw' }).toBuffer(), 262, { value: 8 }),
      {
        status: 'unsupported',
        reason:
          'a TIFF with CIELAB colours in 8 bits per channel cannot be decoded here; convert it to JPEG or PNG',
      },
    ],
    'a TIFF in YCbCr that only JPEG converts': [
      async () =>
        replaceTiffEntry(await drawNoise().tiff({ compression: 'lzw' }).toBuffer(), 262, { value: 6 }),
      {
        status: 'unsupported',
        reason:
          'a TIFF with YCbCr colours and LZW compression cannot be decoded here; convert it to JPEG or PNG',
      },
    ],
    'an HEIC': [
      async () => drawHeic(),
      {
        status: 'unsupported',
        reason: 'HEVC inside HEIC cannot be decoded here; convert it to JPEG or PNG',
      },
    ],
    'a JPEG with 12 bits': [
      async () => {
        const bytes = await drawNoise().jpeg().toBuffer();
        const { at } = jpegSegments(bytes).find(({ marker }) => marker === 0xc0) ?? { at: 0 };
        bytes[at + 4] = 12;
        return bytes;
      },
      {
        status: 'unsupported',
        reason: 'a JPEG with 12 bits per channel cannot be decoded here; convert it to JPEG or PNG',
      },
    ],
  };

describe('the verdict on an image', () => {
  test.each(Object.entries(DAMAGED))('says what is wrong with %s', async (_, [make, expected]) => {
    const bytes = await make();
    const facts = await probeImage(bytes);
    expect(facts).toMatchObject(expected);
    const pixels = applyTransform(bytes, TRANSFORM, undrawn({ width: 40, height: 30 }));
    await expect(pixels).rejects.toMatchObject({
      code: facts.status === 'corrupt' ? 'IMAGE_CORRUPT' : 'IMAGE_UNSUPPORTED',
      message: facts.reason,
    });
  });

  test('is the same alone and among a thousand others that fail at the same moment', async () => {
    const made = await Promise.all(Object.values(DAMAGED).map(async ([make]) => make()));
    const alone: ImageFacts[] = [];
    for (const bytes of made) alone.push(await probeImage(bytes));
    for (let round = 0; round < 2; round++) {
      const images = Array.from({ length: 300 * 4 }, (_, index) => index % made.length);
      const found = await Promise.all(
        images.map(async (image) => probeImage(made[image] ?? Buffer.alloc(0))),
      );
      expect(found).toEqual(images.map((image) => alone[image]));
    }
  });

  test('property: any damage has a reason of pixlake, which is short and always the same', async () => {
    const images = await Promise.all([
      drawNoise().jpeg().toBuffer(),
      drawNoise().png().toBuffer(),
      drawNoise().webp().toBuffer(),
      drawNoise().gif().toBuffer(),
      drawNoise().tiff().toBuffer(),
      drawNoise().avif({ effort: 0 }).toBuffer(),
    ]);
    const damage = fc.record({
      image: fc.constantFrom(...images),
      changes: fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 12 }),
      length: fc.nat(4000),
    });
    fc.assert(
      fc.property(damage, ({ image, changes, length }) => {
        const bytes = Buffer.from(image.subarray(0, length));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        const { code, message } = explainFailure(bytes);
        expect(code).toMatch(/^IMAGE_(?:CORRUPT|UNSUPPORTED|EMPTY)$/u);
        expect(message).toMatch(/^[\u0020-\u007e]{1,200}$/u);
        expect(explainFailure(bytes, new Error('text of libvips')).message).toBe(message);
      }),
      { seed: 3, numRuns: 2000 },
    );
  });
});

/** Images of all ways in which decoders go through a file, large enough for rows to lie behind a crop. */
const DRAWN: Readonly<Record<string, () => Sharp>> = {
  'a JPEG': () => drawNoise(200, 160).jpeg(),
  'a progressive JPEG': () => drawNoise(200, 160).jpeg({ progressive: true }),
  'a JPEG with a colour profile': () => drawNoise(200, 160).jpeg().withIccProfile('p3'),
  'a JPEG upside down with a colour profile': () =>
    drawNoise(200, 160).jpeg().withMetadata({ orientation: 3 }).withIccProfile('p3'),
  'a JPEG on its side with a colour profile': () =>
    drawNoise(200, 160).jpeg().withMetadata({ orientation: 6 }).withIccProfile('p3'),
  'a large JPEG with a colour profile': () => drawNoise(1800, 1200).jpeg().withIccProfile('p3'),
  'a JPEG in CMYK': () => drawNoise(200, 160).jpeg().toColourspace('cmyk'),
  'a PNG': () => drawNoise(200, 160).png(),
  'a PNG with EXIF': () => drawNoise(200, 160).png().withMetadata({ orientation: 1 }),
  'a PNG of 16 bits': () => drawNoise(200, 160).png().toColourspace('rgb16'),
  'an interlaced PNG': () => drawNoise(200, 160).png({ progressive: true }),
  'a TIFF in strips': () => drawNoise(200, 160).tiff({ compression: 'deflate' }),
  'a TIFF in tiles': () =>
    drawNoise(200, 160).tiff({ compression: 'jpeg', tile: true, tileWidth: 32, tileHeight: 32 }),
  'a WebP': () => drawNoise(200, 160).webp(),
  'a lossless WebP': () => drawNoise(200, 160).webp({ lossless: true }),
  'a GIF': () => drawNoise(200, 160).gif(),
  'an AVIF': () => drawNoise(200, 160).avif({ effort: 0 }),
};

/** Parts of an image, as shares of its sides. */
const PARTS = [
  { left: 0, top: 0, share: 1 },
  { left: 0, top: 0, share: 0.8 },
  { left: 0.2, top: 0, share: 0.8 },
  { left: 0.2, top: 0.2, share: 0.8 },
];

describe.each(['jpeg', 'png'] as const)(
  'written as %s, it does not depend on what part is taken',
  (format) => {
    test.each(Object.entries(DRAWN))('of %s', async (_, draw) => {
      const whole = await draw().toBuffer();
      const damaged = [whole, cutBytes(whole, 0.97), cutBytes(whole, 0.9)];
      for (const share of [0.5, 0.9, 0.98]) damaged.push(flipBytes(Buffer.from(whole), share));
      for (const bytes of damaged) {
        const facts = await probeImage(bytes);
        for (const { left, top, share } of PARTS) {
          const [width, height] = [facts.width ?? 1, facts.height ?? 1];
          const drawn = {
            ...undrawn({ width: Math.floor(share * width), height: Math.floor(share * height) }),
            cropLeft: Math.floor(left * width),
            cropTop: Math.floor(top * height),
          };
          const rendered = await renderImage(bytes, { ...TRANSFORM, format }, drawn).then(
            () => null,
            (error: Error) => error.message,
          );
          expect(rendered).toBe(facts.reason);
        }
      }
    });
  },
);

test('a PNG whose checksums are right and whose pixels are cut off is corrupt, whatever part is taken', async () => {
  const rows = Buffer.alloc(160 * (1 + 200 * 3), 1);
  expect(await probeImage(drawPng(200, 160, rows))).toMatchObject({ status: 'ok', width: 200, height: 160 });
  const damaged = drawPng(200, 160, rows.subarray(0, -5000));
  expect(await probeImage(damaged)).toMatchObject({ status: 'corrupt' });
  await expect(renderImage(damaged, TRANSFORM, undrawn({ width: 160, height: 128 }))).rejects.toMatchObject({
    code: 'IMAGE_CORRUPT',
  });
});

const TRANSFORM = { ...DEFAULT_TRANSFORM, crop: 0, size: 8, format: 'png' } as const;

test.each<[string, Buffer, Buffer]>([
  [
    'PNG',
    Buffer.from(
      '\u0089PNG\r\n\u001a\n\0\0\0\rIHDR\0\0\0\u0001\0\0\0\u0001\u0008\u0002\0\0\0\0\0\0\0',
      'latin1',
    ),
    Buffer.from('\0\0\0\0tEXt\0\0\0\0'),
  ],
  ['JPEG', Buffer.from([0xff, 0xd8]), Buffer.from([0xff, 0xe0, 0, 2])],
  ['WebP', Buffer.from('RIFF\u00ff\u00ff\u00ff\u0007WEBP', 'latin1'), Buffer.from('ABCD\0\0\0\0')],
  ['AVIF', Buffer.from('\0\0\0\u0010ftypavif\0\0\0\0', 'latin1'), Buffer.from('\0\0\0\u0008free')],
])('a %s of a million empty parts is refused soon and with little memory', async (_, start, part) => {
  const bytes = Buffer.concat([start, Buffer.alloc(12_000_000, part)]);
  const file = join(await makeTestFolder(), 'image');
  await writeFile(file, bytes);
  // In a process of its own: what other tests leave on the heap is not measured.
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, file]);
  const found = JSON.parse(stdout) as { status: string; grownBytes: number };
  expect(found.status).not.toBe('ok');
  expect(found.grownBytes).toBeLessThan(150 * 1024 ** 2);
});
