import { describe, expect, test } from 'vitest';
import { PLAIN } from '../../../src/image/formats/image-structure.ts';
import { findTiffDamage, readTiffStructure } from '../../../src/image/formats/tiff-structure.ts';
import { drawTiff, type TiffField } from './draw-tiff.ts';

const field = (tag: number, ...values: readonly number[]): TiffField => ({ tag, type: 4, values });
const SIZE = [field(256, 60), field(257, 80)];
/** Photometric interpretation, samples and bits of RGB. */
const RGB = [field(258, 8), field(262, 2), field(277, 3)];

describe('the structure of a TIFF', () => {
  const tiff = { ...PLAIN, format: 'tiff', name: 'TIFF', width: 60, height: 80 };

  test.each<[string, readonly TiffField[], object]>([
    ['black and white', [field(262, 1)], { channels: 1, bitDepth: 1 }],
    ['RGB', RGB, {}],
    ['16 bits', [field(258, 16), field(262, 1)], { channels: 1, bitDepth: 16 }],
    ['a palette', [field(258, 4), field(262, 3)], { channels: 3, bitDepth: 8 }],
    ['alpha', [field(258, 8), field(262, 2), field(277, 4)], { channels: 4 }],
    ['an orientation that mirrors', [...RGB, field(274, 2)], {}],
    ['an orientation that turns', [...RGB, field(274, 3)], { isTurned: true }],
    ['tiles', [...RGB, field(323, 32)], { rowsAtOnce: 32 }],
    ['strips', [...RGB, field(278, 16)], {}],
    ['strips of JPEG', [...RGB, field(259, 7), field(278, 16)], { rowsAtOnce: 16 }],
    ['one strip of JPEG', [...RGB, field(259, 7)], { rowsAtOnce: 80 }],
    ['strips for each channel', [...RGB, field(278, 16), field(284, 2)], { rowsAtOnce: 16 }],
    ['strips of all channels', [...RGB, field(278, 16), field(284, 1)], {}],
    ['YCbCr in JPEG', [...RGB.with(1, field(262, 6)), field(259, 7)], { rowsAtOnce: 80 }],
  ])('of %s', (_, fields, changes) => {
    expect(readTiffStructure(drawTiff([[...SIZE, ...fields]]))).toEqual({ ...tiff, ...changes });
  });

  test('of pages counts those that are no smaller copies of others', () => {
    const page = [...SIZE, ...RGB];
    const bytes = drawTiff([
      page,
      [field(254, 0), ...page],
      [field(254, 1), ...page],
      [field(254, 3)],
      [field(254, 2)],
    ]);
    expect(readTiffStructure(bytes)).toEqual({ ...tiff, frames: 3 });
  });

  test('is next to nothing without a directory, and none of another file', () => {
    expect(readTiffStructure(drawTiff([]))).toEqual({ ...PLAIN, format: 'tiff', name: 'TIFF' });
    expect(readTiffStructure(drawTiff([[field(256, 60)]]))).toMatchObject({ width: 60, height: undefined });
    // A strip of JPEG has all rows, however many these are.
    expect(readTiffStructure(drawTiff([[field(259, 7)]]))).toMatchObject({ rowsAtOnce: 1 });
    expect(readTiffStructure(Buffer.from('no TIFF'))).toBeUndefined();
  });

  test.each([
    ...[1, 2, 3, 4, 5, 7, 8, 32_773, 32_946].map((compression) => [compression, undefined] as const),
    [6, 'old-style JPEG'],
    [32_809, 'ThunderScan'],
    [32_908, 'Pixar film'],
    [32_909, 'Pixar log'],
    [33_003, 'JPEG 2000'],
    [33_004, 'JPEG 2000'],
    [33_005, 'JPEG 2000'],
    [34_661, 'JBIG'],
    [34_676, 'SGI log'],
    [34_677, 'SGI log'],
    [34_712, 'JPEG 2000'],
    [34_887, 'LERC'],
    [34_892, 'lossy DNG'],
    [34_925, 'LZMA'],
    [50_000, 'Zstandard'],
    [50_001, 'WebP'],
    [50_002, 'JPEG XL'],
    [52_546, 'JPEG XL'],
    [12_345, 'an unknown (12345)'],
  ] as const)('names compression %i where it is not decoded: %s', (compression, name) => {
    const structure = readTiffStructure(drawTiff([[...SIZE, ...RGB, field(259, compression)]]));
    expect(structure?.unsupported).toBe(name && `a TIFF with ${name} compression`);
    expect(structure?.refused).toBeUndefined();
  });

  test.each([
    [1, 'a TIFF with YCbCr colours and no compression'],
    [2, 'a TIFF with YCbCr colours and CCITT RLE compression'],
    [5, 'a TIFF with YCbCr colours and LZW compression'],
    [8, 'a TIFF with YCbCr colours and Deflate compression'],
    [32_773, 'a TIFF with YCbCr colours and PackBits compression'],
    [32_946, 'a TIFF with YCbCr colours and Deflate compression'],
    [7, undefined],
    [50_000, undefined],
  ])('is refused in YCbCr with compression %i, unless that converts it: %s', (compression, refused) => {
    const fields = [...SIZE, field(258, 8), field(259, compression), field(262, 6), field(277, 3)];
    expect(readTiffStructure(drawTiff([fields]))?.refused).toBe(refused);
  });

  test.each<[string | undefined, readonly TiffField[]]>([
    ['a TIFF with CIELAB colours in 16 bits per channel', [field(258, 16), field(262, 8)]],
    ['a TIFF with ICCLAB colours in 8 bits per channel', [field(258, 8), field(262, 9)]],
    ['a TIFF with ITULAB colours in 8 bits per channel', [field(258, 8), field(262, 10)]],
    ['a TIFF with raw sensor colours in 16 bits per channel', [field(258, 16), field(262, 32_803)]],
    ['a TIFF with LogL colours in 16 bits per channel', [field(258, 16), field(262, 32_844)]],
    ['a TIFF with LogLuv colours in 16 bits per channel', [field(258, 16), field(262, 32_845)]],
    ['a TIFF with linear raw colours in 16 bits per channel', [field(258, 16), field(262, 34_892)]],
    ['a TIFF with complex numbers', [field(258, 32), field(339, 5)]],
    ['a TIFF with complex numbers', [field(258, 64), field(339, 6)]],
    ['a TIFF with floating-point values in 8 bits per channel', [field(258, 8), field(339, 3)]],
    [undefined, [field(258, 16), field(339, 3)]],
    [undefined, [field(258, 8), field(339, 2)]],
    [undefined, [field(258, 8), field(339, 4)]],
    ['a TIFF with 12 bits per channel', [field(258, 12)]],
    ['a TIFF with 3 bits per channel', [field(258, 3)]],
    ...[1, 2, 4, 8, 16, 32, 64].map((bits): [undefined, TiffField[]] => [undefined, [field(258, bits)]]),
  ])('cannot be decoded where it is %s', (unsupported, fields) => {
    expect(readTiffStructure(drawTiff([[...SIZE, ...fields]]))?.unsupported).toBe(unsupported);
  });
});

describe('the damage of a TIFF', () => {
  /** Of strips, or of tiles. */
  const damageOf = (offsets: readonly number[], sizes?: readonly number[], isTiled = false) =>
    findTiffDamage(
      drawTiff([
        [
          ...SIZE,
          field(isTiled ? 324 : 273, ...offsets),
          ...(sizes === undefined ? [] : [field(isTiled ? 325 : 279, ...sizes)]),
        ],
      ]),
    );
  const { length } = drawTiff([[...SIZE, field(273, 8, 8), field(279, 1, 1)]]);

  test('lies in its header or its directory', () => {
    expect(findTiffDamage(drawTiff([]))).toBe('the file is cut off within its header');
    expect(findTiffDamage(Buffer.concat([drawTiff([]), Buffer.alloc(7)]))).toMatch(/within its header$/u);
    expect(findTiffDamage(Buffer.concat([drawTiff([]), Buffer.alloc(8)]))).toBe(
      'the file is cut off before its directory',
    );
    expect(findTiffDamage(drawTiff([SIZE]))).toBe('its directory names no pixel data');
  });

  test.each([
    ['strips that are all there', [8, length - 4], [4, 4], undefined],
    ['a strip that is one byte too long', [8, length - 4], [4, 5], 'part 2 of 2'],
    ['a first strip beyond the end', [length, 8], [1, 1], 'part 1 of 2'],
    ['strips without sizes', [8, length + 100], undefined, 'part 2 of 2'],
  ])('is found in its pixel data: %s', (_, offsets, sizes, part) => {
    const damage = part && `the file is cut off within ${part} of its pixel data`;
    expect(damageOf(offsets, sizes)).toBe(damage);
    expect(damageOf(offsets, sizes, true)).toBe(damage);
  });
});
