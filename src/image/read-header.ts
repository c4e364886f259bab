import type { Metadata } from 'sharp';
import { openEncoded } from './configured-sharp.ts';
import type { ImageStructure } from './formats/image-structure.ts';
import { DEFAULT_LIMITS, type ImageLimits, weighImage } from './image-limits.ts';
import { explainFailure, inspectImage, repairImage, unsupportedError } from './inspect-image.ts';
import { type JpegHeader, parseJpegHeader } from './jpeg-header.ts';

/** The header of an image; `width` and `height` in pixels after applying the EXIF orientation. */
export interface ImageHeader {
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** Bits of a channel. */
  readonly bitDepth: number;
  /** Meaning of the values of a channel: the whole range, perhaps part of 16 bits, or any numbers. */
  readonly values: 'whole' | 'sixteen' | 'numbers';
  /** Frames of an animation or pages of a document, of which the first one is decoded. */
  readonly frames: number;
  /** Whether a decoder keeps the whole image in memory, so it decodes all of it even for a part. */
  readonly isHeldWhole: boolean;
  /** The bytes to decode: those of the image, or a copy without damage that does not concern pixels. */
  readonly bytes: Uint8Array;
  /** Maximum bytes of memory for decoding. */
  readonly memoryBytes: number;
  /** What the markers of a plain JPEG tell. */
  readonly jpeg: JpegHeader | undefined;
}

/** Reads the header of an encoded image. @throws `IMAGE_CORRUPT`, `IMAGE_TOO_LARGE`, `IMAGE_UNSUPPORTED` */
export async function readHeader(
  bytes: Uint8Array,
  limits: ImageLimits = DEFAULT_LIMITS,
): Promise<ImageHeader> {
  const plain = parseJpegHeader(bytes);
  if (plain !== undefined) return describePlain(bytes, plain, limits);
  const structure = inspectImage(bytes);
  if (structure === undefined) throw explainFailure(bytes);
  if (structure.refused !== undefined) throw unsupportedError(structure.refused);
  const repaired = repairImage(bytes, structure.format);
  const jpeg = repaired === bytes ? undefined : parseJpegHeader(repaired);
  if (jpeg !== undefined) return describePlain(repaired, jpeg, limits);
  const { name, width, height } = structure;
  // Without a size, the memory of a decoder would be unlimited.
  if (width === undefined || height === undefined) throw explainFailure(bytes);
  weighImage(name, { ...structure, width, height }, limits);
  return decodeHeader(bytes, repaired, structure, limits);
}

function describePlain(bytes: Uint8Array, jpeg: JpegHeader, limits: ImageLimits): ImageHeader {
  const { width, height, channels, orientation } = jpeg;
  const shape = {
    format: 'jpeg',
    width,
    height,
    channels,
    bitDepth: 8,
    isTurned: orientation > 2,
    isHeldWhole: jpeg.isHeldWhole,
    rowsAtOnce: 1,
  } as const;
  const memoryBytes = weighImage('JPEG', shape, limits);
  const isSwapped = orientation >= 5;
  return {
    format: 'jpeg',
    channels,
    bitDepth: 8,
    values: 'whole',
    frames: 1,
    isHeldWhole: jpeg.isHeldWhole,
    width: isSwapped ? height : width,
    height: isSwapped ? width : height,
    bytes,
    memoryBytes,
    jpeg,
  };
}

async function decodeHeader(
  bytes: Uint8Array,
  repaired: Uint8Array,
  structure: ImageStructure,
  limits: ImageLimits,
): Promise<ImageHeader> {
  let decoded: Metadata;
  try {
    decoded = await openEncoded(repaired).metadata();
  } catch (error) {
    throw explainFailure(bytes, error);
  }
  const { width, height, channels, autoOrient } = decoded;
  // In a crafted file, a decoder may find another size.
  const memoryBytes = weighImage(structure.name, { ...structure, width, height }, limits);
  const { format, bitDepth, frames, isHeldWhole } = structure;
  return {
    format,
    channels,
    bitDepth,
    values: valuesOf(format, decoded),
    frames,
    isHeldWhole,
    memoryBytes,
    ...autoOrient,
    bytes: repaired,
    jpeg: undefined,
  };
}

function valuesOf(format: string, { depth, space }: Metadata): ImageHeader['values'] {
  // Other formats say how many bits they have, and CIELAB has a range of its own.
  const isRaw = (format === 'png' || format === 'tiff') && !space.startsWith('lab');
  if (!isRaw || depth === 'uchar') return 'whole';
  return depth === 'ushort' ? 'sixteen' : 'numbers';
}
