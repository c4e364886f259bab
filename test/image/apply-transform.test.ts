import * as fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { applyTransform, encodePixels, resizePixels } from '../../src/image/apply-transform.ts';
import { readHeader } from '../../src/image/read-header.ts';
import type { Pixels } from '../../src/image/configured-sharp.ts';
import { drawTransform } from '../../src/image/draw-transform.ts';
import {
  DEFAULT_TRANSFORM,
  type DrawnTransform,
  type Transform,
  undrawn,
} from '../../src/image/transform.ts';
import { FORMATS } from '../../src/image/transforms/encoding.ts';
import { FITS } from '../../src/image/transforms/resize.ts';

const PLAIN: Transform = { ...DEFAULT_TRANSFORM, crop: 0, size: 32, background: '#12ab34', format: 'png' };
const BACKGROUND = [0x12, 0xab, 0x34];

function wholeOf(width: number, height: number, changes: Partial<DrawnTransform> = {}): DrawnTransform {
  return { ...undrawn({ width, height }), ...changes };
}

/** Transforms all of an image. */
async function transformWhole(
  bytes: Uint8Array,
  transform: Partial<Transform> = {},
  drawn: Partial<DrawnTransform> = {},
): Promise<Pixels> {
  const { width, height } = await readHeader(bytes);
  return applyTransform(bytes, { ...PLAIN, ...transform }, wholeOf(width, height, drawn));
}

/** An image whose red rises to the right and whose green rises downwards. */
function drawGradient(width = 60, height = 80): Sharp {
  const pixels = Buffer.alloc(width * height * 3, 90);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      pixels[(y * width + x) * 3] = Math.round((255 * x) / Math.max(1, width - 1));
      pixels[(y * width + x) * 3 + 1] = Math.round((255 * y) / Math.max(1, height - 1));
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

function drawFlat(colour: string, width = 40, height = 40): Sharp {
  return sharp({ create: { width, height, channels: 3, background: colour } });
}

function pixelAt({ bytes, width }: Pixels, x: number, y: number): number[] {
  const start = (y * width + x) * 3;
  return [...bytes.subarray(start, start + 3)];
}

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  for (const [index, value] of expected.entries()) {
    const difference = Math.abs((actual[index] ?? Number.NaN) - value);
    expect(difference, `${actual.join()} is not near ${expected.join()}`).toBeLessThanOrEqual(tolerance);
  }
}

/** The largest difference of any channel of any pixel. */
function distance(a: Pixels, b: Pixels): number {
  expect([a.width, a.height]).toEqual([b.width, b.height]);
  let largest = 0;
  for (const [index, value] of a.bytes.entries()) {
    largest = Math.max(largest, Math.abs(value - (b.bytes[index] ?? 0)));
  }
  return largest;
}

describe('the size of the result', () => {
  let images: Uint8Array[];
  beforeAll(async () => {
    images = await Promise.all([
      drawGradient(60, 80).jpeg().toBuffer(),
      drawGradient(1, 1).png().toBuffer(),
      drawGradient(300, 2).png().toBuffer(),
      drawGradient(3, 200).toColourspace('b-w').png().toBuffer(),
      drawGradient(50, 40).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    ]);
  });

  it('is exactly the target for contain, cover and fill, and within it for inside, whatever is drawn', async () => {
    const transforms = fc.record({
      size: fc.integer({ min: 1, max: 70 }),
      fit: fc.constantFrom(...FITS),
      crop: fc.constantFrom(0, 0.2, 0.9),
      rotate: fc.constantFrom(0, 0, 10, 180),
      brightness: fc.constantFrom(0, 0.5),
      blur: fc.constantFrom(0, 2),
      flip: fc.constant(0.5),
    });
    await fc.assert(
      fc.asyncProperty(fc.nat(4), transforms, fc.nat(1000), async (index, changes, seed) => {
        const bytes = images[index] ?? new Uint8Array();
        const transform = { ...PLAIN, ...changes };
        const drawn = drawTransform(transform, await readHeader(bytes), { seed, id: 'x', copy: 0 });
        const pixels = await applyTransform(bytes, transform, drawn);
        expect(pixels.bytes).toHaveLength(pixels.width * pixels.height * 3);
        if (transform.fit === 'inside') {
          expect(Math.max(pixels.width, pixels.height)).toBe(transform.size);
          expect(Math.min(pixels.width, pixels.height)).toBeGreaterThanOrEqual(1);
        } else {
          expect([pixels.width, pixels.height]).toEqual([transform.size, transform.size]);
        }
      }),
      { seed: 21, numRuns: 150 },
    );
  });

  it('keeps the aspect ratio where it is inside', async () => {
    const bytes = await drawGradient(60, 80).png().toBuffer();
    expect(await transformWhole(bytes, { fit: 'inside', size: 40 })).toMatchObject({ width: 30, height: 40 });
  });
});

describe('any kind of original', () => {
  const orange = drawFlat('#c86432');
  it.each<[string, () => Promise<Buffer>, number[], number]>([
    ['JPEG', () => orange.clone().jpeg().toBuffer(), [200, 100, 50], 3],
    ['PNG', () => orange.clone().png().toBuffer(), [200, 100, 50], 0],
    ['palette PNG', () => orange.clone().png({ palette: true }).toBuffer(), [200, 100, 50], 2],
    ['WebP', () => orange.clone().webp().toBuffer(), [200, 100, 50], 4],
    ['16-bit PNG', () => orange.clone().toColourspace('rgb16').png().toBuffer(), [200, 100, 50], 1],
    // Inks do not reach every colour of a screen.
    ['CMYK JPEG', () => orange.clone().toColourspace('cmyk').jpeg().toBuffer(), [200, 100, 50], 30],
    ['gray JPEG', () => drawFlat('#646464').toColourspace('b-w').jpeg().toBuffer(), [100, 100, 100], 2],
    [
      '16-bit gray PNG',
      () => drawFlat('#646464').toColourspace('grey16').png().toBuffer(),
      [100, 100, 100],
      1,
    ],
    // Taken as sRGB, its bytes would read about (186, 105, 62).
    [
      'JPEG in P3',
      () => orange.clone().withIccProfile('p3').jpeg({ quality: 100 }).toBuffer(),
      [200, 100, 50],
      4,
    ],
  ])('becomes sRGB of three channels: %s', async (_, encode, colour, tolerance) => {
    const pixels = await transformWhole(await encode());
    expect(pixels).toMatchObject({ width: 32, height: 32 });
    for (const [x, y] of [
      [0, 0],
      [16, 16],
      [31, 31],
    ] as const) {
      expectClose(pixelAt(pixels, x, y), colour, tolerance);
    }
  });

  it('shows the background through transparency', async () => {
    const clear = { create: { width: 8, height: 8, channels: 4, background: '#ff000000' } } as const;
    const half = { create: { width: 8, height: 8, channels: 4, background: '#ff000080' } } as const;
    const bytes = await sharp(clear).png().toBuffer();
    expect(pixelAt(await transformWhole(bytes), 4, 4)).toEqual(BACKGROUND);
    const mixed = await transformWhole(await sharp(half).png().toBuffer(), { background: '#0000ff' });
    expectClose(pixelAt(mixed, 4, 4), [128, 0, 127], 1);
  });

  it('shows a coloured background through a gray image too', async () => {
    const raw = { width: 8, height: 8, channels: 2 } as const;
    const bytes = await sharp(Buffer.alloc(128), { raw }).toColourspace('b-w').png().toBuffer();
    expect(await sharp(bytes).metadata()).toMatchObject({ channels: 2 });
    expect(pixelAt(await transformWhole(bytes), 4, 4)).toEqual(BACKGROUND);
  });

  it('is the first frame of an animation', async () => {
    const frames = Buffer.concat([Buffer.alloc(300, 200), Buffer.alloc(600, 10)]);
    const raw = { width: 10, height: 30, channels: 3, pageHeight: 10 } as const;
    const bytes = await sharp(frames, { raw }).gif().toBuffer();
    expect(await readHeader(bytes)).toMatchObject({ width: 10, height: 10 });
    expect(pixelAt(await transformWhole(bytes), 16, 16)).toEqual([200, 200, 200]);
  });

  it('stands upright, and crop boxes are of the upright image', async () => {
    const lying = await drawGradient(60, 40).rotate(-90).withMetadata({ orientation: 6 }).png().toBuffer();
    expect(await readHeader(lying)).toMatchObject({ width: 60, height: 40 });
    const upright = await drawGradient(60, 40).png().toBuffer();
    const box = { cropLeft: 30, cropTop: 4, cropWidth: 30, cropHeight: 20 };
    const transform = { fit: 'fill', size: 20 } as const;
    expect(await transformWhole(lying, transform)).toEqual(await transformWhole(upright, transform));
    expect(await transformWhole(lying, transform, box)).toEqual(
      await transformWhole(upright, transform, box),
    );
  });
});

describe('cropping and resizing', () => {
  const box = { cropLeft: 12, cropTop: 20, cropWidth: 32, cropHeight: 32 };

  it('take exactly the pixels of the box where nothing is resized', async () => {
    const bytes = await drawGradient().png().toBuffer();
    const pixels = await transformWhole(bytes, { fit: 'fill' }, box);
    const { data: all, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 32; x++) {
        const start = ((y + 20) * info.width + x + 12) * 3;
        expect(pixelAt(pixels, x, y)).toEqual([...all.subarray(start, start + 3)]);
      }
    }
  });

  it('enlarge a gradient as its formula says, to within 3 of 255 away from the edges', async () => {
    const bytes = await drawGradient().png().toBuffer();
    const pixels = await transformWhole(bytes, { fit: 'fill', size: 128 }, box);
    for (let y = 8; y < 120; y += 7) {
      for (let x = 8; x < 120; x += 7) {
        // The middle of pixel x of 128 lies at (x + 0.5) / 4 of the box's 32 pixels.
        const sourceX = 12 + (x + 0.5) / 4 - 0.5;
        const sourceY = 20 + (y + 0.5) / 4 - 0.5;
        expectClose(pixelAt(pixels, x, y), [(255 * sourceX) / 59, (255 * sourceY) / 79, 90], 3);
      }
    }
  });

  it('shrink a gradient as its formula says, to within 3 of 255 away from the edges', async () => {
    const bytes = await drawGradient(240, 320).png().toBuffer();
    const pixels = await transformWhole(bytes, { fit: 'fill', size: 40 });
    for (let y = 3; y < 37; y++) {
      for (let x = 3; x < 37; x++) {
        const [sourceX, sourceY] = [(x + 0.5) * 6 - 0.5, (y + 0.5) * 8 - 0.5];
        expectClose(pixelAt(pixels, x, y), [(255 * sourceX) / 239, (255 * sourceY) / 319, 90], 3);
      }
    }
  });

  it('give what the same steps of sharp give one by one', async () => {
    const bytes = await drawGradient().jpeg().toBuffer();
    const pixels = await transformWhole(bytes, { fit: 'cover', size: 100 }, { ...box, cropHeight: 16 });
    const cropped = await sharp(bytes).extract({ left: 12, top: 20, width: 32, height: 16 }).png().toBuffer();
    const reference = await sharp(cropped)
      .resize(100, 100, { fit: 'cover', kernel: 'cubic' })
      .raw()
      .toBuffer();
    expect(distance(pixels, { bytes: reference, width: 100, height: 100 })).toBeLessThanOrEqual(1);
  });

  it('pad a narrow image left and right by half each', async () => {
    const pixels = await transformWhole(await drawFlat('#c86432', 20, 40).png().toBuffer());
    for (let y = 0; y < 32; y++) {
      const row = Array.from({ length: 32 }, (_, x) => pixelAt(pixels, x, y));
      expect(row.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => BACKGROUND));
      expect(row.slice(8, 24)).toEqual(Array.from({ length: 16 }, () => [200, 100, 50]));
      expect(row.slice(24)).toEqual(Array.from({ length: 8 }, () => BACKGROUND));
    }
  });

  it.each([
    ['brightness', { brightness: 0.5 }],
    ['blur', { blur: 5 }],
    ['both and a flip', { brightness: 1.7, blur: 3, isFlipped: true }],
  ])('pad with exactly the background colour in spite of %s', async (_, drawn) => {
    const wide = await transformWhole(await drawGradient(80, 20).jpeg().toBuffer(), {}, drawn);
    for (let x = 0; x < 32; x++) {
      for (const y of [0, 1, 10, 11, 20, 21, 30, 31]) expect(pixelAt(wide, x, y)).toEqual(BACKGROUND);
      expect(pixelAt(wide, x, 15)).not.toEqual(BACKGROUND);
    }
  });

  it('let a crop of a wide image fill the square only where it is to cover', async () => {
    const bytes = await drawFlat('#c86432', 80, 20).png().toBuffer();
    const covered = await transformWhole(bytes, { fit: 'cover' });
    expect(pixelAt(covered, 0, 0)).toEqual([200, 100, 50]);
    expect(pixelAt(covered, 31, 31)).toEqual([200, 100, 50]);
  });
});

describe('what is done to the pixels', () => {
  let gradient: Buffer;
  beforeAll(async () => {
    gradient = await drawGradient(64, 64).png().toBuffer();
  });

  it('mirrors left and right', async () => {
    const plain = await transformWhole(gradient);
    const mirrored = await transformWhole(gradient, {}, { isFlipped: true });
    for (let y = 0; y < 32; y += 3) {
      for (let x = 0; x < 32; x += 3) {
        expectClose(pixelAt(mirrored, x, y), pixelAt(plain, 31 - x, y), 1);
      }
    }
    expect(distance(plain, mirrored)).toBeGreaterThan(200);
  });

  it('multiplies every channel by the brightness and stops at white', async () => {
    const bytes = await drawFlat('#c86432').png().toBuffer();
    const darker = await transformWhole(bytes, {}, { brightness: 0.5 });
    expectClose(pixelAt(darker, 5, 5), [100, 50, 25], 1);
    const lighter = await transformWhole(bytes, {}, { brightness: 1.5 });
    expectClose(pixelAt(lighter, 5, 5), [255, 150, 75], 1);
    expect(pixelAt(await transformWhole(bytes, {}, { brightness: 0 }), 5, 5)).toEqual([0, 0, 0]);
  });

  it('brightens gray images in all channels alike', async () => {
    const bytes = await drawFlat('#646464').toColourspace('b-w').png().toBuffer();
    expectClose(
      pixelAt(await transformWhole(bytes, {}, { brightness: 1.2, blur: 1 }), 5, 5),
      [120, 120, 120],
      1,
    );
  });

  it('leaves the image as it is with a rotation of zero', async () => {
    const plain = await transformWhole(gradient);
    expect(await transformWhole(gradient, {}, { rotation: 0 })).toEqual(plain);
    expect(await transformWhole(gradient, {}, { rotation: -0 })).toEqual(plain);
  });

  it('turns clockwise, and fills the corners with the background', async () => {
    const turned = await transformWhole(gradient, {}, { rotation: 90 });
    // What was at the left, where red is 0, is on top now; what was on top, where green is 0, is at the right.
    expect(pixelAt(turned, 16, 0)[0]).toBeLessThan(10);
    expect(pixelAt(turned, 16, 31)[0]).toBeGreaterThan(245);
    expect(pixelAt(turned, 31, 16)[1]).toBeLessThan(10);
    const tilted = await transformWhole(gradient, {}, { rotation: 45 });
    for (const [x, y] of [
      [0, 0],
      [31, 0],
      [0, 31],
      [31, 31],
    ] as const) {
      expectClose(pixelAt(tilted, x, y), BACKGROUND, 1);
    }
    expectClose(pixelAt(tilted, 16, 16), [130, 130, 90], 12);
  });

  it('turns transparent and gray images too', async () => {
    const clear = { create: { width: 8, height: 8, channels: 4, background: '#ff000000' } } as const;
    const turned = await transformWhole(await sharp(clear).png().toBuffer(), {}, { rotation: 30 });
    expectClose(pixelAt(turned, 16, 16), BACKGROUND, 0);
    const gray = await drawFlat('#646464').toColourspace('b-w').png().toBuffer();
    const tilted = await transformWhole(gray, { background: '#ff0000' }, { rotation: 45 });
    expectClose(pixelAt(tilted, 16, 16), [100, 100, 100], 1);
    expectClose(pixelAt(tilted, 0, 0), [255, 0, 0], 1);
  });

  it('blurs more the larger the deviation, and leaves what is flat', async () => {
    const halves = Buffer.alloc(32 * 32 * 3);
    for (let pixel = 0; pixel < 32 * 32; pixel++) {
      halves.fill(pixel % 32 < 16 ? 0 : 200, pixel * 3, pixel * 3 + 3);
    }
    const raw = { width: 32, height: 32, channels: 3 } as const;
    const edge = await sharp(halves, { raw }).png().toBuffer();
    const besideEdge = async (blur: number): Promise<number> => {
      const blurred = await transformWhole(edge, {}, { blur });
      expect(pixelAt(blurred, 1, 16)).toEqual([0, 0, 0]);
      return pixelAt(blurred, 15, 16)[0] ?? Number.NaN;
    };
    expect(await besideEdge(0)).toBe(0);
    // A Gaussian's share beyond half a pixel is 31 % of one with deviation 1 and 45 % of one with 4; libvips cuts its tails.
    expectClose([await besideEdge(1), await besideEdge(4)], [200 * 0.31, 200 * 0.45], 10);
  });
});

describe('an original that cannot be read', () => {
  it.each<[string, () => Promise<Uint8Array> | Uint8Array, string]>([
    ['text', () => Buffer.from('Not found'), 'IMAGE_UNSUPPORTED'],
    ['no bytes', () => new Uint8Array(), 'IMAGE_EMPTY'],
    [
      'a PNG cut in its header',
      async () => (await drawGradient().png().toBuffer()).subarray(0, 20),
      'IMAGE_CORRUPT',
    ],
    [
      'an SVG of a billion pixels',
      () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="40000" height="30000"/>'),
      'IMAGE_UNSUPPORTED',
    ],
  ])('fails with its reason: %s', async (_, make, code) => {
    const bytes = await make();
    await expect(applyTransform(bytes, PLAIN, wholeOf(1, 1))).rejects.toMatchObject({
      name: 'PixlakeError',
      code,
    });
  });

  it('fails where the pixels of the crop are missing', async () => {
    const bytes = await drawGradient(200, 200).jpeg().toBuffer();
    const cut = bytes.subarray(0, Math.floor(bytes.length * 0.8));
    await expect(applyTransform(cut, PLAIN, wholeOf(200, 200))).rejects.toMatchObject({
      code: 'IMAGE_CORRUPT',
    });
  });

  it('fails when its size is asked for too', async () => {
    await expect(readHeader(Buffer.from('Not found'))).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
    });
  });
});

describe('a model input', () => {
  it('is the pixels themselves where they fit, and else has exactly its size', async () => {
    const pixels = await transformWhole(await drawGradient().png().toBuffer(), { fit: 'inside', size: 40 });
    const same = { width: pixels.width, height: pixels.height, fit: 'fill' } as const;
    expect(await resizePixels(pixels, same)).toBe(pixels);
    for (const fit of ['contain', 'cover', 'fill'] as const) {
      const resized = await resizePixels(pixels, { width: 50, height: 20, fit });
      expect(resized).toMatchObject({ width: 50, height: 20 });
      expect(resized.bytes).toHaveLength(50 * 20 * 3);
    }
  });
});

describe('encoding', () => {
  let pixels: Pixels;
  beforeAll(async () => {
    pixels = await transformWhole(await drawGradient().jpeg().toBuffer());
  });

  it.each(FORMATS)('writes %s that decodes to nearly the same pixels', async (format) => {
    const bytes = await encodePixels(pixels, { format, quality: 95 });
    const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const metadata = await sharp(bytes).metadata();
    expect(metadata.compression === 'av1' ? 'avif' : metadata.format).toBe(format);
    expect(metadata).toMatchObject({ width: 32, height: 32 });
    const differences = Array.from(data, (value, index) => Math.abs(value - (pixels.bytes[index] ?? 0)));
    const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
    expect(mean).toBeLessThan(format === 'png' ? 1e-9 : 6);
    expect(info.channels).toBe(3);
  });

  it.each(FORMATS)('gives equal bytes for equal pixels as %s, without metadata', async (format) => {
    const copy = { ...pixels, bytes: Uint8Array.from(pixels.bytes) };
    const [a, b] = await Promise.all([
      encodePixels(pixels, { format, quality: 80 }),
      encodePixels(copy, { format, quality: 80 }),
    ]);
    expect(a.equals(b)).toBe(true);
    expect(await sharp(a).metadata()).not.toHaveProperty('exif');
  });

  it.each(['jpeg', 'webp', 'avif'] as const)(
    'writes fewer bytes of %s at a lower quality',
    async (format) => {
      const [low, high] = await Promise.all([
        encodePixels(pixels, { format, quality: 20 }),
        encodePixels(pixels, { format, quality: 95 }),
      ]);
      expect(low.length).toBeLessThan(high.length);
    },
  );

  it('drops the place and camera that the original names', async () => {
    const original = await drawGradient()
      .withExif({ IFD0: { Copyright: 'secret place' } })
      .jpeg()
      .toBuffer();
    expect(original.includes('secret place')).toBe(true);
    const written = await encodePixels(await transformWhole(original), { format: 'jpeg', quality: 90 });
    expect(written.includes('secret place')).toBe(false);
  });

  it('gives the same bytes each time for one original and one draw', async () => {
    const original = await drawGradient().jpeg().toBuffer();
    const transform = { ...PLAIN, crop: 0.3, flip: 0.5, rotate: 20, brightness: 0.2, blur: 1 };
    const run = async (): Promise<string> => {
      const drawn = drawTransform(transform, await readHeader(original), { seed: 1, id: 'a', copy: 3 });
      const written = await encodePixels(await applyTransform(original, transform, drawn), transform);
      return written.toString('base64');
    };
    expect(new Set(await Promise.all([run(), run(), run()])).size).toBe(1);
  });
});
