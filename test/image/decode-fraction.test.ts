import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { type JpegHeader, parseJpegHeader } from '../../src/image/jpeg-header.ts';
import { withKernel } from '../../src/image/pixel-kernel.ts';
import { renderImage } from '../../src/image/render-image.ts';
import { type DrawnTransform, undrawn } from '../../src/image/transform.ts';
import { drawPhoto, PLAIN } from './pixel-reference.ts';

const SIDE = 320;
const WHOLE = undrawn({ width: SIDE, height: SIDE });

let jpeg: Buffer;
let header: JpegHeader;

beforeAll(async () => {
  jpeg = await drawPhoto(SIDE, SIDE).jpeg().toBuffer();
  const parsed = parseJpegHeader(jpeg);
  if (parsed === undefined) throw new Error('not a plain JPEG');
  header = parsed;
});

/** The pixels of a box of the image that is decoded at some eighths of its size, on a canvas of their size. */
function decodeAt(
  eighths: number,
  [width, height]: readonly [number, number],
  drawn: DrawnTransform,
): Uint8Array {
  const pixels = withKernel((kernel) => {
    const image = kernel.decode(jpeg, eighths, header);
    const scaled = (length: number): number => (length * eighths) / 8;
    const box = {
      left: scaled(drawn.cropLeft),
      top: scaled(drawn.cropTop),
      width: scaled(drawn.cropWidth),
      height: scaled(drawn.cropHeight),
    };
    const canvas = kernel.canvas('written', 'rgb', width, height);
    kernel.resample(image, canvas, {
      box,
      bounds: box,
      place: { left: 0, top: 0, width, height },
      isFlipped: false,
    });
    return kernel.toPixels(canvas).bytes;
  });
  if (pixels === undefined) throw new Error('the kernel refused');
  return pixels;
}

async function render(size: string, drawn: DrawnTransform): Promise<Buffer> {
  const transform = { ...PLAIN, size, fit: 'fill', format: 'png' } as const;
  const { encoded } = await renderImage(jpeg, transform, drawn);
  return sharp(encoded).removeAlpha().raw().toBuffer();
}

describe('an original is decoded at the fraction that leaves at least twice the pixels of the target', () => {
  test.each([
    [20, 20, 1],
    [21, 21, 2],
    [40, 40, 2],
    [41, 20, 4],
    [20, 41, 4],
    [80, 80, 4],
    [81, 81, 8],
    [400, 400, 8],
  ])('to %i x %i at %i eighths', async (width, height, eighths) => {
    const expected = decodeAt(eighths, [width, height], WHOLE);
    expect((await render(`${width}x${height}`, WHOLE)).equals(expected)).toBe(true);
    const other = decodeAt(eighths === 8 ? 4 : 8, [width, height], WHOLE);
    expect(Buffer.from(other).equals(expected)).toBe(false);
  });

  test('which depends on the part that is seen', async () => {
    const drawn = { ...WHOLE, cropLeft: 64, cropTop: 32, cropWidth: 160, cropHeight: 160 };
    expect((await render('20x20', drawn)).equals(decodeAt(2, [20, 20], drawn))).toBe(true);
    expect((await render('80x80', drawn)).equals(decodeAt(8, [80, 80], drawn))).toBe(true);
  });
});
