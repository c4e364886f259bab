import { readBrands } from './iso-media-structure.ts';
import { countText, numberAt, textAt } from './image-structure.ts';

/** Stands for any byte in a signature. */
const ANY = '\u0100';

/** Names of files by the signatures, of which one lies at their start; bytes as Latin-1. */
type Signatures = Readonly<Record<string, readonly string[]>>;

/** Files that hold an image that is not decoded here. */
const IMAGES: Signatures = {
  'a JPEG 2000 file': ['\0\0\0\fjP  \r\n\u0087\n'],
  'a JPEG 2000 codestream': ['\u00ffO\u00ffQ'],
  'a JPEG XL file': ['\u00ff\n', '\0\0\0\fJXL \r\n\u0087\n'],
  'a JPEG XR file': ['II\u00bc'],
  'a PNM file': ['1', '2', '3', '4', '5', '6'].flatMap((kind) => [
    `P${kind}\n`,
    `P${kind} `,
    `P${kind}#`,
    `P${kind}\r`,
  ]),
  'a PAM file': ['P7\n'],
  'a PFM file': ['PF\n', 'Pf\n'],
  'a Photoshop file': ['8BPS\0'],
  'an OpenEXR file': ['v/1\u0001'],
  'a Radiance HDR file': ['#?RADIANCE', '#?RGBE'],
  'a FITS file': ['SIMPLE  = '],
  'a DDS texture': ['DDS |'],
  'a QOI file': ['qoif'],
  'a FLIF file': ['FLIF'],
  'a BPG file': ['BPG\u00fb'],
  'a GIMP file': ['gimp xcf'],
  'a Fujifilm raw file': ['FUJIFILMCCD-RAW'],
  'a Panasonic raw file': ['IIU\0'],
  'an Olympus raw file': ['IIRO', 'IIRS'],
  'a PCX file': ['\n\u0005\u0001'],
  'an SGI image file': ['\u0001\u00da\0', '\u0001\u00da\u0001'],
  'a Sun raster file': ['Y\u00a6j\u0095'],
  'a Windows metafile': ['\u00d7\u00cd\u00c6\u009a'],
  'an enhanced metafile': [`\u0001\0\0\0${ANY.repeat(36)} EMF`],
  'a PostScript file': ['%!PS', '\u00c5\u00d0\u00d3\u00c6'],
  'a PDF file': ['%PDF-'],
  'a DjVu file': ['AT&TFORM'],
};

/** Files that hold no image, or none that is meant. */
const OTHERS: Signatures = {
  'a macOS resource fork': ['\0\u0005\u0016\0', '\0\u0005\u0016\u0007'],
  'a ZIP archive': ['PK\u0003\u0004', 'PK\u0005\u0006'],
  'a gzip file': ['\u001f\u008b'],
  'a bzip2 file': ['BZh'],
  'an xz file': ['\u00fd7zXZ\0'],
  'a Zstandard file': ['(\u00b5/\u00fd'],
  'a 7-Zip archive': ["7z\u00bc\u00af'\u001c"],
  'a RAR archive': ['Rar!\u001a\u0007'],
  'an AVI video': [`RIFF${ANY.repeat(4)}AVI `],
  'a WAVE sound file': [`RIFF${ANY.repeat(4)}WAVE`],
  'a Matroska or WebM video': ['\u001aE\u00df\u00a3'],
  'an Ogg file': ['OggS'],
  'an MP3 sound file': ['ID3', '\u00ff\u00fb', '\u00ff\u00f3', '\u00ff\u00f2'],
  'a FLAC sound file': ['fLaC'],
  'a Flash video': ['FLV\u0001'],
  'an MPEG video': ['\0\0\u0001\u00ba', '\0\0\u0001\u00b3'],
  'a program': ['\u007fELF', 'MZ'],
  'a Parquet file': ['PAR1'],
  'a NumPy array': ['\u0093NUMPY'],
  'an HDF5 file': ['\u0089HDF\r\n'],
  'an SQLite database': ['SQLite format 3\0'],
  'an Office document': ['\u00d0\u00cf\u0011\u00e0'],
  'a Git LFS pointer, which stands for a file that was not fetched': ['version https://git-lfs'],
};

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
  const image = findSignature(start, IMAGES) ?? nameBitmap(bytes) ?? nameIcon(bytes) ?? nameRaw(bytes);
  if (image !== undefined) return { name: image, isImage: true };
  const other = nameMedia(bytes) ?? findSignature(start, OTHERS) ?? nameByPlace(bytes);
  if (other !== undefined) return { name: other, isImage: false };
  const text = nameText(bytes);
  if (text !== undefined) return { name: text, isImage: false };
  const raster = nameTarga(bytes);
  return raster === undefined ? undefined : { name: raster, isImage: true };
}

function findSignature(start: string, signatures: Signatures): string | undefined {
  const isAt = (signature: string): boolean =>
    start.length >= signature.length &&
    Array.from(signature).every((byte, index) => byte === ANY || byte === start[index]);
  return Object.keys(signatures).find((name) => signatures[name]?.some(isAt));
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

function nameRaw(bytes: Uint8Array): string | undefined {
  return readBrands(bytes)[0]?.startsWith('crx') ? 'a Canon raw file' : undefined;
}

function nameMedia(bytes: Uint8Array): string | undefined {
  const [brand] = readBrands(bytes);
  if (brand === undefined) return undefined;
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
