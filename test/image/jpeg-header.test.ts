import * as fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { parseJpegHeader } from '../../src/image/jpeg-header.ts';
import { jpegSegment } from '../support/draw-images.ts';

function draw(channels: 1 | 3 = 3): Sharp {
  const drawn = sharp({ create: { width: 40, height: 30, channels: 3, background: '#8040c0' } });
  return channels === 1 ? drawn.toColourspace('b-w') : drawn;
}

const plain = {
  width: 40,
  height: 30,
  channels: 3,
  orientation: 1,
  isProgressive: false,
  isHeldWhole: false,
};

describe('the header of a JPEG', () => {
  test.each([
    ['baseline', draw().jpeg(), {}],
    ['progressive', draw().jpeg({ progressive: true }), { isProgressive: true, isHeldWhole: true }],
    ['gray', draw(1).jpeg(), { channels: 1 }],
    ['without subsampling', draw().jpeg({ chromaSubsampling: '4:4:4' }), {}],
    [
      'with EXIF that says nothing of orientation',
      draw()
        .withExif({ IFD0: { Copyright: 'me' } })
        .jpeg(),
      {},
    ],
  ] as const)('%s is read', async (_name, image, changes) => {
    expect(parseJpegHeader(await image.toBuffer())).toEqual({ ...plain, ...changes });
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('orientation %i is read as libvips reads it', async (orientation) => {
    const bytes = await draw().jpeg().withMetadata({ orientation }).toBuffer();
    // libvips writes a colour profile too, which has to go.
    const bare = withoutSegments(bytes, 0xe2);
    expect(parseJpegHeader(bare)).toEqual({ ...plain, orientation });
    expect((await sharp(bare).metadata()).orientation).toBe(orientation);
  });

  test.each([
    ['a colour profile', async () => draw().jpeg().withIccProfile('p3').toBuffer()],
    ['four channels', async () => draw().toColourspace('cmyk').jpeg().toBuffer()],
    ['another format', async () => draw().png().toBuffer()],
    ['nothing', async () => Buffer.alloc(0)],
    ['half of a marker', async () => Buffer.from([0xff, 0xd8, 0xff])],
    ['no scan', async () => Buffer.from([0xff, 0xd8, 0xff, 0xd9])],
    ['a height of zero', async () => patchFrame(await draw().jpeg().toBuffer(), 1, 0, 0)],
    ['12 bits', async () => patchFrame(await draw().jpeg().toBuffer(), 0, 12)],
    ['two frames', async () => repeatFrame(await draw().jpeg().toBuffer())],
    ['a length beyond the end', async () => patchLength(await draw().jpeg().toBuffer())],
    [
      'EXIF that is cut off',
      async () => segment(await draw().jpeg().toBuffer(), 'Exif\0\0II*\0\u0008\0\0\0\u00ff'),
    ],
    [
      'EXIF of no byte order',
      async () => segment(await draw().jpeg().toBuffer(), 'Exif\0\0XX*\0\u0008\0\0\0\0\0'),
    ],
  ])('%s is left to others', async (_name, make) => {
    expect(parseJpegHeader(await make())).toBeUndefined();
  });

  describe('made byte by byte', () => {
    const START = Buffer.from([0xff, 0xd8]);
    /** A frame of 40 by 30. */
    const frame = (marker = 0xc0, channels = 3, rest = 3 * channels): Buffer =>
      jpegSegment(marker, Buffer.from([8, 0, 30, 0, 40, channels, ...Buffer.alloc(rest)]));
    const scan = (channels = 3, limits = [0, 63, 0]): Buffer =>
      jpegSegment(0xda, Buffer.from([channels, ...Buffer.alloc(2 * channels), ...limits]));
    const parse = (...parts: readonly Uint8Array[]): unknown =>
      parseJpegHeader(Buffer.concat([START, ...parts]));

    test.each<[string, readonly Uint8Array[], object]>([
      ['baseline', [frame(), scan()], {}],
      ['extended sequential', [frame(0xc1), scan()], {}],
      [
        'progressive, whatever its limits',
        [frame(0xc2), scan(1, [0, 0, 1])],
        { isProgressive: true, isHeldWhole: true },
      ],
      ['gray', [frame(0xc0, 1), scan(1)], { channels: 1 }],
      ['of a scan for each channel', [frame(), scan(1)], { isHeldWhole: true }],
      ['of fill bytes', [Buffer.from([0xff, 0xff]), frame(), Buffer.from([0xff]), scan()], {}],
      ['of tables', [jpegSegment(0xc4, 'huffman'), frame(), jpegSegment(0xdb, 'quantum'), scan()], {}],
      ['of arithmetic conditions', [jpegSegment(0xcc, 'ac'), jpegSegment(0xc8, 'jpg'), frame(), scan()], {}],
      ['of JFIF', [jpegSegment(0xe0, 'JFIF\0\u0001\u0002'), frame(), scan()], {}],
      ['of another APP0', [jpegSegment(0xe0, 'JFXX\0\u0010'), frame(), scan()], {}],
      ['of no transform', [jpegSegment(0xee, 'Adobe\0d\0\0\0\0\0'), frame(), scan()], {}],
      ['of YCbCr', [jpegSegment(0xee, 'Adobe\0d\0\0\0\0\u0001'), frame(), scan()], {}],
      ['of another APP14', [jpegSegment(0xee, 'Adobf\0d\0\0\0\0\u0002'), frame(), scan()], {}],
      ['of an APP14 that says little', [jpegSegment(0xee, 'Adob'), frame(), scan()], {}],
      ['of another APP2', [jpegSegment(0xe2, 'MPF\0'), frame(), scan()], {}],
      ['of another APP1', [jpegSegment(0xe1, 'http://ns.adobe.com/xap/1.0/\0'), frame(), scan()], {}],
      ['of an empty segment', [jpegSegment(0xe1, ''), frame(), scan()], {}],
      ['of a comment', [jpegSegment(0xfe, 'Exif\0\0'), frame(), scan()], {}],
    ])('is read: %s', (_name, parts, changes) => {
      expect(parse(...parts)).toEqual({ ...plain, ...changes });
    });

    test.each<[string, readonly Uint8Array[]]>([
      ['no frame', [scan()]],
      ['a scan that is empty', [frame(), jpegSegment(0xda, '')]],
      ['a lossless frame', [frame(0xc3), scan()]],
      ['arithmetic coding', [frame(0xc9), scan()]],
      ['a hierarchical frame', [frame(0xcf), scan()]],
      ['two channels', [frame(0xc0, 2), scan(2)]],
      ['four channels', [frame(0xc0, 4), scan(4)]],
      ['a frame that is too long', [frame(0xc0, 3, 10), scan()]],
      ['a frame that is too short', [frame(0xc0, 3, 8), scan()]],
      ['a frame that is cut off', [jpegSegment(0xc0, '\u0008\0\u001e\0\u0028'), scan()]],
      ['no width', [jpegSegment(0xc0, Buffer.from([8, 0, 30, 0, 0, 1, 0, 0, 0])), scan(1)]],
      ['limits of another start', [frame(), scan(3, [1, 63, 0])]],
      ['limits of another end', [frame(), scan(3, [0, 62, 0])]],
      ['another precision', [frame(), scan(3, [0, 63, 1])]],
      ['stray bytes', [frame(), Buffer.from([0]), scan()]],
      ['a stuffed byte', [frame(), Buffer.from([0xff, 0, 0, 2]), scan()]],
      ['a temporary marker', [frame(), Buffer.from([0xff, 1, 0, 2]), scan()]],
      ['a restart', [frame(), Buffer.from([0xff, 0xd0, 0, 2]), scan()]],
      ['another start', [frame(), Buffer.from([0xff, 0xd8, 0, 2]), scan()]],
      ['an end', [frame(), Buffer.from([0xff, 0xd9, 0, 2]), scan()]],
      ['a segment of no length', [Buffer.from([0xff, 0xe0, 0, 1, 0]), frame(), scan()]],
      ['a scan that is cut off', [frame(), scan().subarray(0, -1)]],
      ['version 2 of JFIF', [jpegSegment(0xe0, 'JFIF\0\u0002\u0001'), frame(), scan()]],
      ['JFIF without a version', [jpegSegment(0xe0, 'JFIF\0'), frame(), scan()]],
      ['YCCK', [jpegSegment(0xee, 'Adobe\0d\0\0\0\0\u0002'), frame(), scan()]],
      ['a profile', [jpegSegment(0xe2, 'ICC_PROFILE\0'), frame(), scan()]],
      ['EXIF twice', [exif(), exif(), frame(), scan()]],
    ])('is left to others with %s', (_name, parts) => {
      expect(parse(...parts)).toBeUndefined();
    });

    test('may lie within a larger array', () => {
      const bytes = Buffer.concat([Buffer.from([7, 7]), START, exif({ value: 6 }), frame(), scan()]);
      expect(parseJpegHeader(bytes.subarray(2))).toEqual({ ...plain, orientation: 6 });
      expect(parseJpegHeader(bytes)).toBeUndefined();
    });

    test.each([1, 3, 6, 8])('has orientation %i in both byte orders', (value) => {
      for (const isLittle of [true, false])
        expect(parse(exif({ value, isLittle }), frame(), scan())).toEqual({ ...plain, orientation: value });
      expect.assertions(2);
    });

    test.each([
      ['another tag', { tag: 0x0113 }, 1],
      ['a long', { type: 4 }, undefined],
      ['two values', { count: 2 }, undefined],
      ['no orientation', { value: 0 }, undefined],
      ['an orientation that does not exist', { value: 9 }, undefined],
      ['another version', { version: 43 }, undefined],
      ['a directory at its end', { directory: 26 }, undefined],
      ['more entries than there are', { entries: 2 }, undefined],
      ['no entries', { entries: 0 }, 1],
    ])('with EXIF of %s has orientation %3$s', (_name, changes, orientation) => {
      const header = orientation && { ...plain, orientation };
      for (const isLittle of [true, false])
        expect(parse(exif({ value: 6, isLittle, ...changes }), frame(), scan())).toEqual(header);
      expect.assertions(2);
    });

    test('with EXIF of two orientations is left to others', () => {
      const twice = exif({ value: 6 });
      const entry = twice.subarray(20, 32);
      const body = Buffer.concat([twice.subarray(4, 32), entry]);
      body.writeUInt16LE(2, 14);
      expect(parse(jpegSegment(0xe1, body), frame(), scan())).toBeUndefined();
      entry.writeUInt16LE(0x010f);
      const once = Buffer.concat([twice.subarray(4, 20), entry, exif({ value: 6 }).subarray(20, 32)]);
      once.writeUInt16LE(2, 14);
      expect(parse(jpegSegment(0xe1, once), frame(), scan())).toEqual({ ...plain, orientation: 6 });
    });
  });

  test('property: any bytes give a header or nothing', async () => {
    const bytes = await draw().jpeg().withMetadata({ orientation: 6 }).toBuffer();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
        const damaged = Buffer.from(bytes);
        for (const [at, value] of changes) damaged[at] = value;
        const header = parseJpegHeader(damaged);
        if (header !== undefined) expect(header.width * header.height).toBeGreaterThan(0);
        for (let length = 0; length < 40; length++) parseJpegHeader(damaged.subarray(0, length));
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

/** EXIF of one entry, of an orientation unless it is said otherwise. */
function exif({
  isLittle = true,
  version = 42,
  directory = 8,
  entries = 1,
  tag = 0x0112,
  type = 3,
  count = 1,
  value = 1,
} = {}): Buffer {
  const body = Buffer.alloc(6 + 8 + 2 + 12);
  body.write(isLittle ? 'Exif\0\0II' : 'Exif\0\0MM', 'latin1');
  const write = (number: number, at: number, size: 2 | 4): unknown =>
    isLittle ? body.writeUIntLE(number, at, size) : body.writeUIntBE(number, at, size);
  write(version, 8, 2);
  write(directory, 10, 4);
  write(entries, 14, 2);
  write(tag, 16, 2);
  write(type, 18, 2);
  write(count, 20, 4);
  write(value, 24, 2);
  return jpegSegment(0xe1, body);
}

function frameOf(bytes: Buffer): number {
  return bytes.indexOf(Buffer.from([0xff, 0xc0]));
}

function patchFrame(bytes: Buffer, at: number, ...values: number[]): Buffer {
  bytes.set(values, frameOf(bytes) + 4 + at);
  return bytes;
}

function repeatFrame(bytes: Buffer): Buffer {
  const at = frameOf(bytes);
  const frame = bytes.subarray(at, at + 2 + bytes.readUInt16BE(at + 2));
  return Buffer.concat([bytes.subarray(0, at), frame, bytes.subarray(at)]);
}

function patchLength(bytes: Buffer): Buffer {
  bytes.writeUInt16BE(0xffff, frameOf(bytes) + 2);
  return bytes;
}

/** With an APP1 segment of that text, one byte for each character. */
function segment(bytes: Buffer, text: string): Buffer {
  const body = Buffer.from(text, 'latin1');
  const head = Buffer.from([0xff, 0xe1, 0, body.length + 2]);
  return Buffer.concat([bytes.subarray(0, 2), head, body, bytes.subarray(2)]);
}

function withoutSegments(bytes: Buffer, marker: number): Buffer {
  const parts = [bytes.subarray(0, 2)];
  let at = 2;
  while (bytes[at + 1] !== 0xda) {
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    if (bytes[at + 1] !== marker) parts.push(bytes.subarray(at, end));
    at = end;
  }
  return Buffer.concat([...parts, bytes.subarray(at)]);
}
