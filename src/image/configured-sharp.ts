import { createRequire } from 'node:module';
import type { Sharp } from 'sharp';

const require = createRequire(import.meta.url);

let configured: typeof import('sharp').default | undefined;

/** Loading takes a worker a tenth of a second, and most images need none of it. */
function loadSharp(): typeof import('sharp').default {
  if (configured !== undefined) return configured;
  const sharp = require('sharp') as typeof import('sharp').default;
  // Images are many and small: parallelism comes from working on several at once, and nothing is ever read twice.
  sharp.concurrency(1);
  sharp.cache(false);
  configured = sharp;
  return sharp;
}

/** Opens encoded bytes for decoding, whose limits were checked; the first page of an animation, strict about damage. */
export function openEncoded(bytes: Uint8Array): Sharp {
  return loadSharp()(bytes, { failOn: 'warning', limitInputPixels: false });
}

/** Opens decoded pixels. */
export function openPixels(pixels: Pixels): Sharp {
  const raw = { width: pixels.width, height: pixels.height, channels: 3 } as const;
  return loadSharp()(pixels.bytes, { raw, limitInputPixels: false });
}

/** A decoded image: 8-bit sRGB, `height` rows of `width` interleaved RGB triples. */
export interface Pixels {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}
