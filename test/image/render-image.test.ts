import * as fc from 'fast-check';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { modelInput, pixelsOf } from './model-input.ts';
import { applyTransform } from '../../src/image/apply-transform.ts';
import type { Pixels } from '../../src/image/configured-sharp.ts';
import { toImageError } from '../../src/image/image-error.ts';
import { type JpegHeader, parseJpegHeader } from '../../src/image/jpeg-header.ts';
import { withKernel } from '../../src/image/pixel-kernel.ts';
import { type RenderedImage, renderImage } from '../../src/image/render-image.ts';
import { type DrawnTransform, type Transform, undrawn } from '../../src/image/transform.ts';
import { FITS } from '../../src/image/transforms/resize.ts';
import { drawPhoto, PLAIN, psnr, resampleExactly } from './pixel-reference.ts';

const WHOLE: DrawnTransform = undrawn({ width: 60, height: 80 });

/** The pixels as they were before they were encoded: PNG loses nothing. */
async function renderPixels(bytes: Uint8Array, transform: Transform, drawn: DrawnTransform): Promise<Pixels> {
  const { encoded, width, height } = await renderImage(bytes, { ...transform, format: 'png' }, drawn);
  return { bytes: await sharp(encoded).removeAlpha().raw().toBuffer(), width, height };
}

async function decodeBySharp(bytes: Uint8Array): Promise<Pixels> {
  const { data, info } = await sharp(bytes)
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { bytes: data, width: info.width, height: info.height };
}

function headerOf(bytes: Uint8Array): JpegHeader {
  const header = parseJpegHeader(bytes);
  if (header === undefined) throw new Error('not a plain JPEG');
  return header;
}

let photo: Buffer;

beforeAll(async () => {
  photo = await drawPhoto(60, 80).jpeg({ quality: 92 }).toBuffer();
});

describe('decoding', () => {
  test.each([
    ['4:2:0', { chromaSubsampling: '4:2:0' }],
    ['4:4:4', { chromaSubsampling: '4:4:4' }],
    ['progressive', { progressive: true }],
    ['optimised', { optimiseCoding: true, quality: 40 }],
  ])('%s gives what libjpeg gives in sharp, bit for bit', async (_name, options) => {
    for (const [width, height] of [
      [60, 80],
      [1, 1],
      [53, 7],
      [64, 64],
      [17, 129],
    ] as const) {
      const bytes = await drawPhoto(width, height).jpeg(options).toBuffer();
      const expected = await decodeBySharp(bytes);
      const decoded = withKernel((kernel) => kernel.toPixels(kernel.decode(bytes, 8, headerOf(bytes))));
      expect(decoded).toMatchObject({ width, height });
      expect(
        Buffer.from(expected.bytes).equals(decoded?.bytes ?? Buffer.alloc(0)),
        `${width}x${height}`,
      ).toBe(true);
    }
  });

  test('gray gives three equal channels', async () => {
    const bytes = await drawPhoto(30, 20).toColourspace('b-w').jpeg().toBuffer();
    const decoded = withKernel((kernel) => kernel.toPixels(kernel.decode(bytes, 8, headerOf(bytes))));
    const gray = await sharp(bytes).toColourspace('b-w').raw().toBuffer();
    expect([...(decoded?.bytes ?? [])].filter((_, index) => index % 3 === 1)).toEqual([...gray]);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'orientation %i is applied as sharp applies it',
    async (orientation) => {
      const turned = await sharp(photo).keepExif().withMetadata({ orientation }).toBuffer();
      const expected = await decodeBySharp(await sharp(turned).autoOrient().png().toBuffer());
      const decoded = withKernel((kernel) =>
        kernel.toPixels(kernel.decode(turned, 8, { ...headerOf(photo), orientation })),
      );
      expect(decoded).toMatchObject({ width: expected.width, height: expected.height });
      expect(Buffer.from(expected.bytes).equals(decoded?.bytes ?? Buffer.alloc(0))).toBe(true);
    },
  );
});

async function expectSameAsSharp(raw: Pixels, quality: number): Promise<void> {
  const { width, height, bytes } = raw;
  const encoded = withKernel((kernel) => kernel.encode(kernel.load(raw), quality)) ?? Buffer.alloc(0);
  const bySharp = await sharp(bytes, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
  expect(await decodeBySharp(encoded)).toEqual(await decodeBySharp(bySharp));
}

describe('encoding', () => {
  test('gives the pixels that libjpeg gives in sharp', async () => {
    for (const [width, height, quality] of [
      [64, 64, 90],
      [17, 9, 50],
      [1, 1, 100],
      [200, 31, 1],
    ] as const)
      await expectSameAsSharp(await decodeBySharp(await drawPhoto(width, height).png().toBuffer()), quality);
  });

  test.each([
    ['one colour', () => 255],
    [
      'a dot in one colour, which goes on as before',
      (x: number, y: number) => (x === 40 && y === 40 ? 0 : 255),
    ],
    ['fine stripes: long runs of zeros', (x: number) => (x % 2) * 255],
    ['fine checks', (x: number, y: number) => ((x + y) % 2) * 255],
    [
      'noise: large values, and bytes of ones',
      (x: number, y: number) => ((x * 7919 + y * 104_729) ** 2 * 31) % 256,
    ],
  ])('and so for %s', async (_, valueOf) => {
    const [width, height] = [100, 70];
    const bytes = Uint8Array.from({ length: width * height * 3 }, (__, at) =>
      valueOf(Math.floor(at / 3) % width, Math.floor(at / 3 / width)),
    );
    for (const quality of [1, 50, 90, 100]) await expectSameAsSharp({ bytes, width, height }, quality);
  });
});

describe('transforming', () => {
  const box = fc
    .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 80 }))
    .chain(([cropWidth, cropHeight]) =>
      fc.record({
        cropWidth: fc.constant(cropWidth),
        cropHeight: fc.constant(cropHeight),
        cropLeft: fc.integer({ min: 0, max: 60 - cropWidth }),
        cropTop: fc.integer({ min: 0, max: 80 - cropHeight }),
        isFlipped: fc.boolean(),
        brightness: fc.oneof(fc.constant(1), fc.double({ min: 0.2, max: 1.8, noNaN: true })),
        contrast: fc.oneof(fc.constant(1), fc.double({ min: 0.2, max: 1.8, noNaN: true })),
        isGray: fc.boolean(),
      }),
    );

  test('property: differs by at most 1 from the same in 64-bit numbers', async () => {
    const source = await decodeBySharp(photo);
    await fc.assert(
      fc.asyncProperty(
        box,
        fc.constantFrom(...FITS),
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 90 }),
        async (drawn, fit, width, height) => {
          const transform = { ...PLAIN, fit, size: `${width}x${height}` };
          const all = { ...WHOLE, ...drawn };
          // Decoded at a fraction it is another image; that is another test.
          fc.pre(Math.min(width, height) > 0.3 * Math.max(all.cropWidth, all.cropHeight));
          const made = await renderPixels(photo, transform, all);
          const exact = resampleExactly(source, transform, all);
          expect(made).toMatchObject({ width: exact.width, height: exact.height });
          let worst = 0;
          for (const [index, value] of exact.values.entries())
            worst = Math.max(worst, Math.abs(value - (made.bytes[index] ?? 0)));
          expect(worst).toBeLessThanOrEqual(1);
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });

  // Not where one side grows and the other shrinks: there libvips moves the latter by half a pixel.
  test.each(FITS)('with %s is what sharp does, but for rounding', async (fit) => {
    for (const size of [20, 50, 200]) {
      const drawn = { ...WHOLE, cropLeft: 3, cropTop: 5, cropWidth: 51, cropHeight: 70, isFlipped: true };
      const transform = { ...PLAIN, fit, size };
      const made = await renderPixels(photo, transform, drawn);
      const bySharp = await applyTransform(photo, transform, drawn);
      expect(made).toMatchObject({ width: bySharp.width, height: bySharp.height });
      expect(psnr(made.bytes, bySharp.bytes), `${fit} ${size}`).toBeGreaterThan(35);
    }
  });

  test.each([
    ['3 megapixels', 1500, 2000, {}],
    ['progressive', 1100, 900, { progressive: true }],
    ['odd sides', 1333, 777, { chromaSubsampling: '4:4:4' }],
  ])('large originals are decoded at a fraction of their size: %s', async (_name, width, height, options) => {
    const bytes = await drawPhoto(width, height).jpeg(options).toBuffer();
    const drawn = { ...WHOLE, cropLeft: 101, cropTop: 33, cropWidth: width - 205, cropHeight: height - 77 };
    const transform = { ...PLAIN, size: 100 };
    const made = await renderPixels(bytes, transform, drawn);
    const bySharp = await applyTransform(bytes, transform, drawn);
    expect(psnr(made.bytes, bySharp.bytes)).toBeGreaterThan(35);
  });

  test('gives a model its size of the same pixels', async () => {
    const input = modelInput(32, 48);
    await renderImage(photo, PLAIN, WHOLE, input);
    const whole = await renderPixels(photo, PLAIN, WHOLE);
    const expected = await sharp(whole.bytes, { raw: { width: 64, height: 64, channels: 3 } })
      .resize(32, 48, { fit: 'fill', kernel: 'cubic' })
      .raw()
      .toBuffer();
    expect(psnr(pixelsOf(input), expected)).toBeGreaterThan(35);
  });

  test('copies of one image do not depend on each other', async () => {
    const changes = [
      { brightness: 1.4 },
      {},
      { isFlipped: true },
      { cropWidth: 20, cropHeight: 20 },
      { brightness: 0.6 },
    ];
    const inTurn: RenderedImage[] = [];
    for (const change of changes) inTurn.push(await renderImage(photo, PLAIN, { ...WHOLE, ...change }));
    for (const [index, change] of changes.entries()) {
      const alone = await renderImage(Buffer.from(photo), PLAIN, { ...WHOLE, ...change });
      expect(Buffer.from(alone.encoded).equals(Buffer.from(inTurn[index]?.encoded ?? []))).toBe(true);
    }
  });

  test('thousands of different boxes do not disturb each other', async () => {
    // A square one has one set of weights instead of two, so that the others come at odd places too.
    const boxes = Array.from({ length: 2500 }, (_, index) => ({
      ...WHOLE,
      cropWidth: index % 97 === 0 ? 10 : 1 + ((index * 7) % 60),
      cropHeight: index % 97 === 0 ? 10 : 1 + ((index * 11) % 80),
    }));
    const render = async (index: number): Promise<Buffer> => {
      const transform = { ...PLAIN, size: 5 + (index % 37), fit: 'fill' as const };
      return Buffer.from((await renderImage(photo, transform, boxes[index] ?? WHOLE)).encoded);
    };
    expect(boxes).toHaveLength(2500);
    const forwards: Buffer[] = [];
    for (const index of boxes.keys()) forwards.push(await render(index));
    for (let index = boxes.length - 1; index >= 0; index--)
      expect((await render(index)).equals(forwards[index] ?? Buffer.alloc(0)), `box ${index}`).toBe(true);
  });

  test('what is not plain is left to sharp', async () => {
    const profile = await sharp(photo).withIccProfile('p3').toBuffer();
    const cmyk = await sharp(photo).toColourspace('cmyk').jpeg().toBuffer();
    for (const bytes of [
      profile,
      cmyk,
      await sharp(photo).png().toBuffer(),
      await sharp(photo).webp().toBuffer(),
    ]) {
      const made = await renderPixels(bytes, PLAIN, WHOLE);
      const bySharp = await applyTransform(bytes, PLAIN, WHOLE);
      expect(Buffer.from(made.bytes).equals(Buffer.from(bySharp.bytes))).toBe(true);
    }
    for (const change of [{ rotation: 7 }, { blur: 1.5 }]) {
      const drawn = { ...WHOLE, ...change };
      const bySharp = await applyTransform(photo, PLAIN, drawn);
      expect(
        Buffer.from((await renderPixels(photo, PLAIN, drawn)).bytes).equals(Buffer.from(bySharp.bytes)),
      ).toBe(true);
    }
  });
});

describe('hostile JPEGs', () => {
  test('are refused as sharp refuses them, or more strictly, and the next image is none the worse', async () => {
    const before = await renderImage(photo, PLAIN, WHOLE);
    const random = fc.sample(fc.tuple(fc.nat(), fc.nat(255), fc.nat(), fc.nat(3)), { seed: 7, numRuns: 200 });
    const verdicts: string[] = [];
    for (const [at, value, other, kind] of random) {
      const damaged = Buffer.from(photo);
      if (kind === 3) damaged[at % damaged.length] = value;
      for (let flip = 0; flip <= kind; flip++) {
        const place = (at + flip * other) % damaged.length;
        damaged[place] = (damaged[place] ?? 0) ^ (1 << (value % 8));
      }
      const bytes = kind === 0 ? damaged.subarray(0, at % damaged.length) : damaged;
      const bySharp = await verdict(() => applyTransform(bytes, PLAIN, WHOLE), bytes);
      const ours = await verdict(() => renderImage(bytes, PLAIN, WHOLE), bytes);
      verdicts.push(`${ours} where sharp says ${bySharp}`);
    }
    const accepted = verdicts.filter((both) => both.startsWith('ok '));
    expect(new Set(accepted)).toEqual(new Set(['ok where sharp says ok']));
    // Both kinds are met.
    expect(accepted.length).toBeGreaterThan(10);
    expect(verdicts.length - accepted.length).toBeGreaterThan(10);
    const after = await renderImage(photo, PLAIN, WHOLE);
    expect(Buffer.from(after.encoded).equals(Buffer.from(before.encoded))).toBe(true);
  });

  test('that claim to be huge take no memory', async () => {
    const claim = Buffer.from(photo);
    const frame = claim.indexOf(Buffer.from([0xff, 0xc0]));
    claim.writeUInt16BE(65_500, frame + 5);
    claim.writeUInt16BE(65_500, frame + 7);
    const { rss } = process.memoryUsage();
    await expect(renderImage(claim, PLAIN, WHOLE)).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
    expect(process.memoryUsage().rss - rss).toBeLessThan(200 * 1024 ** 2);
  });
});

async function verdict(work: () => Promise<unknown>, bytes: Uint8Array): Promise<string> {
  try {
    await work();
    return 'ok';
  } catch (error) {
    return toImageError(error, bytes).code;
  }
}
