import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeWhole, openImage, openPart } from '../../src/image/open-image.ts';
import { readHeader } from '../../src/image/read-header.ts';
import { drawNoise } from '../support/draw-images.ts';
import { drawTiff } from './formats/draw-tiff.ts';

/** A PNG of 16 bits, 20 by 10, with the same values in all pixels. */
async function deepPng(...values: readonly number[]): Promise<Buffer> {
  const channels = values.length as 1 | 2 | 3 | 4;
  const samples = Uint16Array.from({ length: 200 * channels }, (_, index) => values[index % channels] ?? 0);
  const raw = sharp(samples, { raw: { width: 20, height: 10, channels } });
  return raw
    .toColourspace(channels < 3 ? 'grey16' : 'rgb16')
    .png()
    .toBuffer();
}

/** A gray TIFF of 2 by 1 floating-point numbers. */
function numbersTiff(first: number, second: number): Buffer {
  const field = (tag: number, value: number) => ({ tag, type: 4, values: [value] }) as const;
  const fields = [
    [256, 2],
    [257, 1],
    [258, 32],
    [259, 1],
    [262, 1],
    [273, 0],
    [277, 1],
    [278, 1],
    [279, 8],
    [339, 3],
  ] as const;
  const { length } = drawTiff([fields.map(([tag, value]) => field(tag, value))]);
  const directory = drawTiff([fields.map(([tag, value]) => field(tag, tag === 273 ? length : value))]);
  return Buffer.concat([directory, Buffer.from(Float32Array.of(first, second).buffer)]);
}

const refusalOf = async (bytes: Uint8Array): Promise<unknown> =>
  openImage(await readHeader(bytes)).then(
    () => undefined,
    (error: unknown) => error,
  );

describe('an image of 16 bits', () => {
  const dark = (max: string) => ({
    code: 'IMAGE_UNSUPPORTED',
    message: `PNG: no value of its 16 bits is above ${max}, so it would be shown as black; scale the values to 8 bits, or to the whole range of 16`,
  });

  test.each([
    ['gray of 12 bits', [4095], '4,095'],
    ['gray of 1', [1], '1'],
    ['dark gray that is opaque', [4095, 65_535], '4,095'],
    ['dark colours', [10, 300, 20], '300'],
    ['dark colours that are opaque', [10, 20, 300, 65_535], '300'],
  ])('is refused where it would be shown as black: %s', async (_, values, max) => {
    expect(await refusalOf(await deepPng(...values))).toMatchObject(dark(max));
  });

  test.each([
    ['gray', [4096]],
    ['black', [0]],
    ['gray that is transparent', [4096, 0]],
    ['one bright colour', [0, 0, 4096]],
    ['one bright colour that is transparent', [0, 0, 4096, 0]],
  ])('is opened where it uses its range: %s', async (_, values) => {
    expect(await refusalOf(await deepPng(...values))).toBeUndefined();
  });
});

describe('an image of numbers', () => {
  test.each([
    [0, 1, '0 to 1'],
    [-7, 200, '-7 to 200'],
    [0, 256, '0 to 256'],
    // As many are that were divided by their largest possible value.
    [0.125, 0.875, 'all below 1'],
    [0, 0.001, 'all below 1'],
  ])('is refused where it is not in 0 to 255: %f to %f', async (first, second, range) => {
    expect(await refusalOf(numbersTiff(first, second))).toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: `TIFF: its values are ${range}, not 0 to 255; scale the values to 8 bits, or to the whole range of 16`,
    });
  });

  test.each([
    [0, 255],
    [0, 2],
    [0, 0],
  ])('is opened where they are those of 8 bits: %f to %f', async (first, second) => {
    expect(await refusalOf(numbersTiff(first, second))).toBeUndefined();
  });
});

describe('a part of an image', () => {
  const part = { left: 3, top: 2, width: 10, height: 8 };
  const decodePart = async (bytes: Uint8Array): Promise<Buffer> => {
    const opened = await openPart(await readHeader(bytes), part);
    return opened.extract(part).toColourspace('srgb').raw().toBuffer();
  };

  test.each([
    ['PNG', () => drawNoise().png()],
    ['interlaced PNG', () => drawNoise().png({ progressive: true })],
    ['JPEG on its side', () => drawNoise().jpeg().withMetadata({ orientation: 6 })],
    ['gray PNG', () => drawNoise().toColourspace('b-w').png()],
  ])('is that of the upright image in sRGB: %s', async (_, draw) => {
    const bytes = await draw().toBuffer();
    const upright = await sharp(bytes)
      .autoOrient()
      .pipelineColourspace('srgb')
      .toColourspace('srgb')
      .png()
      .toBuffer();
    expect((await decodePart(bytes)).equals(await sharp(upright).extract(part).raw().toBuffer())).toBe(true);
  });

  test('is not opened where the image is damaged elsewhere', async () => {
    const bytes = await drawNoise(40, 200).png().toBuffer();
    const cut = bytes.subarray(0, Math.floor(bytes.length * 0.9));
    await expect(openPart(await readHeader(cut), part)).rejects.toThrow();
    await expect(decodeWhole(await readHeader(cut))).rejects.toThrow();
    expect(await decodeWhole(await readHeader(bytes))).toBeUndefined();
  });
});
