import * as fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { parseJpegHeader } from '../../src/image/jpeg-header.ts';

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
