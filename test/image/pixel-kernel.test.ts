import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { isTrap } from '../../src/image/instantiate-kernel.ts';
import { type JpegHeader, parseJpegHeader } from '../../src/image/jpeg-header.ts';
import { type PixelKernel, withKernel } from '../../src/image/pixel-kernel.ts';
import { modelInput } from './model-input.ts';
import { drawPhoto } from './pixel-reference.ts';

const [WIDTH, HEIGHT] = [21, 13];
const WHOLE = { left: 0, top: 0, width: WIDTH, height: HEIGHT };

let jpeg: Buffer;
let header: JpegHeader;

beforeAll(async () => {
  jpeg = await drawPhoto(WIDTH, HEIGHT).jpeg({ chromaSubsampling: '4:2:0' }).toBuffer();
  const parsed = parseJpegHeader(jpeg);
  if (parsed === undefined) throw new Error('not a plain JPEG');
  header = parsed;
});

const load = (kernel: PixelKernel): number =>
  kernel.load({ bytes: Uint8Array.from({ length: 4 * 3 * 3 }, (_, index) => index), width: 4, height: 3 });

describe('an image in the kernel', () => {
  test('comes out as it was loaded, in a copy of its own', () => {
    const [pixels, size, again] =
      withKernel((kernel) => {
        const image = load(kernel);
        const first = kernel.toPixels(image);
        first.bytes.fill(9);
        return [first, kernel.sizeOf(image), kernel.toPixels(image)] as const;
      }) ?? [];
    expect(size).toEqual({ width: 4, height: 3 });
    expect(pixels).toMatchObject({ width: 4, height: 3 });
    expect([...(again?.bytes ?? [])]).toEqual(Array.from({ length: 36 }, (_, index) => index));
  });

  test('is changed row by row within a box', () => {
    const rows = withKernel((kernel) =>
      kernel.rowsOf(load(kernel), { left: 1, top: 1, width: 2, height: 2 }),
    );
    expect(rows?.map((row) => [...row])).toEqual([
      [15, 16, 17, 18, 19, 20],
      [27, 28, 29, 30, 31, 32],
    ]);
    const changed = withKernel((kernel) => {
      const image = load(kernel);
      kernel.rowsOf(image, { left: 0, top: 2, width: 1, height: 1 })[0]?.fill(200);
      return kernel.toPixels(image).bytes;
    });
    expect([...(changed ?? [])].slice(21, 29)).toEqual([21, 22, 23, 200, 200, 200, 27, 28]);
  });

  test('is resampled to a place, mirrored where that is asked for, and padded around it', () => {
    const resample = (isFlipped: boolean): number[] | undefined =>
      withKernel((kernel) => {
        const canvas = kernel.canvas('written', 'rgb', 4, 2);
        const box = { left: 1, top: 1, width: 2, height: 1 };
        const place = { left: 1, top: 1, width: 2, height: 1 };
        kernel.resample(load(kernel), canvas, { box, bounds: box, place, isFlipped });
        kernel.pad(canvas, place, [7, 8, 9]);
        return [...kernel.toPixels(canvas).bytes];
      });
    const padding = [7, 8, 9];
    const above = [...padding, ...padding, ...padding, ...padding];
    expect(resample(false)).toEqual([...above, ...padding, 15, 16, 17, 18, 19, 20, ...padding]);
    expect(resample(true)).toEqual([...above, ...padding, 18, 19, 20, 15, 16, 17, ...padding]);
  });

  test('has planes without what lies between their rows', () => {
    const planes = withKernel((kernel) => {
      const image = kernel.decodePlanes(jpeg, 8, header);
      return image === undefined ? [] : kernel.toPlanes(image);
    });
    expect(planes?.map(({ samples, ...plane }) => ({ ...plane, count: samples.length }))).toEqual([
      { width: 21, height: 13, scaleX: 1, scaleY: 1, count: 21 * 13 },
      { width: 11, height: 7, scaleX: 0.5, scaleY: 0.5, count: 77 },
      { width: 11, height: 7, scaleX: 0.5, scaleY: 0.5, count: 77 },
    ]);
  });

  test('is decoded at a fraction of its size', () => {
    const sizes = withKernel((kernel) =>
      [1, 2, 4, 8].map((eighths) => Object.values(kernel.sizeOf(kernel.decode(jpeg, eighths, header)))),
    );
    expect(sizes).toEqual([
      [3, 2],
      [6, 4],
      [11, 7],
      [21, 13],
    ]);
  });

  test('is encoded in a quality, as a copy that outlives the next one', async () => {
    const [first, second, third] =
      withKernel((kernel) => {
        const low = kernel.encode(load(kernel), 10);
        return [low, kernel.encode(load(kernel), 95), kernel.encode(load(kernel), 10)];
      }) ?? [];
    expect(first).toEqual(third);
    expect(first).not.toEqual(second);
    expect(await sharp(first).metadata()).toMatchObject({ format: 'jpeg', width: 4, height: 3 });
  });
});

describe('an image that is decoded twice', () => {
  test('is decoded once where it is the same, and again where anything of it differs', () => {
    const found = withKernel((kernel) => {
      const pixelsOf = (bytes: Uint8Array, eighths: number): string =>
        Buffer.from(kernel.toPixels(kernel.decode(bytes, eighths, header)).bytes).toString('hex');
      const whole = pixelsOf(jpeg, 8);
      const small = pixelsOf(jpeg, 4);
      // Bytes that are changed in place are not looked at again.
      const copy = Buffer.from(jpeg);
      const before = pixelsOf(copy, 8);
      copy.fill(0, copy.length - 40);
      return { whole, small, before, after: pixelsOf(copy, 8), other: pixelsOf(Buffer.from(jpeg), 8) };
    });
    expect(found?.small).not.toBe(found?.whole);
    expect([found?.before, found?.after, found?.other]).toEqual([found?.whole, found?.whole, found?.whole]);
  });

  test('is decoded again after its colours were changed, or as planes after it was as RGB', () => {
    const found = withKernel((kernel) => {
      const decode = (): Uint8Array => kernel.toPixels(kernel.decode(jpeg, 8, header)).bytes;
      const whole = decode();
      for (const row of kernel.rowsOf(kernel.decode(jpeg, 8, header), WHOLE)) row.fill(0);
      const again = decode();
      const planes = kernel.decodePlanes(jpeg, 8, header);
      const count = planes === undefined ? 0 : kernel.toPlanes(planes).length;
      const isSame = planes !== undefined && kernel.decodePlanes(jpeg, 8, header) === planes;
      return { whole, again, count, isSame, last: decode() };
    });
    expect(found?.again).toEqual(found?.whole);
    expect(found?.last).toEqual(found?.whole);
    expect(found).toMatchObject({ count: 3, isSame: true });
  });
});

describe('values for a model', () => {
  test.each([-1, 1])('are refused where there is room for %i more or less', (difference) => {
    const { format } = modelInput(4, 3);
    const values = new Float32Array(36 + difference);
    expect(() => withKernel((kernel) => kernel.toTensor(load(kernel), { format, values }))).toThrow(
      expect.objectContaining({
        code: 'INTERNAL_ERROR',
        message: `the model takes 36 values, not ${36 + difference}`,
      }),
    );
  });

  test('are normalised for each channel', () => {
    const input = modelInput(4, 3);
    const format = { ...input.format, mean: [0, 0.5, 1], std: [1, 2, 0.5] };
    withKernel((kernel) => kernel.toTensor(load(kernel), { format, values: input.values }));
    const [red = 0, green = 0, blue = 0] = input.values.subarray(3, 6);
    expect(red).toBeCloseTo(3 / 255, 6);
    expect(green).toBeCloseTo((4 / 255 - 0.5) / 2, 6);
    expect(blue).toBeCloseTo((5 / 255 - 1) / 0.5, 6);
  });
});

describe('the kernel of a thread', () => {
  test('goes on where its work went well', () => {
    const kernels = [1, 2].map(() => withKernel((kernel) => kernel));
    expect(kernels[0]).toBe(kernels[1]);
  });

  test('is dropped with what lies in it where it refuses an image, or where the work throws', () => {
    const before = withKernel((kernel) => kernel);
    const claim = { ...header, width: WIDTH + 1 };
    expect(withKernel((kernel) => kernel.decode(jpeg, 8, claim))).toBeUndefined();
    const after = withKernel((kernel) => kernel);
    expect(after).not.toBe(before);
    expect(() =>
      withKernel(() => {
        throw new Error('no trap');
      }),
    ).toThrow('no trap');
    expect(withKernel((kernel) => kernel)).not.toBe(after);
  });

  test('is dropped where it has taken much memory', () => {
    const before = withKernel((kernel) => kernel);
    const memory = withKernel((kernel) => {
      kernel.canvas('written', 'rgb', 10_000, 9000);
      return kernel.memoryBytes;
    });
    expect(memory).toBeGreaterThan(256 * 1024 ** 2);
    const after = withKernel((kernel) => kernel);
    expect(after).not.toBe(before);
    expect(after?.memoryBytes).toBeLessThan(64 * 1024 ** 2);
  });

  test('tells a refusal from other errors', () => {
    expect(isTrap(new Error('no trap'))).toBe(false);
    expect(isTrap(undefined)).toBe(false);
  });
});
