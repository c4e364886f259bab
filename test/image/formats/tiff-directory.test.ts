import { describe, expect, test } from 'vitest';
import {
  listDirectories,
  repairTiff,
  type TiffEntry,
  valuesOf,
} from '../../../src/image/formats/tiff-directory.ts';
import { drawTiff, TIFF_KINDS, type TiffField, type TiffKind } from './draw-tiff.ts';

const WIDTH: TiffField = { tag: 256, type: 3, values: [300] };
const HEIGHT: TiffField = { tag: 257, type: 4, values: [70_000] };
const STRIPS: TiffField = { tag: 273, type: 4, values: [8, 500, 90_000] };
const TEXT: TiffField = { tag: 305, type: 2, values: [72, 105, 0] };
const NAMES = ['little', 'big'] as const;
const describeKind = ({ isLittle, isBig }: TiffKind): string =>
  `${NAMES[Number(!isLittle)]}-endian, ${isBig ? 'BigTIFF' : 'classic'}`;

/** Tags and values of each page. */
function read(bytes: Uint8Array): unknown {
  return listDirectories(bytes)?.map(({ entries, isLittle }) =>
    entries.map((entry) => [entry.tag, entry.type, valuesOf(bytes, entry, isLittle)]),
  );
}

describe.each(TIFF_KINDS.map((kind) => [describeKind(kind), kind] as const))('a TIFF: %s', (_, kind) => {
  test('has the values that lie within an entry, and those elsewhere', () => {
    expect(read(drawTiff([[WIDTH, HEIGHT, STRIPS, TEXT]], kind))).toEqual([
      [
        [256, 3, [300]],
        [257, 4, [70_000]],
        [273, 4, [8, 500, 90_000]],
        [305, 2, [72, 105, 0]],
      ],
    ]);
  });

  test('has values of 8 bytes', () => {
    const wide = { tag: 273, type: 16, values: [2 ** 33 + 5, 6] } as const;
    expect(read(drawTiff([[wide]], kind))).toEqual([[[273, 16, [2 ** 33 + 5, 6]]]]);
  });

  test('has pages, as far as they can be followed', () => {
    const pages = [[WIDTH], [WIDTH, HEIGHT], [HEIGHT]];
    expect(listDirectories(drawTiff(pages, kind))?.map(({ entries }) => entries.length)).toEqual([1, 2, 1]);
    const [first] = listDirectories(drawTiff(pages, kind)) ?? [];
    expect(first).toMatchObject(kind);
    // Back to the first one, for ever.
    expect(listDirectories(drawTiff(pages, kind, first?.at))).toHaveLength(3);
    expect(listDirectories(drawTiff(pages, kind, 5_000_000))).toHaveLength(3);
    expect(listDirectories(drawTiff([], kind))).toEqual([]);
  });

  test('ends before a page that has no entries or is cut off', () => {
    expect(listDirectories(drawTiff([[WIDTH], [], [WIDTH]], kind))).toHaveLength(1);
    const bytes = drawTiff([[WIDTH], [WIDTH, HEIGHT]], kind);
    const wordBytes = kind.isBig ? 8 : 4;
    // The offset of a next page may be missing, the entries may not.
    expect(listDirectories(bytes.subarray(0, -wordBytes))).toHaveLength(2);
    expect(listDirectories(bytes.subarray(0, -wordBytes - 1))).toHaveLength(1);
    expect(listDirectories(bytes.subarray(0, kind.isBig ? 15 : 7))).toEqual([]);
  });

  test('that has nothing but what its pixels are decoded by is left alone', () => {
    const bytes = drawTiff([[WIDTH, HEIGHT, STRIPS]], kind);
    expect(repairTiff(bytes)).toBe(bytes);
  });

  test('is repaired to one page with what its pixels are decoded by, in order', () => {
    const bytes = drawTiff([[TEXT, STRIPS, HEIGHT, WIDTH], [WIDTH]], kind);
    const whole = Buffer.from(bytes);
    const repaired = repairTiff(bytes);
    expect(read(repaired)).toEqual([
      [
        [256, 3, [300]],
        [257, 4, [70_000]],
        [273, 4, [8, 500, 90_000]],
      ],
    ]);
    expect(repaired).toHaveLength(bytes.length);
    expect(repairTiff(repaired)).toBe(repaired);
    expect(bytes.equals(whole), 'the bytes that were given').toBe(true);
  });

  test('is repaired where the offset of the next page is cut off', () => {
    const bytes = drawTiff([[WIDTH, HEIGHT, TEXT]], kind).subarray(0, -3);
    const repaired = repairTiff(bytes);
    expect(repaired).toHaveLength(bytes.length);
    expect(read(repaired)).toEqual([
      [
        [256, 3, [300]],
        [257, 4, [70_000]],
      ],
    ]);
  });
});

test.each([
  ['another byte order', 'IM*\0\u0008\0\0\0'],
  ['another version', 'II+\u0001\u0008\0\0\0'],
  ['versions swapped', 'II\0*\0\0\0\u0008'],
  ['nothing', ''],
])('a file with %s is no TIFF', (_, text) => {
  const bytes = Buffer.from(text, 'latin1');
  expect(listDirectories(bytes)).toBeUndefined();
  expect(repairTiff(bytes)).toBe(bytes);
});

describe('the values of an entry', () => {
  const entry: TiffEntry = { tag: 256, type: 3, count: 2, at: 0, valueAt: 1 };
  const bytes = Uint8Array.of(9, 1, 0, 2, 0);

  test.each([
    ['two shorts', {}, [1, 2]],
    ['one short', { count: 1 }, [1]],
    ['bytes', { type: 1, count: 4 }, [1, 0, 2, 0]],
    ['signed bytes', { type: 6, count: 1 }, [1]],
    ['undefined bytes', { type: 7, count: 1 }, [1]],
    ['signed shorts', { type: 8 }, [1, 2]],
    ['a signed long', { type: 9, count: 1 }, [0x02_00_01]],
    ['an offset', { type: 13, count: 1 }, [0x02_00_01]],
    ['none', { count: 0 }, []],
    ['more than there are', { count: 3 }, undefined],
    ['a type that does not exist', { type: 14 }, undefined],
    ['values that lie nowhere', { valueAt: undefined }, undefined],
  ])('are read: %s', (_, changes, values) => {
    expect(valuesOf(bytes, { ...entry, ...changes }, true)).toEqual(values);
  });

  test('of floating-point numbers and fractions take 4 and 8 bytes', () => {
    const zeros = new Uint8Array(9);
    const countOf = (type: number): number | undefined =>
      [1, 2].findLast((count) => valuesOf(zeros, { ...entry, type, count }, true) !== undefined);
    expect([5, 10, 11, 12, 16, 17, 18].map(countOf)).toEqual([1, 1, 2, 1, 1, 1, 1]);
  });
});

describe('what is kept', () => {
  const profile = { tag: 34_675, type: 7, values: [1, 2, 3, 4, 5, 6, 7, 8, 9] } as const;

  test('is a profile that is all there', () => {
    const bytes = drawTiff([[WIDTH, profile]]);
    expect(repairTiff(bytes)).toBe(bytes);
    const cut = drawTiff([[WIDTH, { ...profile, count: 60 }]]);
    expect(read(repairTiff(cut))).toEqual([[[256, 3, [300]]]]);
    // Up to the last byte of the file, and one more.
    const at = 17;
    const upTo = (count: number): number | undefined =>
      listDirectories(repairTiff(drawTiff([[WIDTH, { ...profile, count, offset: at }]])))?.[0]?.entries
        .length;
    const length = drawTiff([[WIDTH, { ...profile, offset: at }]]).length;
    expect([upTo(length - at), upTo(length - at + 1)]).toEqual([2, 1]);
  });

  test('is every tag that pixels depend on', () => {
    const tags = [
      '254 256 257 258 259 262 266 273 274 277 278 279 284 292 293 317 320 322 323 324 325 332 334 338 339 340',
      '341 347 512 513 514 515 517 518 519 520 521 529 530 531 532',
    ].flatMap((line) => line.split(' ').map(Number));
    const bytes = drawTiff([tags.map((tag) => ({ tag, type: 3, values: [1] }))]);
    expect(repairTiff(bytes)).toBe(bytes);
  });

  test.each([255, 270, 282, 305, 306, 315, 330, 700, 34_665, 34_853, 65_000])('is not tag %i', (tag) => {
    const bytes = drawTiff([[WIDTH, { tag, type: 3, values: [1] }]]);
    expect(read(repairTiff(bytes))).toEqual([[[256, 3, [300]]]]);
  });
});
