import { createRequire } from 'node:module';
import type { Channels, Sharp } from 'sharp';

const require = createRequire(import.meta.url);

let configured: typeof import('sharp').default | undefined;

/** Loading sharp takes a tenth of a second, and most images and commands do not need it. */
export function loadSharp(): typeof import('sharp').default {
  if (configured !== undefined) return configured;
  const sharp = require('sharp') as typeof import('sharp').default;
  // Images are many and small, so several are processed at once, and no cache is needed.
  sharp.concurrency(1);
  sharp.cache(false);
  configured = sharp;
  return sharp;
}

/** Opens encoded bytes for decoding, after limits were checked: only the first page, and strict about damage. */
export function openEncoded(bytes: Uint8Array): Sharp {
  return loadSharp()(bytes, { failOn: 'warning', limitInputPixels: false });
}

/** Opens decoded pixels. */
export function openPixels({ bytes, width, height }: Pixels): Sharp {
  return openRaw(bytes, { width, height, channels: 3 });
}

/** Opens samples of 8 bits, as `raw()` gives them. */
export function openRaw(
  bytes: Uint8Array,
  {
    width,
    height,
    channels,
  }: { readonly width: number; readonly height: number; readonly channels: Channels },
): Sharp {
  return loadSharp()(bytes, { raw: { width, height, channels }, limitInputPixels: false });
}

/** A decoded image: 8-bit sRGB, `height` rows of `width` interleaved RGB triples. */
export interface Pixels {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}
