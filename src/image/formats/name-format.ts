import { readBrands } from './iso-media-structure.ts';
import { countText, numberAt, textAt } from './image-structure.ts';

/** Files that begin with a signature and hold an image that is not decoded here. */
const IMAGES: readonly (readonly [signature: RegExp, name: string])[] = [
  [/^\0\0\0\x0cjP {2}\r\n\x87\n[\s\S]{8}jp[xm]/u, 'a JPEG 2000 file'],
  [/^\0\0\0\x0cjP {2}\r\n\x87\n/u, 'a JPEG 2000 file'],
  [/^\xff\x4f\xff\x51/u, 'a JPEG 2000 codestream'],
  [/^(?:\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n)/u, 'a JPEG XL file'],
  [/^II\xbc/u, 'a JPEG XR file'],
  [/^P[1-6][\s#]/u, 'a PNM file'],
  [/^P7\n/u, 'a PAM file'],
  [/^P[Ff]\s/u, 'a PFM file'],
  [/^8BPS\0[\x01\x02]/u, 'a Photoshop file'],
  [/^\x76\x2f\x31\x01/u, 'an OpenEXR file'],
  [/^#\?R(?:ADIANCE|GBE)/u, 'a Radiance HDR file'],
  [/^SIMPLE {2}= /u, 'a FITS file'],
  [/^DDS \x7c/u, 'a DDS texture'],
  [/^qoif/u, 'a QOI file'],
  [/^FLIF/u, 'a FLIF file'],
  [/^BPG\xfb/u, 'a BPG file'],
  [/^gimp xcf/u, 'a GIMP file'],
  [/^FUJIFILMCCD-RAW/u, 'a Fujifilm raw file'],
  [/^IIU\0/u, 'a Panasonic raw file'],
  [/^IIR[OS]/u, 'an Olympus raw file'],
  [/^\x0a[\0-\x05]\x01[\x01\x02\x04\x08]/u, 'a PCX file'],
  [/^\x01\xda[\0\x01][\x01\x02]/u, 'an SGI image file'],
  [/^\x59\xa6\x6a\x95/u, 'a Sun raster file'],
  [/^\xd7\xcd\xc6\x9a/u, 'a Windows metafile'],
  [/^\x01\0\0\0[\s\S]{36} EMF/u, 'an enhanced metafile'],
  [/^%!PS|^\xc5\xd0\xd3\xc6/u, 'a PostScript file'],
  [/^%PDF-/u, 'a PDF file'],
  [/^AT&TFORM/u, 'a DjVu file'],
];

/** Files that begin with a signature and hold no image, or none that is meant. */
const OTHERS: readonly (readonly [signature: RegExp, name: string])[] = [
  [/^\0\x05\x16[\0\x07]/u, 'a macOS resource fork'],
  [/^PK(?:\x03\x04|\x05\x06)/u, 'a ZIP archive'],
  [/^\x1f\x8b/u, 'a gzip file'],
  [/^BZh[1-9]/u, 'a bzip2 file'],
  [/^\xfd7zXZ\0/u, 'an xz file'],
  [/^\x28\xb5\x2f\xfd/u, 'a Zstandard file'],
  [/^7z\xbc\xaf\x27\x1c/u, 'a 7-Zip archive'],
  [/^Rar!\x1a\x07/u, 'a RAR archive'],
  [/^RIFF[\s\S]{4}AVI /u, 'an AVI video'],
  [/^RIFF[\s\S]{4}WAVE/u, 'a WAVE sound file'],
  [/^\x1a\x45\xdf\xa3/u, 'a Matroska or WebM video'],
  [/^OggS/u, 'an Ogg file'],
  [/^ID3|^\xff[\xf2\xf3\xfb]/u, 'an MP3 sound file'],
  [/^fLaC/u, 'a FLAC sound file'],
  [/^FLV\x01/u, 'a Flash video'],
  [/^\0\0\x01[\xb3\xba]/u, 'an MPEG video'],
  [/^\x7fELF|^MZ/u, 'a program'],
  [/^PAR1/u, 'a Parquet file'],
  [/^\x93NUMPY/u, 'a NumPy array'],
  [/^\x89HDF\r\n/u, 'an HDF5 file'],
  [/^SQLite format 3\0/u, 'an SQLite database'],
  [/^\xd0\xcf\x11\xe0/u, 'an Office document'],
  [/^version https:\/\/git-lfs/u, 'a Git LFS pointer, which stands for a file that was not fetched'],
];

/** Text by what it begins with, behind spaces and a byte order mark. */
const TEXTS: readonly (readonly [start: RegExp, name: string])[] = [
  [/^(?:<!--[\s\S]*?-->\s*)*<(?:!doctype\s+html|html|head|body|title|meta|script)\b/iu, 'an HTML page'],
  [/^<\?xml/iu, 'an XML document'],
  [/^</u, 'a page of markup'],
  [/^[[{]/u, 'a JSON document'],
];

/** What the bytes are that no decoder here takes, in words, and whether they are an image of some kind. */
export interface NamedFormat {
  readonly name: string;
  readonly isImage: boolean;
}

/** Names a file by its bytes; `undefined` where they tell nothing. */
export function nameFormat(bytes: Uint8Array): NamedFormat | undefined {
  const [first] = bytes;
  if (bytes.length > 0 && bytes.every((byte) => byte === first) && (first === 0 || first === 0xff)) {
    const name = bytes.length === 1 ? 'a single byte' : `${countText(bytes.length)} bytes`;
    return { name: `${name}, all ${first === 0 ? 'zero' : '0xff'}`, isImage: false };
  }
  const start = textAt(bytes, 0, 64);
  const drawing = nameDrawing(bytes);
  if (drawing !== undefined) return { name: drawing, isImage: true };
  const image =
    IMAGES.find(([signature]) => signature.test(start))?.[1] ?? nameBitmap(bytes) ?? nameIcon(bytes);
  if (image !== undefined) return { name: image, isImage: true };
  const other =
    nameMedia(bytes) ?? OTHERS.find(([signature]) => signature.test(start))?.[1] ?? nameByPlace(bytes);
  if (other !== undefined) return { name: other, isImage: false };
  const text = nameText(bytes);
  if (text !== undefined) return { name: text, isImage: false };
  const raster = nameTarga(bytes);
  return raster === undefined ? undefined : { name: raster, isImage: true };
}

/** SVG, which is a program that draws rather than pixels. */
function nameDrawing(bytes: Uint8Array): string | undefined {
  const start = textAt(bytes, 0, 4096);
  return /^[\s\u00ef\u00bb\u00bf]*<(?:svg|\?xml|!--|!DOCTYPE\s+svg)/iu.test(start) &&
    /<svg[\s>]/iu.test(start)
    ? 'an SVG drawing'
    : undefined;
}

function nameBitmap(bytes: Uint8Array): string | undefined {
  const header = numberAt(bytes, 14, 4, true) ?? 0;
  return textAt(bytes, 0, 2) === 'BM' && header >= 12 && header <= 256 ? 'a BMP file' : undefined;
}

function nameIcon(bytes: Uint8Array): string | undefined {
  const [reserved, kind, count] = [
    numberAt(bytes, 0, 2, true),
    numberAt(bytes, 2, 2, true),
    numberAt(bytes, 4, 2, true),
  ];
  if (reserved !== 0 || count === undefined || count === 0 || count > 256) return undefined;
  if (kind === 1) return 'an ICO file';
  return kind === 2 ? 'a CUR file' : undefined;
}

function nameMedia(bytes: Uint8Array): string | undefined {
  const [brand] = readBrands(bytes);
  if (brand === undefined) return undefined;
  if (brand.startsWith('crx')) return 'a Canon raw file';
  return brand.startsWith('qt') ? 'a QuickTime video' : 'an MP4 video';
}

/** Files whose signature lies further behind. */
function nameByPlace(bytes: Uint8Array): string | undefined {
  if (textAt(bytes, 128, 4) === 'DICM') return 'a DICOM file';
  return textAt(bytes, 257, 5) === 'ustar' ? 'a tar archive' : undefined;
}

/** Bytes that are looked at to tell text from others. */
const TEXT_BYTES = 4096;

function nameText(bytes: Uint8Array): string | undefined {
  const part = bytes.subarray(0, TEXT_BYTES);
  if (part.length === 0 || part.some((byte) => byte < 9 || (byte > 13 && byte < 32) || byte === 127))
    return undefined;
  // A character may be cut where the part ends.
  const text = new TextDecoder().decode(part, { stream: true });
  if (text.includes('\ufffd')) return undefined;
  const start = text.trimStart();
  return TEXTS.find(([pattern]) => pattern.test(start))?.[1] ?? 'a text file';
}

/** TGA has no signature at its start: a footer, or a header all of whose fields make sense, tells it. */
function nameTarga(bytes: Uint8Array): string | undefined {
  if (textAt(bytes, bytes.length - 18, 16) === 'TRUEVISION-XFILE') return 'a TGA file';
  const [, map = 0, kind = 0] = bytes;
  const [width, height, bits] = [numberAt(bytes, 12, 2, true), numberAt(bytes, 14, 2, true), bytes[16] ?? 0];
  const isHeader =
    map <= 1 && [1, 2, 3, 9, 10, 11].includes(kind) && [8, 15, 16, 24, 32].includes(bits) && width && height;
  return isHeader ? 'a TGA file' : undefined;
}
