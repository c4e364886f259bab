import { describe, expect, test } from 'vitest';
import { nameFormat } from '../../../src/image/formats/name-format.ts';
import { probeImage } from '../../../src/image/probe-image.ts';

/** A TGA header: true colour without compression. */
function targa(): number[] {
  return [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 4, 0, 24, 0];
}

/** Text, then zeros, of 64 bytes. */
function starting(text: string): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write(text, 'latin1');
  return bytes;
}

function bitmap(): Buffer {
  const bytes = starting('BM');
  bytes.writeUInt32LE(40, 14);
  return bytes;
}

describe('a file of another format', () => {
  test.each<[string, Buffer]>([
    ['a BMP file', bitmap()],
    ['an ICO file', Buffer.from([0, 0, 1, 0, 1, 0, 16, 16])],
    ['a CUR file', Buffer.from([0, 0, 2, 0, 1, 0, 16, 16])],
    ['a JPEG 2000 file', starting('\0\0\0\u000cjP  \r\n\u0087\n')],
    ['a JPEG 2000 codestream', starting('\u00ff\u004f\u00ff\u0051')],
    ['a JPEG XL file', starting('\0\0\0\u000cJXL \r\n\u0087\n')],
    ['a JPEG XL file', starting('\u00ff\u000a')],
    ['a PNM file', Buffer.from('P6\n4 4\n255\n')],
    ['a PNM file', Buffer.from('P5 4 4 255 ')],
    ['a PNM file', Buffer.from('P1\n# comment\n4 4\n')],
    ['a TGA file', Buffer.from([...targa(), ...Array.from({ length: 48 }, (_, index) => index)])],
    [
      'a TGA file',
      Buffer.concat([Buffer.from([1, 9, 200, 3]), Buffer.alloc(40, 7), Buffer.from('TRUEVISION-XFILE.\0')]),
    ],
    ['a Photoshop file', starting('8BPS\0\u0001')],
    ['an SVG drawing', Buffer.from('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['an SVG drawing', Buffer.from('\ufeff <svg width="1"/>')],
    ['a PDF file', Buffer.from('%PDF-1.7\n')],
    ['a PostScript file', Buffer.from('%!PS-Adobe-3.0\n')],
  ])('is named as an image that cannot be decoded: %s', async (name, bytes) => {
    expect(nameFormat(bytes)).toEqual({ name, isImage: true });
    expect(await probeImage(bytes)).toMatchObject({
      status: 'unsupported',
      reason: `${name} cannot be decoded here; convert it to JPEG or PNG`,
    });
  });

  test.each<[string, Buffer]>([
    ['an HTML page', Buffer.from('\n <!-- saved --> <!doctype html><p>404')],
    ['an HTML page', Buffer.from('<HTML><body>')],
    ['an XML document', Buffer.from('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>')],
    ['a JSON document', Buffer.from('{"error": "not found"}')],
    ['a text file', Buffer.from('Zugriff verweigert: nicht für Sie')],
    [
      'a Git LFS pointer, which stands for a file that was not fetched',
      Buffer.from('version https://git-lfs.github.com/spec/v1\n'),
    ],
    ['a ZIP archive', starting('PK\u0003\u0004')],
    ['a gzip file', starting('\u001f\u008b\u0008')],
    ['an MP4 video', starting('\0\0\0\u0018ftypisom')],
    ['a QuickTime video', starting('\0\0\0\u0018ftypqt  ')],
    [
      'a tar archive',
      Buffer.concat([Buffer.from('name'), Buffer.alloc(253), Buffer.from('ustar\0'), Buffer.alloc(249)]),
    ],
    ['1,000 bytes, all zero', Buffer.alloc(1000)],
    ['7 bytes, all 0xff', Buffer.alloc(7, 0xff)],
  ])('is named as none: %s', async (name, bytes) => {
    expect(nameFormat(bytes)).toEqual({ name, isImage: false });
    expect(await probeImage(bytes)).toMatchObject({ status: 'unsupported', reason: `${name}, not an image` });
  });

  test('is not guessed', () => {
    expect(nameFormat(Buffer.from([200, 1, 77, 3, 90, 0, 5]))).toBeUndefined();
    expect(nameFormat(Buffer.alloc(0))).toBeUndefined();
  });
});
