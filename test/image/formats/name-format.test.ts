import { describe, expect, test } from 'vitest';
import { nameFormat } from '../../../src/image/formats/name-format.ts';
import { probeImage } from '../../../src/image/probe-image.ts';

/** A TGA header: true colour without compression, unless it is said otherwise. */
function targa({ map = 0, kind = 2, bits = 24, width = 4, height = 4 } = {}): number[] {
  return [0, map, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, width, 0, height, 0, bits, 0];
}

/** Text, then zeros, of 64 bytes. */
function starting(text: string): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write(text, 'latin1');
  return bytes;
}

function bitmap(headerBytes = 40): Buffer {
  const bytes = starting('BM');
  bytes.writeUInt32LE(headerBytes, 14);
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
    ['a PostScript file', starting('\u00c5\u00d0\u00d3\u00c6')],
    ['a BMP file', bitmap(12)],
    ['a BMP file', bitmap(256)],
    ['a CUR file', Buffer.from([0, 0, 2, 0, 0, 1, 16, 16])],
    ['a TGA file', Buffer.from(targa())],
    ['a TGA file', Buffer.from(targa({ map: 1, kind: 11, bits: 8 }))],
    ['a TGA file', Buffer.from(targa({ kind: 10, bits: 32 }))],
    ['a TGA file', Buffer.from(targa({ kind: 3, bits: 16 }))],
    ['a TGA file', Buffer.from(targa({ map: 1, kind: 1, bits: 15 }))],
    ['a TGA file', Buffer.from(targa({ map: 1, kind: 9, bits: 8 }))],
    ['a Canon raw file', starting('\0\0\0\u0018ftypcrx ')],
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

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['some bytes', Buffer.from([200, 1, 77, 3, 90, 0, 5])],
    ['some bytes that are all the same', Buffer.alloc(40, 0xfe)],
    ['BM with a small header', bitmap(11)],
    ['BM with a large header', bitmap(257)],
    ['an icon without pictures', Buffer.from([0, 0, 1, 0, 0, 0, 16, 16])],
    ['an icon of too many pictures', Buffer.from([0, 0, 1, 0, 1, 1, 16, 16])],
    ['an icon of another kind', Buffer.from([0, 0, 3, 0, 1, 0, 16, 16])],
    ['an icon that is not reserved', Buffer.from([1, 0, 1, 0, 1, 0, 16, 16])],
    ['an icon that is cut off', Buffer.from([0, 0, 1, 0, 1])],
    ['a TGA of another map', Buffer.from(targa({ map: 2 }))],
    ['a TGA of another kind', Buffer.from(targa({ kind: 4 }))],
    ['a TGA of other bits', Buffer.from(targa({ bits: 12 }))],
    ['a TGA without a width', Buffer.from(targa({ width: 0 }))],
    ['a TGA without a height', Buffer.from(targa({ height: 0 }))],
    ['a signature that is cut off', Buffer.from('BPG\u0007')],
    ['text with a byte of none', Buffer.from('a text\u0008of sorts')],
    ['text with another byte of none', Buffer.from('a text\u001fof sorts')],
    ['text that deletes', Buffer.from('a text\u007fof sorts')],
    ['text in another encoding', Buffer.from('f\u00fcr', 'latin1')],
  ])('is not guessed: %s', (_, bytes) => {
    expect(nameFormat(bytes)).toBeUndefined();
  });

  test.each([
    ['a text file', Buffer.from('one\ttwo\n\u000b\u000c\r three~')],
    // A character lies across the end of what is looked at.
    ['a text file', Buffer.from(`${'a'.repeat(4095)}\u00fc`)],
    ['a text file', Buffer.from(`${'a'.repeat(4096)}\u0007`)],
    ['a page of markup', Buffer.from('<note>')],
    ['a JSON document', Buffer.from('\ufeff [1]')],
    ['a text file', Buffer.from('text with { and <')],
    ['an HTML page', Buffer.from('<!-- a --><!-- b --><script src="x">')],
    ['an XML document', Buffer.from(`<?xml version="1.0"?>${' '.repeat(4096)}<svg/>`)],
    ['a single byte, all zero', Buffer.from([0])],
    ['a single byte, all 0xff', Buffer.from([0xff])],
    ['a DICOM file', Buffer.concat([Buffer.alloc(128), Buffer.from('DICM\u0002')])],
  ])('of text or little else is named: %s', (name, bytes) => {
    expect(nameFormat(bytes)).toEqual({ name, isImage: false });
  });

  // Bytes as Latin-1.
  test.each([
    ['a PNM file', ['P1 ', 'P2\n', 'P3#', 'P4\r', 'P5\n', 'P6 ']],
    ['a PAM file', ['P7\n']],
    ['a PFM file', ['PF\n', 'Pf\n']],
    ['a JPEG XR file', ['II\u00bc']],
    ['an OpenEXR file', ['v/1\u0001']],
    ['a Radiance HDR file', ['#?RADIANCE', '#?RGBE']],
    ['a FITS file', ['SIMPLE  = ']],
    ['a DDS texture', ['DDS |']],
    ['a QOI file', ['qoif']],
    ['a FLIF file', ['FLIF']],
    ['a BPG file', ['BPG\u00fb']],
    ['a GIMP file', ['gimp xcf']],
    ['a Fujifilm raw file', ['FUJIFILMCCD-RAW']],
    ['a Panasonic raw file', ['IIU\0']],
    ['an Olympus raw file', ['IIRO', 'IIRS']],
    ['a PCX file', ['\n\u0005\u0001']],
    ['an SGI image file', ['\u0001\u00da\0', '\u0001\u00da\u0001']],
    ['a Sun raster file', ['Y\u00a6j\u0095']],
    ['a Windows metafile', ['\u00d7\u00cd\u00c6\u009a']],
    ['an enhanced metafile', [`\u0001\0\0\0${'abcdef'.repeat(6)} EMF`]],
    ['a DjVu file', ['AT&TFORM']],
  ])('is an image by its start: %s', (name, starts) => {
    expect(starts.map((start) => nameFormat(starting(start)))).toEqual(
      starts.map(() => ({ name, isImage: true })),
    );
  });

  test.each([
    ['a macOS resource fork', ['\0\u0005\u0016\0', '\0\u0005\u0016\u0007']],
    ['a ZIP archive', ['PK\u0005\u0006']],
    ['a bzip2 file', ['BZh']],
    ['an xz file', ['\u00fd7zXZ\0']],
    ['a Zstandard file', ['(\u00b5/\u00fd']],
    ['a 7-Zip archive', ["7z\u00bc\u00af'\u001c"]],
    ['a RAR archive', ['Rar!\u001a\u0007']],
    ['an AVI video', ['RIFFabcdAVI ']],
    ['a WAVE sound file', ['RIFFabcdWAVE']],
    ['a Matroska or WebM video', ['\u001aE\u00df\u00a3']],
    ['an Ogg file', ['OggS']],
    ['an MP3 sound file', ['ID3', '\u00ff\u00fb', '\u00ff\u00f3', '\u00ff\u00f2']],
    ['a FLAC sound file', ['fLaC']],
    ['a Flash video', ['FLV\u0001']],
    ['an MPEG video', ['\0\0\u0001\u00ba', '\0\0\u0001\u00b3']],
    ['a program', ['\u007fELF', 'MZ']],
    ['a Parquet file', ['PAR1']],
    ['a NumPy array', ['\u0093NUMPY']],
    ['an HDF5 file', ['\u0089HDF\r\n']],
    ['an SQLite database', ['SQLite format 3\0']],
    ['an Office document', ['\u00d0\u00cf\u0011\u00e0']],
  ])('is none by its start: %s', (name, starts) => {
    expect(starts.map((start) => nameFormat(starting(start)))).toEqual(
      starts.map(() => ({ name, isImage: false })),
    );
  });
});
