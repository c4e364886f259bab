import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ImageFacts, probeImage } from '../../src/image/probe-image.ts';

/** Images that once went wrong, here or elsewhere; not part of the repository. */
const FOLDER = join(import.meta.dirname, '../../../shared/cases/images');
const isThere = existsSync(FOLDER);

/** What is not `ok` with one frame of 8 bits, by the file's name. */
const EXPECTED: Readonly<Record<string, Partial<ImageFacts> | { reason: unknown }>> = {
  'anim.avif': { status: 'ok', format: 'avif', frames: 3 },
  'anim.gif': { status: 'ok', frames: 3 },
  'anim.webp': { status: 'ok', frames: 3 },
  'av1.heic': { status: 'ok', format: 'avif', frames: 1 },
  'bmp.bmp': unsupported('a BMP file cannot be decoded here; convert it to JPEG or PNG'),
  'x.ico': unsupported('an ICO file cannot be decoded here; convert it to JPEG or PNG'),
  'x.ppm': unsupported('a PNM file cannot be decoded here; convert it to JPEG or PNG'),
  'x.tga': unsupported('a TGA file cannot be decoded here; convert it to JPEG or PNG'),
  'x.jp2': unsupported('a JPEG 2000 file cannot be decoded here; convert it to JPEG or PNG'),
  'html.jpg': unsupported('an HTML page, not an image'),
  'nul.jpg': unsupported('5,000 bytes, all zero, not an image'),
  'zero.jpg': { status: 'empty', reason: 'the file has zero bytes' },
  'hevc.heic': unsupported('HEVC inside HEIC cannot be decoded here; convert it to JPEG or PNG'),
  'hevc.heif': unsupported('HEVC inside HEIC cannot be decoded here; convert it to JPEG or PNG'),
  'tiff-zstd.tif': unsupported(
    'a TIFF with Zstandard compression cannot be decoded here; convert it to JPEG or PNG',
  ),
  'ycbcr-lzw.tif': unsupported(
    'a TIFF with YCbCr colours and LZW compression cannot be decoded here; convert it to JPEG or PNG',
  ),
  'lab.tif': unsupported(
    'a TIFF with CIELAB colours in 8 bits per channel cannot be decoded here; convert it to JPEG or PNG',
  ),
  'float01.tif': unsupported(expect.stringMatching(/its values are 0 to 1, not 0 to 255/u)),
  'float255.tif': { status: 'ok', bitDepth: 32 },
  'uint16-12bit-range.tif': unsupported(expect.stringMatching(/no value of its 16 bits is above 4,000/u)),
  'uint16-12bit.png': unsupported(expect.stringMatching(/no value of its 16 bits is above 4,000/u)),
  'u16.tif': { status: 'ok', bitDepth: 16 },
  'uint16-full.png': { status: 'ok', bitDepth: 16 },
  'bomb-60000.png': {
    status: 'too_large',
    reason: 'PNG of 60,000 x 60,000 pixels: more than the limit of 268,402,689 pixels',
  },
  'cut-half.jpg': corrupt('JPEG, 96 x 64 pixels: the file is cut off before its end marker'),
  'jpeg-no-eoi.jpg': corrupt('JPEG, 96 x 64 pixels: the file is cut off before its end marker'),
  'cut.png': corrupt('PNG, 96 x 64 pixels: the file is cut off within its IDAT chunk at byte 16,462'),
};

function unsupported(reason: unknown): { status: 'unsupported'; reason: unknown } {
  return { status: 'unsupported', reason };
}

function corrupt(reason: string): { status: 'corrupt'; reason: string } {
  return { status: 'corrupt', reason };
}

const LYING = /^orient6|^jpeg-(?:exif-(?:ascii|count|value)|orient-as-long)/u;

if (!isThere) console.warn(`skipped: ${FOLDER} is not there`);

describe.runIf(isThere)('the images that once went wrong', () => {
  const names = isThere ? readdirSync(FOLDER) : [];

  test.each(names)('%s gets its verdict', async (name) => {
    const facts = await probeImage(readFileSync(join(FOLDER, name)));
    expect(facts).toMatchObject(EXPECTED[name] ?? { status: 'ok', reason: null, frames: 1, bitDepth: 8 });
    if (facts.status === 'ok')
      expect([facts.width, facts.height]).toEqual(LYING.test(name) ? [64, 96] : [96, 64]);
  });

  test('all get the same facts at the same moment, twice each and in any order', async () => {
    const files = names.map((name) => readFileSync(join(FOLDER, name)));
    const alone: ImageFacts[] = [];
    for (const file of files) alone.push(await probeImage(file));
    const again = await Promise.all([...files, ...files.toReversed()].map(async (file) => probeImage(file)));
    expect(again).toEqual([...alone, ...alone.toReversed()]);
  });

  test('every expectation has its file', () => {
    expect(Object.keys(EXPECTED).filter((name) => !names.includes(name))).toEqual([]);
  });
});
