import sharp, { type Sharp } from 'sharp';

// Images are many and small: parallelism comes from working on several at once, and nothing is ever read twice.
sharp.concurrency(1);
sharp.cache(false);

/** More pixels than this (16,383 squared) are refused before they are decoded: a small file may claim any size. */
export const MAX_PIXELS = 16_383 ** 2;

/** Opens encoded bytes for decoding; the first page of an animation, strict about damage. */
export function openEncoded(bytes: Uint8Array): Sharp {
  return sharp(bytes, { failOn: 'warning', limitInputPixels: MAX_PIXELS });
}

/** Opens decoded pixels. */
export function openPixels(pixels: Pixels): Sharp {
  return sharp(pixels.bytes, { raw: { width: pixels.width, height: pixels.height, channels: 3 } });
}

/** A decoded image: 8-bit sRGB, `height` rows of `width` interleaved RGB triples. */
export interface Pixels {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}
