import { PixlakeError } from '../errors.ts';
import { countText, type ImageStructure } from './formats/image-structure.ts';
import { MAX_KERNEL_PIXELS } from './kernel-images.ts';

/** Limits of an image. They are part of a run's spec and of a table's properties, so a verdict does not depend on the machine. */
export interface ImageLimits {
  /** Maximum number of stored pixels. */
  readonly maxPixels: number;
  /** Maximum bytes of memory for decoding, estimated from the header; see {@link estimateMemory}. */
  readonly maxImageMemory: number;
}

/** 16,383 by 16,383 pixels, the maximum of WebP, and 1 GiB. */
export const DEFAULT_LIMITS: ImageLimits = { maxPixels: 16_383 ** 2, maxImageMemory: 1024 ** 3 };

/** The properties that determine the memory of a decoder. */
export type MemoryShape = Pick<
  ImageStructure,
  'format' | 'channels' | 'bitDepth' | 'isTurned' | 'isHeldWhole' | 'rowsAtOnce'
> & { readonly width: number; readonly height: number };

/** Rows that libvips keeps in its caches along a pipeline; the kernel keeps up to `MAX_KERNEL_PIXELS`. */
const PIPELINE_ROWS = 1600;

/** What any image takes, in bytes. */
const BASE_BYTES = 8 * 1024 ** 2;

/**
 * Maximum bytes of memory for decoding an image, estimated from its header. The factors are measured peaks of the process with images of 36
 * million pixels, rounded up; see the test of this file.
 */
export function estimateMemory(image: MemoryShape): number {
  const { width, height, channels, bitDepth, isTurned } = image;
  const sampleBytes = Math.max(1, Math.ceil(bitDepth / 8));
  const pixelBytes = channels * sampleBytes;
  const pixels = width * height;
  const pipeline = Math.min(pixels, Math.max(width * PIPELINE_ROWS, MAX_KERNEL_PIXELS)) * pixelBytes;
  // An image is decoded completely before it is turned.
  const turned = isTurned ? pixels * pixelBytes : 0;
  return BASE_BYTES + pipeline + turned + decoderBytes(image, pixels, pixelBytes);
}

function decoderBytes(image: MemoryShape, pixels: number, pixelBytes: number): number {
  const { format, width, height, channels, bitDepth, isHeldWhole, rowsAtOnce } = image;
  switch (format) {
    case 'jpeg':
      // Coefficients of 16 bits.
      return isHeldWhole ? pixels * channels * 2 : 0;
    case 'png':
      return isHeldWhole ? pixels * pixelBytes : 0;
    case 'webp':
      // The canvas, a frame, the area below it, and at times a canvas that is not yet released.
      return pixels * 13;
    case 'gif':
      // The canvas, a frame, and the area below it.
      return pixels * 9;
    case 'tiff':
      // A row of tiles or strips that is read as a whole, compressed and decoded.
      return 2 * width * Math.min(height, rowsAtOnce) * pixelBytes;
    case 'avif':
    case 'heif':
      return pixels * ((bitDepth > 8 ? 24 : 18) + (channels > 3 ? 3 : 0));
    default:
      return format satisfies never;
  }
}

/**
 * Maximum bytes of memory for decoding an image; see {@link estimateMemory}.
 *
 * @throws `IMAGE_TOO_LARGE` with the figures, for an image beyond the limits
 */
export function weighImage(name: string, image: MemoryShape, limits: ImageLimits): number {
  const { width, height } = image;
  const { maxPixels, maxImageMemory } = limits;
  if (width * height > maxPixels)
    throw tooLarge(name, image, `more than the limit of ${countText(maxPixels)} pixels`);
  const needed = estimateMemory(image);
  if (needed <= maxImageMemory) return needed;
  const [need, limit] = [countText(Math.ceil(needed / MIB)), countText(Math.floor(maxImageMemory / MIB))];
  throw tooLarge(name, image, `decoding takes ${need} MiB of memory, more than the limit of ${limit} MiB`);
}

const MIB = 1024 ** 2;

function tooLarge(name: string, { width, height }: MemoryShape, problem: string): PixlakeError {
  const size = `${name} of ${countText(width)} x ${countText(height)} pixels`;
  return new PixlakeError('IMAGE_TOO_LARGE', `${size}: ${problem}`);
}
