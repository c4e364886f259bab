import { describe, expect, test } from 'vitest';
import { PLAIN } from '../../../src/image/formats/image-structure.ts';
import {
  findIsoMediaDamage,
  readBrands,
  readIsoMediaStructure,
  repairIsoMedia,
} from '../../../src/image/formats/iso-media-structure.ts';
import { isoBox as box } from '../../support/draw-images.ts';

/** Version 0 and no flags. */
const FULL = [0, 0, 0, 0];
const long = (value: number): number[] => [0, 0, value >> 8, value & 255];

/** The major brand, and the compatible ones. */
const fileType = (major: string, ...others: readonly string[]): Buffer =>
  box('ftyp', Buffer.from(major), FULL, Buffer.from(others.join('')));
const size = (width: number, height: number): Buffer => box('ispe', FULL, long(width), long(height));
/** An item, whose id has two bytes, or four from version 3 on. */
const item = (id: number, type: string, version = 2): Buffer =>
  box('infe', [version, 0, 0, 0], version >= 3 ? long(id) : [0, id], [0, 0], Buffer.from(type), [0]);
const items = (...entries: readonly Buffer[]): Buffer => box('iinf', FULL, [0, entries.length], ...entries);
const properties = (...entries: readonly Buffer[]): Buffer => box('iprp', box('ipco', ...entries));
const primary = (id: number): Buffer => box('pitm', FULL, [0, id]);
const meta = (...parts: readonly Buffer[]): Buffer => box('meta', FULL, ...parts);
/** The codec configuration of AV1 with these flags. */
const av1 = (flags = 0): Buffer => box('av1C', [0x81, 0, flags, 0]);

/** An image of one item. */
function imageOf(brand: string, type: string, ...entries: readonly Buffer[]): Buffer {
  return Buffer.concat([
    fileType(brand),
    meta(primary(1), items(item(1, type)), properties(size(300, 514), ...entries)),
  ]);
}

const AVIF = { ...PLAIN, format: 'avif', name: 'AVIF', width: 300, height: 514, isHeldWhole: true };
const HEIC = { ...AVIF, format: 'heif', name: 'HEIC' };

describe('the structure of an AVIF', () => {
  test.each([
    ['8 bits', [av1()], {}],
    ['8 bits without a configuration', [], {}],
    ['10 bits', [av1(0x40)], { bitDepth: 10 }],
    ['12 bits', [av1(0x60)], { bitDepth: 12 }],
    ['another flag than that of depth', [av1(0x2f)], {}],
    ['alpha', [av1(), box('auxC', FULL)], { channels: 4 }],
    ['a rotation', [av1(), box('irot', [1])], { isTurned: true }],
    ['a mirror', [av1(), box('imir', [1])], { isTurned: true }],
    ['tiles and a thumbnail', [size(60, 80), size(300, 513), size(299, 514)], {}],
    ['tiles that are listed first', [size(400, 600), size(10, 10)], { width: 400, height: 600 }],
  ])('of %s', (_, entries, changes) => {
    expect(readIsoMediaStructure(imageOf('avif', 'av01', ...entries))).toEqual({ ...AVIF, ...changes });
  });

  test('has the size that wide boxes tell', () => {
    const wide = box('ispe', FULL, [0, 1, 0, 0], [0, 0, 1, 0]);
    const bytes = Buffer.concat([fileType('avif'), meta(items(item(1, 'av01')), properties(wide))]);
    expect(readIsoMediaStructure(bytes)).toEqual({ ...AVIF, width: 65_536, height: 256 });
    const bare = Buffer.concat([fileType('avif'), meta(items(item(1, 'av01')))]);
    expect(readIsoMediaStructure(bare)).toEqual({ ...AVIF, width: undefined, height: undefined });
  });
});

describe('the codec of an image', () => {
  test.each([
    ['HEIC of HEVC', 'heic', 'hvc1', 'HEIC', 'HEVC inside HEIC'],
    ['HEIC of HEVC with parameters inside', 'heix', 'hev1', 'HEIC', 'HEVC inside HEIC'],
    ['HEIC of layers', 'heim', 'lhv1', 'HEIC', 'HEVC inside HEIC'],
    ['HEIC of other layers', 'heis', 'lhv1', 'HEIC', 'HEVC inside HEIC'],
    ['a sequence of HEVC', 'hevc', 'hvc1', 'HEIC', 'HEVC inside HEIC'],
    ['another sequence of HEVC', 'hevx', 'hvc1', 'HEIC', 'HEVC inside HEIC'],
    ['HEIF of H.264', 'mif1', 'avc1', 'HEIF', 'H.264 inside HEIF'],
    ['HEIF of VVC', 'mif2', 'vvc1', 'HEIF', 'VVC inside HEIF'],
    ['HEIF of EVC', 'msf1', 'evc1', 'HEIF', 'EVC inside HEIF'],
    ['HEIF of JPEG', 'mif1', 'jpeg', 'HEIF', 'JPEG inside HEIF'],
    ['HEIF of JPEG 2000', 'mif1', 'j2k1', 'HEIF', 'JPEG 2000 inside HEIF'],
    ['HEIF of no codec', 'mif1', 'unci', 'HEIF', 'uncompressed pixels inside HEIF'],
    ['AVIF of HEVC', 'avis', 'hvc1', 'AVIF', 'HEVC inside AVIF'],
    ['HEIF of an unknown one', 'mif1', 'abcd', 'HEIF', undefined],
  ])('is named: %s', (_, brand, type, name, unsupported) => {
    expect(readIsoMediaStructure(imageOf(brand, type))).toEqual({ ...HEIC, name, unsupported });
  });

  test('has the depth of HEVC', () => {
    const configuration = Buffer.alloc(23);
    configuration[17] = 0xfa;
    const bytes = imageOf('heic', 'hvc1', box('hvcC', configuration));
    expect(readIsoMediaStructure(bytes)).toMatchObject({ format: 'heif', bitDepth: 10 });
  });

  const codecOf = (...parts: readonly Buffer[]): string | undefined =>
    readIsoMediaStructure(Buffer.concat([fileType('mif1'), meta(...parts)]))?.unsupported;

  test('is that of the primary item, whichever comes first', () => {
    const both = [items(item(1, 'hvc1'), item(2, 'jpeg'))];
    expect(codecOf(primary(1), ...both)).toBe('HEVC inside HEIF');
    expect(codecOf(primary(2), ...both)).toBe('JPEG inside HEIF');
    const wide = items(item(1, 'hvc1', 3), item(2, 'jpeg', 3));
    expect(codecOf(primary(2), wide)).toBe('JPEG inside HEIF');
    expect(codecOf(box('pitm', [1, 0, 0, 0], long(2)), wide)).toBe('JPEG inside HEIF');
    const manyItems = box('iinf', [1, 0, 0, 0], long(2), item(1, 'hvc1'), item(2, 'jpeg'));
    expect(codecOf(primary(2), manyItems)).toBe('JPEG inside HEIF');
  });

  test('is that of the tiles where the primary item is a grid of these', () => {
    expect(codecOf(primary(3), items(item(3, 'grid'), item(1, 'jpeg'), item(2, 'jpeg')))).toBe(
      'JPEG inside HEIF',
    );
    expect(codecOf(items(item(9, 'Exif'), item(1, 'jpeg')))).toBe('JPEG inside HEIF');
    expect(codecOf(primary(1))).toBeUndefined();
  });
});

describe('frames', () => {
  const samples = (sampleSize: number, count: number, listed: number): Buffer =>
    box(
      'moov',
      box(
        'trak',
        box(
          'mdia',
          box(
            'minf',
            box('stbl', box('stsz', FULL, long(sampleSize), long(count), Buffer.alloc(4 * listed))),
          ),
        ),
      ),
    );
  const framesOf = (...parts: readonly Buffer[]): number | undefined =>
    readIsoMediaStructure(Buffer.concat([imageOf('avis', 'av01'), ...parts]))?.frames;

  test('are the samples of the first track, as far as there can be as many', () => {
    expect(framesOf()).toBe(1);
    expect(framesOf(samples(0, 3, 3))).toBe(3);
    expect(framesOf(samples(0, 30_000, 3))).toBe(3);
    expect(framesOf(samples(0, 0, 0))).toBe(1);
    // All of 10 bytes: there are no more of them than the file could hold.
    expect(framesOf(samples(10, 5, 0))).toBe(5);
    const { length } = Buffer.concat([imageOf('avis', 'av01'), samples(10, 30_000, 0)]);
    expect(framesOf(samples(10, 30_000, 0))).toBe(Math.floor(length / 10));
  });

  test('without a still image cannot be decoded', () => {
    const sequence = Buffer.concat([fileType('msf1', 'hevc'), samples(0, 3, 3)]);
    expect(readIsoMediaStructure(sequence)).toEqual({
      ...HEIC,
      width: undefined,
      height: undefined,
      frames: 3,
      unsupported: 'a sequence inside HEIC without a still image',
    });
    expect(readIsoMediaStructure(fileType('heic'))).toMatchObject({ unsupported: undefined, frames: 1 });
  });
});

describe('brands', () => {
  test('are the major and the compatible ones, as far as their box goes', () => {
    expect(readBrands(fileType('avif', 'mif1', 'miaf'))).toEqual(['avif', 'mif1', 'miaf']);
    expect(readBrands(Buffer.concat([fileType('avif', 'mif1'), Buffer.from('free')]))).toEqual([
      'avif',
      'mif1',
    ]);
    expect(readBrands(fileType('avif', 'mif1').subarray(0, 18))).toEqual(['avif']);
    expect(readBrands(box('free', Buffer.from('avif')))).toEqual([]);
    expect(readBrands(fileType('avif', 'mif1'.repeat(2000)))).toHaveLength(253);
  });

  test.each(['avif', 'avis', 'heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'mif2', 'msf1'])(
    'tell an image: %s',
    (brand) => {
      expect(readIsoMediaStructure(fileType(brand))).toBeDefined();
      expect(readIsoMediaStructure(fileType('isom', 'mp41', brand))).toBeDefined();
    },
  );

  test('tell no image of a video', () => {
    expect(readIsoMediaStructure(fileType('isom', 'mp41'))).toBeUndefined();
    expect(readIsoMediaStructure(Buffer.alloc(0))).toBeUndefined();
  });

  test('give an animated AVIF the name of a still one, and change nothing else', () => {
    for (const brand of ['avis', 'msf1']) {
      const animated = imageOf(brand, 'av01');
      const repaired = repairIsoMedia(animated);
      expect(Buffer.from(repaired).equals(imageOf('avif', 'av01')), brand).toBe(true);
      expect(animated.toString('latin1', 8, 12), 'the bytes that were given').toBe(brand);
    }
    expect.assertions(7);
    for (const image of [imageOf('avif', 'av01'), imageOf('avis', 'hvc1'), imageOf('mif1', 'av01')])
      expect(repairIsoMedia(image)).toBe(image);
  });
});

describe('boxes', () => {
  const still = meta(items(item(1, 'av01')), properties(size(300, 514)));

  test('may have a size of 64 bits, or reach to the end of the file', () => {
    const longFree = Buffer.concat([
      Buffer.from([0, 0, 0, 1]),
      Buffer.from('free'),
      Buffer.alloc(8),
      Buffer.alloc(5),
    ]);
    longFree.writeUInt32BE(longFree.length, 12);
    expect(readIsoMediaStructure(Buffer.concat([fileType('avif'), longFree, still]))).toEqual(AVIF);
    const openEnd = Buffer.from(still);
    openEnd.writeUInt32BE(0, 0);
    const open = Buffer.concat([fileType('avif'), openEnd]);
    expect(readIsoMediaStructure(open)).toEqual(AVIF);
    expect(findIsoMediaDamage(open)).toBeUndefined();
  });

  test('that are smaller than their head end the walk', () => {
    const none = Buffer.concat([Buffer.from([0, 0, 0, 7]), Buffer.from('free')]);
    expect(readIsoMediaStructure(Buffer.concat([fileType('avif'), none, still]))).toMatchObject({
      width: undefined,
    });
    const empty = box('free');
    expect(readIsoMediaStructure(Buffer.concat([fileType('avif'), empty, still]))).toEqual(AVIF);
  });

  test.each([
    [
      'the file is cut off within its mdat box at byte 16',
      Buffer.concat([fileType('avif'), box('mdat', [1, 2]).subarray(0, 9)]),
    ],
    [
      'the file is cut off within its meta box at byte 16',
      Buffer.concat([fileType('avif'), still.subarray(0, -1)]),
    ],
    [
      'the file is cut off within its ??f box at byte 16',
      Buffer.concat([fileType('avif'), box('\0\u0007f ', [1]).subarray(0, 8)]),
    ],
    ['its meta box is missing', Buffer.concat([fileType('avif'), box('mdat', [1, 2])])],
    [undefined, Buffer.concat([fileType('avif'), still])],
  ])('are damaged: %s', (damage, bytes) => {
    expect(findIsoMediaDamage(bytes)).toBe(damage);
  });
});
