import { describe, expect, test } from 'vitest';
import sharp from 'sharp';
import { decodePixels } from '../../src/image/apply-transform.ts';
import { repairJpeg } from '../../src/image/formats/jpeg-structure.ts';
import { repairTiff } from '../../src/image/formats/tiff-directory.ts';
import { probeImage } from '../../src/image/probe-image.ts';
import { renderImage } from '../../src/image/render-image.ts';
import { DEFAULT_TRANSFORM, type Transform, undrawn } from '../../src/image/transform.ts';
import { psnr } from './pixel-reference.ts';
import {
  drawNoise,
  insertBytes,
  jpegSegment,
  jpegSegments,
  replaceTiffEntry,
  tiffEntryAt,
} from '../support/draw-images.ts';

/** Expects an image to be `ok` with the pixels of the undamaged one, also where a run makes an image of it. */
async function expectSamePixels(damaged: Buffer, whole: Buffer): Promise<void> {
  const given = Buffer.from(damaged);
  expect(await probeImage(damaged)).toMatchObject({ status: 'ok', reason: null });
  // An original is stored as it came in, after it was probed.
  expect(damaged.equals(given), 'the bytes that were given').toBe(true);
  const [pixels, others] = await Promise.all([decodePixels(damaged), decodePixels(whole)]);
  expect([pixels.width, pixels.height]).toEqual([others.width, others.height]);
  expect(Buffer.compare(pixels.bytes, others.bytes), 'pixels').toBe(0);
  const { width, height } = pixels;
  // A run makes an image of it, in the kernel or by sharp, which differ by rounding.
  const drawn = undrawn({ width, height });
  const [made, other] = await Promise.all(
    [damaged, whole].map(async (bytes) =>
      sharp((await renderImage(bytes, TRANSFORM, drawn)).encoded)
        .raw()
        .toBuffer(),
    ),
  );
  expect(psnr(made ?? Buffer.alloc(0), other ?? Buffer.alloc(1))).toBeGreaterThan(35);
}

const TRANSFORM: Transform = { ...DEFAULT_TRANSFORM, crop: 0, size: 16 };

const JPEGS = {
  baseline: () => drawNoise().jpeg().toBuffer(),
  progressive: () => drawNoise().jpeg({ progressive: true }).toBuffer(),
  gray: () => drawNoise().toColourspace('b-w').jpeg().toBuffer(),
  'with a profile': () => drawNoise().withIccProfile('p3').jpeg().toBuffer(),
  'lying on its side': () => drawNoise().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  cmyk: () => drawNoise().toColourspace('cmyk').jpeg().toBuffer(),
};

describe.each(Object.entries(JPEGS))('a %s JPEG', (name, draw) => {
  test('is left alone where nothing is wrong', async () => {
    const whole = await draw();
    expect(repairJpeg(whole)).toBe(whole);
  });

  test.each([
    ['two bytes', [1, 2]],
    ['a stuffed marker', [0xff, 0]],
    ['a reserved marker', [0xff, 0x05, 9]],
    ['another start', [0, 0xff, 0xd8, 0]],
  ])('is ok with %s between its segments, the first and the last', async (_, junk) => {
    const whole = await draw();
    const [first, ...others] = jpegSegments(whole);
    for (const segment of [first, others.at(-1)])
      await expectSamePixels(insertBytes(whole, segment?.at ?? 0, junk), whole);
  });

  test.each([
    ['APP14 that is cut off', jpegSegment(0xee, 'Adobe\0')],
    ['APP14 of another maker', jpegSegment(0xee, 'unknown maker')],
    ['EXIF without content', jpegSegment(0xe1, 'Exif\0\0')],
    ['EXIF of no byte order', jpegSegment(0xe1, 'Exif\0\0XX*\0\u0008\0\0\0\0\0')],
    ['EXIF that points behind its end', jpegSegment(0xe1, 'Exif\0\0II*\0\u00f0\u00ff\0\0')],
    ['a piece of a profile that is not there', jpegSegment(0xe2, 'ICC_PROFILE\0\u0005\u0003rest')],
    ['an empty segment', jpegSegment(0xe5, '')],
  ])('is ok with %s', async (_, segment) => {
    const whole = await draw();
    const { at } = jpegSegments(whole).at(-1) ?? { at: 2 };
    await expectSamePixels(insertBytes(whole, at, segment), whole);
  });

  // Colours follow from JFIF, which CMYK has none of.
  test.skipIf(name === 'cmyk')('is ok with a version of JFIF that does not exist', async () => {
    const whole = await draw();
    const jfif = (major: number): Buffer =>
      insertBytes(
        whole,
        2,
        jpegSegment(0xe0, `JFIF\0${String.fromCharCode(major)}\u0001\0\0\u0001\0\u0001\0\0`),
      );
    await expectSamePixels(jfif(7), jfif(1));
  });
});

describe('a sequential JPEG', () => {
  test.each([
    [0, 0, 0],
    [0, 62, 0],
    [1, 0, 0],
    [0, 63, 0x10],
  ])('is ok where its scan claims spectral limits %i to %i, precision %i', async (...limits) => {
    for (const draw of [JPEGS.baseline, JPEGS.gray, JPEGS['with a profile'], JPEGS.cmyk]) {
      const whole = await draw();
      const { end } = jpegSegments(whole).at(-1) ?? { end: 3 };
      const damaged = Buffer.from(whole);
      damaged.set(limits, end - 3);
      await expectSamePixels(damaged, whole);
    }
  });

  test.each([2, 3, 200])(
    'is ok with colour transform %i of Adobe, which its channels cannot have',
    async (transform) => {
      const adobe = (value: number): Buffer =>
        jpegSegment(0xee, `Adobe\0d\0\0\0\0${String.fromCharCode(value)}`);
      const rgb = await JPEGS.baseline();
      await expectSamePixels(insertBytes(rgb, 2, adobe(transform)), insertBytes(rgb, 2, adobe(1)));
    },
  );
});

describe('a TIFF', () => {
  const draw = (): Promise<Buffer> => drawNoise().tiff({ compression: 'lzw' }).toBuffer();
  const FAR = 0x7f_ff_ff_00;

  test.each([
    ['a text without end', { tag: 306, type: 2, count: 4, value: 0x41_41_41_41 }],
    ['a text behind the end of the file', { tag: 305, type: 2, count: 40, value: FAR }],
    ['a text longer than the file', { tag: 315, type: 2, count: 0xff_ff_ff_f0, value: 8 }],
    ['a text that is numbers', { tag: 270, type: 12, count: 3, value: 8 }],
    ['a GeoTIFF text without end', { tag: 34_737, type: 2, count: 12, value: 8 }],
    ['a private tag of unknown type', { tag: 65_000, type: 99, count: 3, value: 8 }],
    ['a resolution behind the end', { type: 5, count: 1, value: FAR }],
    ['EXIF behind the end', { tag: 34_665, type: 4, count: 1, value: FAR }],
    ['another directory behind the end', { tag: 330, type: 4, count: 1, value: FAR }],
    ['a colour profile behind the end', { tag: 34_675, type: 7, count: 500, value: FAR }],
    ['XMP longer than the file', { tag: 700, type: 1, count: 5_000_000, value: 8 }],
  ])('is ok with %s', async (_, entry) => {
    const whole = await draw();
    await expectSamePixels(replaceTiffEntry(whole, 282, entry), whole);
  });

  test('is ok where its tags are out of order', async () => {
    const whole = await draw();
    const damaged = Buffer.from(whole);
    const [first, second] = [tiffEntryAt(whole, 256), tiffEntryAt(whole, 257)];
    whole.copy(damaged, first, second, second + 12);
    whole.copy(damaged, second, first, first + 12);
    await expectSamePixels(damaged, whole);
  });

  test.each([
    ['behind the end', FAR],
    ['at itself', undefined],
  ])('is ok where its next page lies %s', async (_, next) => {
    const whole = await draw();
    const damaged = Buffer.from(whole);
    const at = whole.readUInt32LE(4);
    damaged.writeUInt32LE(next ?? at, at + 2 + 12 * whole.readUInt16LE(at));
    await expectSamePixels(damaged, whole);
  });

  test('keeps its colour profile, its orientation and its pages', async () => {
    const oriented = await drawNoise()
      .withIccProfile('p3')
      .withMetadata({ orientation: 6 })
      .tiff()
      .toBuffer();
    const damaged = replaceTiffEntry(oriented, 282, { tag: 306, type: 2, count: 4, value: 0x41_41_41_41 });
    await expectSamePixels(damaged, oriented);
    expect(await probeImage(damaged)).toMatchObject({ width: 30, height: 40 });
    const pages = await sharp(Buffer.alloc(2700, 'pages'), {
      raw: { width: 10, height: 90, channels: 3, pageHeight: 30 },
    })
      .tiff()
      .toBuffer();
    expect(await probeImage(pages)).toMatchObject({ status: 'ok', frames: 3, width: 10, height: 30 });
  });

  test.each([
    ['classic', { bigtiff: false }],
    ['big', { bigtiff: true }],
  ])('is repaired to itself once repaired: %s', async (_, options) => {
    const whole = await drawNoise().tiff(options).toBuffer();
    const repaired = Buffer.from(repairTiff(whole));
    expect(repairTiff(repaired)).toBe(repaired);
    await expectSamePixels(repaired, whole);
  });
});
