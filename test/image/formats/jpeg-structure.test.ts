import { describe, expect, test } from 'vitest';
import { PLAIN } from '../../../src/image/formats/image-structure.ts';
import { findJpegDamage, readJpegStructure, repairJpeg } from '../../../src/image/formats/jpeg-structure.ts';
import { jpegSegment } from '../../support/draw-images.ts';

const START = Buffer.from([0xff, 0xd8]);
const END = Buffer.from([0xff, 0xd9]);
/** What a scan may hold: a stuffed byte of ones, a restart marker, a fill byte. */
const DATA = Buffer.from([1, 0xff, 0, 2, 0xff, 0xd0, 3, 0xff, 0xff, 0]);

/** A frame of 300 by 514. */
function frame(marker = 0xc0, channels = 3, bits = 8): Buffer {
  const parts = Array.from({ length: channels }, (_, index) => [index + 1, 0x11, 0]);
  return jpegSegment(marker, Buffer.from([bits, 2, 2, 1, 44, channels, ...parts.flat()]));
}

/** A scan of some channels with spectral limits; its data follows. */
function scan(channels = 3, limits: readonly number[] = [0, 63, 0]): Buffer {
  const parts = Array.from({ length: channels }, (_, index) => [index + 1, 0]);
  return jpegSegment(0xda, Buffer.from([channels, ...parts.flat(), ...limits]));
}

const jpegOf = (...parts: readonly Buffer[]): Buffer => Buffer.concat([START, ...parts]);
const whole = (...parts: readonly Buffer[]): Buffer => jpegOf(...parts, scan(), DATA, END);

/** EXIF with an orientation, in one byte order or the other, as a short (3) or a long (4), behind another field. */
function exif(orientation: number, isLittle = true, type = 3): Buffer {
  const body = Buffer.alloc(6 + 8 + 2 + 24 + 4);
  body.write(isLittle ? 'Exif\0\0II' : 'Exif\0\0MM', 'latin1');
  const short = (value: number, at: number): void =>
    void (isLittle ? body.writeUInt16LE(value, at) : body.writeUInt16BE(value, at));
  const long = (value: number, at: number): void =>
    void (isLittle ? body.writeUInt32LE(value, at) : body.writeUInt32BE(value, at));
  short(42, 8);
  long(8, 10);
  short(2, 14);
  short(0x010f, 16);
  short(0x0112, 28);
  short(type, 30);
  long(1, 32);
  if (type === 4) long(orientation, 36);
  else short(orientation, 36);
  return jpegSegment(0xe1, body);
}

describe('the structure of a JPEG', () => {
  const jpeg = { ...PLAIN, format: 'jpeg', name: 'JPEG', width: 300, height: 514 };

  test.each<[string, Buffer, object]>([
    ['baseline', whole(frame()), {}],
    ['extended sequential', whole(frame(0xc1)), {}],
    ['progressive', whole(frame(0xc2)), { isHeldWhole: true }],
    ['gray', jpegOf(frame(0xc0, 1), scan(1), DATA, END), { channels: 1 }],
    ['CMYK', jpegOf(frame(0xc0, 4), scan(4), DATA, END), { channels: 4 }],
    ['a scan for each channel', jpegOf(frame(), scan(1), DATA, scan(1), DATA, END), { isHeldWhole: true }],
    ['a frame without a scan', jpegOf(frame()), {}],
    [
      'tables before its frame',
      whole(jpegSegment(0xc4, 'huffman'), jpegSegment(0xdb, 'quantum'), frame()),
      {},
    ],
    [
      'fields that only look like a frame',
      whole(jpegSegment(0xc8, 'x'), jpegSegment(0xcc, 'arith'), frame()),
      {},
    ],
    [
      'stray bytes and markers',
      jpegOf(Buffer.from([7, 0xff, 1, 0xff, 0xd3, 0xff, 0xff]), frame(), scan()),
      {},
    ],
    ['12 bits', whole(frame(0xc1, 3, 12)), { bitDepth: 12, unsupported: 'a JPEG with 12 bits per channel' }],
    ['two channels', whole(frame(0xc0, 2)), { channels: 2, unsupported: 'a JPEG with 2 channels' }],
    [
      'five channels',
      whole(frame(0xc0, 5)),
      { channels: 5, isHeldWhole: true, unsupported: 'a JPEG with 5 channels' },
    ],
  ])('that is or has %s', (_, bytes, changes) => {
    expect(readJpegStructure(bytes)).toEqual({ ...jpeg, ...changes });
  });

  test.each([
    [0xc3, 'a lossless JPEG'],
    [0xc5, 'a hierarchical JPEG'],
    [0xc6, 'a hierarchical JPEG'],
    [0xc7, 'a hierarchical JPEG'],
    [0xc9, 'a JPEG with arithmetic coding'],
    [0xca, 'a JPEG with arithmetic coding'],
    [0xcb, 'a lossless JPEG'],
    [0xcd, 'a hierarchical JPEG'],
    [0xce, 'a hierarchical JPEG'],
    [0xcf, 'a hierarchical JPEG'],
    [0xf7, 'a JPEG-LS image'],
  ])('of a frame %i is that of %s', (marker, unsupported) => {
    const isHeldWhole = marker === 0xca;
    expect(readJpegStructure(whole(frame(marker)))).toEqual({ ...jpeg, isHeldWhole, unsupported });
  });

  test.each([
    [1, true, 3, false],
    [2, true, 3, false],
    [3, true, 3, true],
    [8, true, 3, true],
    [6, false, 3, true],
    [2, false, 3, false],
    [6, true, 4, true],
    [6, false, 4, true],
  ])(
    'with orientation %i, little-endian %s, type %i, is turned: %s',
    (orientation, isLittle, type, isTurned) => {
      expect(readJpegStructure(whole(exif(orientation, isLittle, type), frame()))).toEqual({
        ...jpeg,
        isTurned,
      });
    },
  );

  test.each([
    ['of another kind', jpegSegment(0xe1, 'http://ns.adobe.com/xap/1.0/\0')],
    ['in another segment', Buffer.from([0xff, 0xe2, ...exif(6).subarray(2)])],
    ['without content', jpegSegment(0xe1, 'Exif\0\0')],
    ['that is cut off before its value', Buffer.from([0xff, 0xe1, 0, 32, ...exif(6).subarray(4, 34)])],
  ])('is not turned by EXIF %s', (_, segment) => {
    expect(readJpegStructure(whole(segment, frame()))).toEqual(jpeg);
  });

  test('is next to nothing without a frame, and none of another file', () => {
    const bare = { ...PLAIN, format: 'jpeg', name: 'JPEG' };
    expect(readJpegStructure(START)).toEqual(bare);
    expect(readJpegStructure(whole())).toEqual(bare);
    expect(readJpegStructure(jpegOf(END, frame()))).toEqual(bare);
    expect(readJpegStructure(jpegOf(frame().subarray(0, -1)))).toEqual(bare);
    expect(readJpegStructure(Buffer.from([0xff, 0xd9]))).toBeUndefined();
    expect(readJpegStructure(Buffer.from([0xfe, 0xd8]))).toBeUndefined();
  });

  test('with a frame of no length lacks what that does not tell', () => {
    const short = (length: number): Buffer =>
      jpegOf(Buffer.from([0xff, 0xc0, 0, length + 2, 12, 2, 2].slice(0, 4 + length)));
    expect(readJpegStructure(short(0))).toEqual({ ...jpeg, width: undefined, height: undefined });
    expect(readJpegStructure(short(3))).toEqual({
      ...jpeg,
      width: undefined,
      bitDepth: 12,
      unsupported: 'a JPEG with 12 bits per channel',
    });
  });
});

describe('the damage of a JPEG', () => {
  test.each([
    ['the file is cut off within its header', jpegOf(frame())],
    ['the file is cut off within its header', jpegOf(frame(), Buffer.from([0xff]))],
    ['the file is cut off within its header', jpegOf(frame(), scan().subarray(0, -1))],
    ['the file is cut off within its header', jpegOf(frame(), scan().subarray(0, 3))],
    ['its header is damaged', jpegOf(frame(), END)],
    ['its header is damaged', jpegOf(frame(), Buffer.from([0xff, 0xe0, 0, 1, 0, 0]))],
    ['its header names no size', whole()],
    ['the file is cut off before its end marker', jpegOf(frame(), scan(), DATA)],
    ['the file is cut off before its end marker', jpegOf(jpegSegment(0xe0, END), frame(), scan(), DATA)],
    [undefined, whole(frame())],
    [undefined, jpegOf(frame(), scan(), END)],
  ])('is named: %s', (damage, bytes) => {
    expect(findJpegDamage(bytes)).toBe(damage);
  });
});

describe('a repaired JPEG', () => {
  /** That other JPEG, and the bytes that were given as they were. */
  function expectRepaired(damaged: Buffer, repaired: Buffer): void {
    const given = Buffer.from(damaged);
    expect(Buffer.from(repairJpeg(damaged)).toString('hex')).toBe(repaired.toString('hex'));
    expect(damaged.equals(given), 'the bytes that were given').toBe(true);
  }

  test.each([
    ['nothing wrong', whole(frame())],
    ['fill bytes before markers', whole(Buffer.from([0xff, 0xff]), frame())],
    ['spectral limits that a progressive one may have', jpegOf(frame(0xc2), scan(1, [1, 5, 2]), DATA, END)],
    ['stray bytes, but no frame', jpegOf(Buffer.from([7]), scan(), DATA, END)],
    ['stray bytes, but no scan', jpegOf(Buffer.from([7]), frame(), END)],
    ['stray bytes, but cut off', jpegOf(Buffer.from([7]), frame(), scan().subarray(0, -1))],
    ['version 1 of JFIF', whole(jpegSegment(0xe0, 'JFIF\0\u0001\u0001'), frame())],
    ['another APP0', whole(jpegSegment(0xe0, 'JFXX\0\u0007\u0001'), frame())],
    ['a short APP14', whole(jpegSegment(0xee, 'Adobe\0d\0\0\0'), frame())],
    ['APP14 of another maker', whole(jpegSegment(0xee, 'Adobf\0d\0\0\0\0\u0007'), frame())],
    ['no transform of Adobe', whole(jpegSegment(0xee, 'Adobe\0d\0\0\0\0\0'), frame())],
    ['YCbCr of Adobe', whole(jpegSegment(0xee, 'Adobe\0d\0\0\0\0\u0001'), frame())],
    ['YCCK of Adobe', whole(jpegSegment(0xee, 'Adobe\0d\0\0\0\0\u0002'), frame(0xc0, 4))],
  ])('with %s is left alone', (_, bytes) => {
    expect(repairJpeg(bytes)).toBe(bytes);
  });

  test('lacks stray bytes between its segments', () => {
    expectRepaired(
      jpegOf(Buffer.from([7, 8]), frame(), Buffer.from([0xff, 0]), scan(), DATA, END),
      whole(frame()),
    );
    // Fill bytes go too once others do.
    expectRepaired(whole(Buffer.from([0xff, 9, 0xff]), frame()), whole(frame()));
  });

  test('has version 1 of JFIF, and a transform that its channels may have', () => {
    const jfif = (version: number): Buffer =>
      whole(jpegSegment(0xe0, `JFIF\0${String.fromCharCode(version)}\u0002`), frame());
    expectRepaired(jfif(7), jfif(1));
    const adobe = (transform: number, channels: number): Buffer =>
      whole(jpegSegment(0xee, `Adobe\0d\0\0\0\0${String.fromCharCode(transform)}`), frame(0xc0, channels));
    expectRepaired(adobe(2, 3), adobe(1, 3));
    expectRepaired(adobe(1, 4), adobe(2, 4));
    expectRepaired(adobe(9, 1), adobe(1, 1));
  });

  test.each([
    [0, 0, 0],
    [1, 63, 0],
    [0, 62, 0],
    [0, 63, 1],
  ])('has all coefficients in a sequential scan that claims %i to %i, precision %i', (...limits) => {
    for (const marker of [0xc0, 0xc1])
      expectRepaired(jpegOf(frame(marker), scan(3, limits), DATA, END), whole(frame(marker)));
    expect.assertions(4);
  });

  test('has them in each of several scans, and nothing else of their data is changed', () => {
    const several = (limits: readonly number[]): Buffer =>
      jpegOf(
        frame(),
        scan(1),
        DATA,
        jpegSegment(0xc4, Buffer.from([0xff, 0xda, 0, 12, ...scan(1, [9, 9, 9])])),
        scan(1, limits),
        DATA,
        scan(1, limits),
        DATA,
        END,
        scan(1, [9, 9, 9]),
      );
    expectRepaired(several([0, 0, 0]), several([0, 63, 0]));
    expect(repairJpeg(several([0, 63, 0])).length).toBe(several([0, 63, 0]).length);
  });

  test.each([
    ['of no length', Buffer.from([0xff, 0xc4, 0, 1])],
    ['beyond the end', Buffer.from([0xff, 0xc4, 0xff, 0xff])],
    ['that is cut off', Buffer.from([0xff, 0xc4, 0])],
  ])('is left as it is behind a segment %s', (_, segment) => {
    const bytes = jpegOf(
      frame(),
      scan(1),
      DATA,
      segment,
      scan(1, [0, 0, 0]).subarray(0, segment.length === 3 ? 0 : 99),
    );
    expect(repairJpeg(bytes)).toBe(bytes);
  });

  test('of progressive scans keeps their limits while it loses stray bytes', () => {
    const scans = [scan(1, [0, 0, 1]), DATA, scan(1, [1, 5, 2]), DATA, END];
    expectRepaired(jpegOf(Buffer.from([7]), frame(0xc2), ...scans), jpegOf(frame(0xc2), ...scans));
  });
});
