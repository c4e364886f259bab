import { PixlakeError } from '../errors.ts';
import { findGifDamage, readGifStructure } from './formats/gif-structure.ts';
import { countText, type ImageFormat, type ImageStructure } from './formats/image-structure.ts';
import { findIsoMediaDamage, readIsoMediaStructure, repairIsoMedia } from './formats/iso-media-structure.ts';
import { findJpegDamage, readJpegStructure, repairJpeg } from './formats/jpeg-structure.ts';
import { nameFormat } from './formats/name-format.ts';
import { findPngDamage, readPngStructure } from './formats/png-structure.ts';
import { repairTiff } from './formats/tiff-directory.ts';
import { findTiffDamage, readTiffStructure } from './formats/tiff-structure.ts';
import { findWebpDamage, readWebpStructure } from './formats/webp-structure.ts';

const READERS: readonly ((bytes: Uint8Array) => ImageStructure | undefined)[] = [
  readJpegStructure,
  readPngStructure,
  readWebpStructure,
  readGifStructure,
  readTiffStructure,
  readIsoMediaStructure,
];

const DAMAGE: Readonly<Record<ImageFormat, (bytes: Uint8Array) => string | undefined>> = {
  jpeg: findJpegDamage,
  png: findPngDamage,
  webp: findWebpDamage,
  gif: findGifDamage,
  tiff: findTiffDamage,
  avif: findIsoMediaDamage,
  heif: findIsoMediaDamage,
};

const REPAIRS: Readonly<Partial<Record<ImageFormat, (bytes: Uint8Array) => Uint8Array>>> = {
  jpeg: repairJpeg,
  tiff: repairTiff,
  avif: repairIsoMedia,
};

/** The structure of an image; `undefined` if no decoder here supports its format. */
export function inspectImage(bytes: Uint8Array): ImageStructure | undefined {
  for (const read of READERS) {
    const structure = read(bytes);
    if (structure !== undefined) return structure;
  }
  return undefined;
}

/** The bytes to decode, without damage that does not concern pixels. */
export function repairImage(bytes: Uint8Array, format: ImageFormat): Uint8Array {
  return REPAIRS[format]?.(bytes) ?? bytes;
}

/**
 * Explains why an image cannot be decoded. The reason depends only on its bytes: the message of libvips may be about another image that fails at the
 * same moment.
 */
export function explainFailure(bytes: Uint8Array, cause?: unknown): PixlakeError {
  const options = cause === undefined ? {} : { cause };
  if (bytes.length === 0) return new PixlakeError('IMAGE_EMPTY', 'the image has zero bytes', options);
  const structure = inspectImage(bytes);
  if (structure === undefined) return new PixlakeError('IMAGE_UNSUPPORTED', explainUnknown(bytes), options);
  const unsupported = structure.refused ?? structure.unsupported;
  if (unsupported !== undefined) return unsupportedError(unsupported, options);
  const isEmpty = structure.width === 0 || structure.height === 0;
  const reason = isEmpty
    ? 'its header names a size of zero'
    : (DAMAGE[structure.format](bytes) ?? 'the pixel data is damaged');
  return new PixlakeError('IMAGE_CORRUPT', `${describeImage(structure)}: ${reason}`, options);
}

/** The error for an undamaged image that cannot be decoded. */
export function unsupportedError(what: string, options: { cause?: unknown } = {}): PixlakeError {
  return new PixlakeError(
    'IMAGE_UNSUPPORTED',
    `${what} cannot be decoded here; convert it to JPEG or PNG`,
    options,
  );
}

/** Format and size in words. */
export function describeImage({ name, width, height }: ImageStructure): string {
  if (width === undefined || height === undefined) return name;
  return `${name}, ${countText(width)} x ${countText(height)} pixels`;
}

function explainUnknown(bytes: Uint8Array): string {
  const named = nameFormat(bytes);
  if (named === undefined) return 'not an image in a known format';
  return named.isImage
    ? `${named.name} cannot be decoded here; convert it to JPEG or PNG`
    : `${named.name}, not an image`;
}
