import { countText, cutOff, type ImageStructure, PLAIN } from './image-structure.ts';
import { listDirectories, type TiffDirectory, type TiffEntry, valuesOf } from './tiff-directory.ts';

const TAG = {
  subfileType: 254,
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  stripOffsets: 273,
  orientation: 274,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripBytes: 279,
  planes: 284,
  tileLength: 323,
  tileOffsets: 324,
  tileBytes: 325,
  sampleFormat: 339,
} as const;

const JPEG_COMPRESSION = 7;
const YCBCR = 6;

/** Compressions by number (https://exiftool.org/TagNames/EXIF.html#Compression). */
const COMPRESSIONS: Readonly<Record<number, string>> = {
  1: 'no',
  2: 'CCITT RLE',
  3: 'CCITT fax 3',
  4: 'CCITT fax 4',
  5: 'LZW',
  6: 'old-style JPEG',
  7: 'JPEG',
  8: 'Deflate',
  32_773: 'PackBits',
  32_809: 'ThunderScan',
  32_908: 'Pixar film',
  32_909: 'Pixar log',
  32_946: 'Deflate',
  33_003: 'JPEG 2000',
  33_004: 'JPEG 2000',
  33_005: 'JPEG 2000',
  34_661: 'JBIG',
  34_676: 'SGI log',
  34_677: 'SGI log',
  34_712: 'JPEG 2000',
  34_887: 'LERC',
  34_892: 'lossy DNG',
  34_925: 'LZMA',
  50_000: 'Zstandard',
  50_001: 'WebP',
  50_002: 'JPEG XL',
  52_546: 'JPEG XL',
};

/** Compressions that the bundled libtiff decodes. */
const DECODED = new Set([1, 2, 3, 4, 5, JPEG_COMPRESSION, 8, 32_773, 32_946]);

/** Formats of samples (TIFF 6.0, section 19). */
const FLOAT = 3;
const COMPLEX = 5;

/** Bits of a channel that the bundled libvips takes. */
const DEPTHS = new Set([1, 2, 4, 8, 16, 32, 64]);

/** Colours that the bundled libvips does not read in every depth. */
const COLOURS: Readonly<Record<number, string>> = {
  8: 'CIELAB',
  9: 'ICCLAB',
  10: 'ITULAB',
  32_803: 'raw sensor',
  32_844: 'LogL',
  32_845: 'LogLuv',
  34_892: 'linear raw',
};

/** What the first directory of a TIFF tells (TIFF 6.0, BigTIFF); `undefined` for other files. */
export function readTiffStructure(bytes: Uint8Array): ImageStructure | undefined {
  const directories = listDirectories(bytes);
  if (directories === undefined) return undefined;
  const base: ImageStructure = { ...PLAIN, format: 'tiff', name: 'TIFF' };
  const [first, ...others] = directories;
  if (first === undefined) return base;
  const value = (tag: number): number | undefined => valueOf(bytes, first, tag);
  const bits = value(TAG.bitsPerSample) ?? 1;
  const [compression = 1, photometric] = [value(TAG.compression), value(TAG.photometric)];
  const colours = COLOURS[photometric ?? -1];
  const height = value(TAG.height);
  const isPalette = photometric === 3;
  // Rows of one strip are read one by one, unless each channel has strips of its own.
  const areStripsHeld = compression === JPEG_COMPRESSION || value(TAG.planes) === 2;
  // Reduced copies of another page are no pages of their own.
  const pages = others.filter((page) => ((valueOf(bytes, page, TAG.subfileType) ?? 0) & 1) === 0).length + 1;
  return {
    ...base,
    width: value(TAG.width),
    height,
    channels: isPalette ? 3 : (value(TAG.samplesPerPixel) ?? 1),
    bitDepth: isPalette ? 8 : bits,
    frames: pages,
    isTurned: (value(TAG.orientation) ?? 1) > 2,
    rowsAtOnce: value(TAG.tileLength) ?? (areStripsHeld ? (value(TAG.rowsPerStrip) ?? height ?? 1) : 1),
    // Only libjpeg converts these; without it they would be shown as if they were RGB.
    refused:
      photometric === YCBCR && compression !== JPEG_COMPRESSION && DECODED.has(compression)
        ? `a TIFF with YCbCr colours and ${nameCompression(compression)} compression`
        : undefined,
    unsupported: findUnsupported(compression, colours, bits, value(TAG.sampleFormat)),
  };
}

function findUnsupported(
  compression: number,
  colours: string | undefined,
  bits: number,
  sampleFormat = 1,
): string | undefined {
  const channels = `${bits} bits per channel`;
  if (!DECODED.has(compression)) return `a TIFF with ${nameCompression(compression)} compression`;
  if (colours !== undefined) return `a TIFF with ${colours} colours in ${channels}`;
  if (sampleFormat === COMPLEX || sampleFormat === COMPLEX + 1) return 'a TIFF with complex numbers';
  if (sampleFormat === FLOAT && bits < 16) return `a TIFF with floating-point values in ${channels}`;
  return DEPTHS.has(bits) ? undefined : `a TIFF with ${channels}`;
}

function nameCompression(compression: number): string {
  return COMPRESSIONS[compression] ?? `an unknown (${compression})`;
}

/** Where a TIFF that cannot be decoded is damaged, as far as its first directory tells. */
export function findTiffDamage(bytes: Uint8Array): string | undefined {
  if (bytes.length < 16) return cutOff('within its header');
  const [first] = listDirectories(bytes) ?? [];
  if (first === undefined) return cutOff('before its directory');
  const offsets = listOf(bytes, first, TAG.stripOffsets) ?? listOf(bytes, first, TAG.tileOffsets);
  if (offsets === undefined) return 'its directory names no pixel data';
  const sizes = listOf(bytes, first, TAG.stripBytes) ?? listOf(bytes, first, TAG.tileBytes) ?? [];
  const beyond = offsets.findIndex((offset, index) => offset + (sizes[index] ?? 1) > bytes.length);
  return beyond < 0
    ? undefined
    : cutOff(`within part ${countText(beyond + 1)} of ${countText(offsets.length)} of its pixel data`);
}

function valueOf(bytes: Uint8Array, directory: TiffDirectory, tag: number): number | undefined {
  return listOf(bytes, directory, tag)?.[0];
}

function listOf(bytes: Uint8Array, directory: TiffDirectory, tag: number): number[] | undefined {
  const entry = directory.entries.find((candidate: TiffEntry) => candidate.tag === tag);
  return entry && valuesOf(bytes, entry, directory.isLittle);
}
