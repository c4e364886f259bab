import { describe, expect, test } from 'vitest';
import { PLAIN } from '../../../src/image/formats/image-structure.ts';
import { findPngDamage, readPngStructure } from '../../../src/image/formats/png-structure.ts';
import { pngChunk } from '../../support/draw-images.ts';

const SIGNATURE = Buffer.from('\u0089PNG\r\n\u001a\n', 'latin1');
const END = pngChunk('IEND', Buffer.alloc(0));
const DATA = pngChunk('IDAT', Buffer.from('pixels'));

/** A header of 1,000 by 500 pixels. */
function header(bits: number, colourType: number, interlace = 0): Buffer {
  const content = Buffer.alloc(13);
  content.writeUInt32BE(1000, 0);
  content.writeUInt32BE(500, 4);
  content.set([bits, colourType, 0, 0, interlace], 8);
  return pngChunk('IHDR', content);
}

const pngOf = (...chunks: readonly Buffer[]): Buffer => Buffer.concat([SIGNATURE, ...chunks]);
const some = (type: string): Buffer => pngChunk(type, Buffer.alloc(4));

describe('the structure of a PNG', () => {
  const png = { ...PLAIN, format: 'png', name: 'PNG', width: 1000, height: 500 };
  const rgb = header(8, 2);

  test.each([
    ['gray', pngOf(header(8, 0), DATA, END), { channels: 1 }],
    ['gray of 2 bits', pngOf(header(2, 0), DATA, END), { channels: 1, bitDepth: 2 }],
    ['colours', pngOf(rgb, DATA, END), {}],
    ['colours of 16 bits', pngOf(header(16, 2), DATA, END), { bitDepth: 16 }],
    ['a palette of 4 bits, whose entries have 8', pngOf(header(4, 3), DATA, END), { bitDepth: 8 }],
    ['gray and alpha', pngOf(header(8, 4), DATA, END), { channels: 2 }],
    ['colours and alpha', pngOf(header(8, 6), DATA, END), { channels: 4 }],
    ['an unknown type of colours', pngOf(header(8, 5), DATA, END), {}],
    ['a palette with transparency', pngOf(header(8, 3), some('tRNS'), DATA, END), { channels: 4 }],
    ['gray with a transparent tone', pngOf(header(8, 0), some('tRNS'), DATA, END), { channels: 2 }],
    ['alpha twice', pngOf(header(8, 4), some('tRNS'), DATA, END), { channels: 2 }],
    ['interlaced rows', pngOf(header(8, 2, 1), DATA, END), { isHeldWhole: true }],
    ['EXIF', pngOf(rgb, some('eXIf'), DATA, END), { isTurned: true }],
    ['three frames', pngOf(rgb, some('fcTL'), DATA, some('fcTL'), some('fcTL'), END), { frames: 3 }],
    ['chunks behind its end', pngOf(rgb, DATA, END, some('fcTL'), some('fcTL'), some('eXIf')), {}],
  ])('of %s', (_, bytes, changes) => {
    expect(readPngStructure(bytes)).toEqual({ ...png, ...changes });
  });

  test.each([
    ['a signature that a transfer as text changed', Buffer.from('\u0089PNG\n\u001a\n', 'latin1')],
    ['another first chunk', pngOf(DATA, END)],
    ['nothing behind its signature', SIGNATURE],
  ])('is next to nothing with %s', (_, bytes) => {
    expect(readPngStructure(bytes)).toEqual({ ...PLAIN, format: 'png', name: 'PNG' });
  });

  test('is what the header tells before it is cut off, and none of another file', () => {
    const bytes = pngOf(header(16, 6, 1));
    expect(readPngStructure(bytes.subarray(0, 20))).toEqual({ ...png, height: undefined });
    expect(readPngStructure(bytes.subarray(0, 25))).toEqual({ ...png, bitDepth: 16 });
    expect(readPngStructure(Buffer.from('\u0089PNH\r\n\u001a\n', 'latin1'))).toBeUndefined();
  });
});

describe('the damage of a PNG', () => {
  const whole = pngOf(header(8, 2), DATA, END);
  const dataAt = 33;

  function broken(at: number, value: number): Buffer {
    const bytes = Buffer.from(whole);
    bytes[at] = value;
    return bytes;
  }

  test.each([
    ['the file is cut off within its header', SIGNATURE.subarray(0, 7)],
    ['its signature is damaged', Buffer.from('\u0089PNG\n\u001a\n\0\0', 'latin1')],
    ['there is no chunk at byte 33, where one should begin', broken(dataAt + 4, 0x31)],
    ['the file is cut off within its IDAT chunk at byte 33', whole.subarray(0, dataAt + 17)],
    ['the checksum of its IDAT chunk at byte 33 is wrong', broken(dataAt + 9, 0)],
    ['it holds no pixel data', pngOf(header(8, 2), some('tEXt'), END)],
    ['the file is cut off before its IEND chunk', pngOf(header(8, 2), DATA)],
    ['the file is cut off before its IEND chunk', SIGNATURE],
    [undefined, whole],
  ])('is named: %s', (damage, bytes) => {
    expect(findPngDamage(bytes)).toBe(damage);
  });

  test('is none where the checksum of a chunk is wrong that decoders may pass over', () => {
    const bytes = pngOf(header(8, 2), some('tEXt'), DATA, END);
    bytes[dataAt + 9] = 7;
    expect(findPngDamage(bytes)).toBeUndefined();
  });
});
