import * as fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { modelInput, pixelsOf } from './model-input.ts';
import { applyTransform, encodePixels } from '../../src/image/apply-transform.ts';
import { fitInto } from '../../src/image/fit-into.ts';
import { parseJpegHeader } from '../../src/image/jpeg-header.ts';
import { withKernel } from '../../src/image/pixel-kernel.ts';
import { renderImage } from '../../src/image/render-image.ts';
import { type DrawnTransform, undrawn } from '../../src/image/transform.ts';
import { FITS } from '../../src/image/transforms/resize.ts';
import { insertBytes, jpegSegment } from '../support/draw-images.ts';
import { drawPhoto, PLAIN, psnr, resamplePlaneExactly } from './pixel-reference.ts';

/** A segment that tells nothing but the orientation, as cameras write it: TIFF in big-endian order with one entry. */
function exifOrientation(orientation: number): Buffer {
  const tiff = Buffer.from(
    'MM\0*\0\0\0\u0008\0\u0001\u0001\u0012\0\u0003\0\0\0\u0001\0\0\0\0\0\0\0\0',
    'latin1',
  );
  tiff.writeUInt16BE(orientation, 18);
  return jpegSegment(0xe1, `Exif\0\0${tiff.toString('latin1')}`);
}

const [WIDTH, HEIGHT] = [61, 83];

const UNCHANGED = undrawn({ width: WIDTH, height: HEIGHT });

const KINDS = ['4:2:0', '4:4:4', 'gray', 'progressive'] as const;

async function makeJpeg(kind: (typeof KINDS)[number], width = WIDTH, height = HEIGHT): Promise<Buffer> {
  const photo = drawPhoto(width, height);
  if (kind === 'gray') return photo.toColourspace('b-w').jpeg({ quality: 92 }).toBuffer();
  if (kind === 'progressive') return photo.jpeg({ progressive: true }).toBuffer();
  return photo.jpeg({ quality: 92, chromaSubsampling: kind }).toBuffer();
}

async function rgbOf(bytes: Uint8Array): Promise<Buffer> {
  return sharp(bytes).toColourspace('srgb').removeAlpha().raw().toBuffer();
}

function inKernel<Result>(work: Parameters<typeof withKernel<Result>>[0]): Result {
  const result = withKernel(work);
  if (result === undefined) throw new Error('the kernel refused');
  return result;
}

function decodePlanes(kernel: Parameters<Parameters<typeof withKernel>[0]>[0], bytes: Uint8Array) {
  const header = parseJpegHeader(bytes);
  const image = header && kernel.decodePlanes(bytes, 8, header);
  if (image === undefined) throw new Error('not decoded to planes');
  return image;
}

describe('decoding to planes', () => {
  test('gives what libjpeg gives in sharp: gray ones as they are, 4:4:4 after conversion', async () => {
    const gray = await makeJpeg('gray');
    const [luma, ...none] = inKernel((kernel) => kernel.toPlanes(decodePlanes(kernel, gray)));
    expect(none).toEqual([]);
    expect(Buffer.from(luma?.samples ?? [])).toEqual(await sharp(gray).toColourspace('b-w').raw().toBuffer());

    const fine = await makeJpeg('4:4:4');
    const merged = inKernel((kernel) => {
      const canvas = kernel.canvas('model', 'rgb', WIDTH, HEIGHT);
      kernel.merge(decodePlanes(kernel, fine), canvas);
      return kernel.toPixels(canvas).bytes;
    });
    expect(Buffer.from(merged)).toEqual(await rgbOf(fine));
  });

  test('4:2:0 has chroma at half the size, rounded up', async () => {
    const bytes = await makeJpeg('4:2:0');
    const planes = inKernel((kernel) => kernel.toPlanes(decodePlanes(kernel, bytes)));
    expect(planes.map(({ width, height, scaleX, scaleY }) => [width, height, scaleX, scaleY])).toEqual([
      [61, 83, 1, 1],
      [31, 42, 0.5, 0.5],
      [31, 42, 0.5, 0.5],
    ]);
  });
});

/** Takes out the header's segments of one marker. */
function withoutSegments(bytes: Buffer, marker: number): Buffer {
  const kept = [bytes.subarray(0, 2)];
  let at = 2;
  for (; bytes[at + 1] !== 0xda; at += 2 + bytes.readUInt16BE(at + 2))
    if (bytes[at + 1] !== marker) kept.push(bytes.subarray(at, at + 2 + bytes.readUInt16BE(at + 2)));
  return Buffer.concat([...kept, bytes.subarray(at)]);
}

/** The same bytes, told to be RGB instead of YCbCr: Adobe's marker in place of JFIF's. */
function tellRgb(bytes: Buffer): Buffer {
  const marker = Buffer.from('ffee000e41646f626500640000000000', 'hex');
  return Buffer.concat([bytes.subarray(0, 2), marker, withoutSegments(bytes, 0xe0).subarray(2)]);
}

test('what is stored as RGB is decoded as such, without leaving the kernel', async () => {
  const bytes = tellRgb(await makeJpeg('4:4:4'));
  const header = parseJpegHeader(bytes);
  if (header === undefined) throw new Error('not a plain JPEG');
  const decoded = inKernel((kernel) => {
    expect(kernel.decodePlanes(bytes, 8, header)).toBeUndefined();
    return kernel.toPixels(kernel.decode(bytes, 8, header)).bytes;
  });
  expect(Buffer.from(decoded)).toEqual(await rgbOf(bytes));
});

test('an image that lacks its tables is not decoded by those of the one before', async () => {
  const whole = await makeJpeg('4:2:0');
  const lacking = withoutSegments(whole, 0xdb);
  const drawn = { ...UNCHANGED, cropLeft: 0, cropTop: 0, cropWidth: WIDTH, cropHeight: HEIGHT };
  await renderImage(whole, PLAIN, drawn);
  await expect(renderImage(lacking, PLAIN, drawn)).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
});

const drawnBox = fc
  .tuple(fc.integer({ min: 1, max: WIDTH }), fc.integer({ min: 1, max: HEIGHT }))
  .chain(([width, height]) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      left: fc.integer({ min: 0, max: WIDTH - width }),
      top: fc.integer({ min: 0, max: HEIGHT - height }),
    }),
  );

describe('transforming in planes', () => {
  test('property: each sample differs by at most 1 from the same in 64-bit numbers', async () => {
    const files = new Map(
      await Promise.all(KINDS.map(async (kind) => [kind, await makeJpeg(kind)] as const)),
    );
    const values = [0x12 * 0.299 + 0xab * 0.587 + 0x34 * 0.114, 0, 0];
    values[1] = 128 + (0x34 - (values[0] ?? 0)) * 0.564334;
    values[2] = 128 + (0x12 - (values[0] ?? 0)) * 0.713267;
    fc.assert(
      fc.property(
        fc.constantFrom(...KINDS),
        drawnBox,
        fc.constantFrom(...FITS),
        fc.integer({ min: 1, max: 90 }),
        fc.boolean(),
        (kind, crop, fit, size, isFlipped) => {
          const { canvas, box, place } = fitInto(crop, { width: size, height: size }, fit);
          const seen = { ...box, left: crop.left + box.left, top: crop.top + box.top };
          const [source, made] = inKernel((kernel) => {
            const image = decodePlanes(kernel, files.get(kind) ?? Buffer.alloc(0));
            const planes = kernel.toPlanes(image);
            const output = kernel.canvas('written', 'subsampled', canvas.width, canvas.height);
            kernel.resample(image, output, { box: seen, bounds: crop, place, isFlipped });
            kernel.pad(output, place, [0x12, 0xab, 0x34]);
            return [planes, kernel.toPlanes(output)] as const;
          });
          expect(made).toHaveLength(3);
          for (const [index, { samples }] of made.entries()) {
            const gray = {
              samples: Uint8Array.of(128),
              width: 1,
              height: 1,
              scaleX: 1 / WIDTH,
              scaleY: 1 / HEIGHT,
            };
            const exact = resamplePlaneExactly(source[index] ?? gray, seen, crop, place, canvas, {
              step: index === 0 ? 1 : 2,
              isFlipped,
              background: values[index] ?? 0,
            });
            let worst = 0;
            for (const [at, value] of exact.entries())
              worst = Math.max(worst, Math.abs(value - (samples[at] ?? 0)));
            expect(exact.length).toBe(samples.length);
            expect(worst, `plane ${index}`).toBeLessThanOrEqual(1);
          }
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });

  test.each(
    KINDS.flatMap((kind) => [1, 2, 3, 4, 5, 6, 7, 8].map((orientation) => [kind, orientation] as const)),
  )('%s with the EXIF orientation %i is turned upright, as sharp does it', async (kind, orientation) => {
    const plain = await makeJpeg(kind);
    const turned = orientation > 4;
    const size = turned ? { width: HEIGHT, height: WIDTH } : { width: WIDTH, height: HEIGHT };
    const bytes = insertBytes(plain, 2, exifOrientation(orientation));
    expect(parseJpegHeader(bytes)?.orientation).toBe(orientation);
    const whole = undrawn(size);
    const boxes = [
      whole,
      { ...whole, cropLeft: 3, cropTop: 7, cropWidth: 40, cropHeight: 30, isFlipped: true },
    ];
    for (const drawn of boxes) {
      const transform = { ...PLAIN, size: '40x56' };
      const made = await renderImage(bytes, transform, drawn);
      const bySharp = await encodePixels(await applyTransform(bytes, transform, drawn), transform);
      expect(made).toMatchObject({ width: 40, height: 56 });
      expect(psnr(await rgbOf(made.encoded), await rgbOf(bySharp))).toBeGreaterThan(35);
    }
    // As a third way: what sharp turns before anything else.
    const upright = await sharp(bytes).autoOrient().png().toBuffer();
    const expected = await applyTransform(upright, PLAIN, whole);
    const { encoded } = await renderImage(bytes, { ...PLAIN, format: 'png' }, whole);
    expect(psnr(await rgbOf(encoded), expected.bytes)).toBeGreaterThan(35);
  });

  test.each(KINDS)('%s: the JPEG is what sharp would make, but for rounding', async (kind) => {
    const bytes = await makeJpeg(kind);
    expect(FITS.length).toBeGreaterThan(2);
    for (const fit of FITS)
      for (const size of [20, 49, 200]) {
        const transform = { ...PLAIN, fit, size };
        const drawn: DrawnTransform = {
          ...UNCHANGED,
          cropLeft: 3,
          cropTop: 5,
          cropWidth: 51,
          cropHeight: 70,
          isFlipped: true,
        };
        const { encoded } = await renderImage(bytes, transform, drawn);
        const bySharp = await encodePixels(await applyTransform(bytes, transform, drawn), transform);
        expect(psnr(await rgbOf(encoded), await rgbOf(bySharp)), `${fit} ${size}`).toBeGreaterThan(35);
      }
  });

  test.each([
    ['4:2:0', 1500, 2000],
    ['4:4:4', 1333, 777],
    ['progressive', 1101, 899],
    ['gray', 1001, 1003],
  ] as const)('large originals are decoded at a fraction of their size: %s', async (kind, width, height) => {
    const bytes = await makeJpeg(kind, width, height);
    const drawn = {
      ...UNCHANGED,
      cropLeft: 101,
      cropTop: 33,
      cropWidth: width - 205,
      cropHeight: height - 77,
    };
    const transform = { ...PLAIN, size: 100 };
    const { encoded } = await renderImage(bytes, transform, drawn);
    const bySharp = await encodePixels(await applyTransform(bytes, transform, drawn), transform);
    expect(psnr(await rgbOf(encoded), await rgbOf(bySharp))).toBeGreaterThan(35);
  });

  test('a model sees what is written, in its own size or the same', async () => {
    const bytes = await makeJpeg('4:2:0');
    const drawn = { ...UNCHANGED, cropLeft: 1, cropTop: 2, cropWidth: 57, cropHeight: 79 };
    const transform = { ...PLAIN, quality: 100 };
    for (const side of [64, 50]) {
      const input = modelInput(side, side);
      const { encoded } = await renderImage(bytes, transform, drawn, input);
      const seen = await sharp(encoded).resize(side, side, { fit: 'fill', kernel: 'cubic' }).raw().toBuffer();
      expect(psnr(pixelsOf(input), seen), `${side}`).toBeGreaterThan(35);
    }
  });
});
