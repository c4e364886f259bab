import { hash } from 'node:crypto';
import type { DrawnTransform, Transform } from './transform.ts';

/** What a draw depends on, and nothing else: not the order of calls, not the thread, not the other transforms in use. */
export interface DrawKey {
  readonly seed: number;
  readonly id: string;
  readonly copy: number;
}

/** libvips takes no smaller standard deviation. */
const MIN_BLUR = 0.3;

/** Draws the random parameters of a transform for one copy of one image of `width` by `height` pixels. */
export function drawTransform(
  transform: Transform,
  size: { readonly width: number; readonly height: number },
  { seed, id, copy }: DrawKey,
): DrawnTransform {
  const key = `[${seed},${JSON.stringify(id)},${copy},`;
  const { crop, flip, rotate, brightness, blur } = transform;
  const cropWidth = drawSide(size.width, crop, draw(key, 'crop-width'));
  const cropHeight = drawSide(size.height, crop, draw(key, 'crop-height'));
  // Most transforms leave most of these out, and a draw costs as much as reading a header.
  const sigma = blur === 0 ? 0 : blur * draw(key, 'blur');
  return {
    cropLeft: Math.floor(draw(key, 'crop-left') * (size.width - cropWidth + 1)),
    cropTop: Math.floor(draw(key, 'crop-top') * (size.height - cropHeight + 1)),
    cropWidth,
    cropHeight,
    isFlipped: flip !== 0 && draw(key, 'flip') < flip,
    rotation: rotate === 0 ? 0 : rotate * (2 * draw(key, 'rotate') - 1),
    brightness: brightness === 0 ? 1 : 1 + brightness * (2 * draw(key, 'brightness') - 1),
    blur: sigma < MIN_BLUR ? 0 : sigma,
  };
}

/** A side between `(1 - crop)` and all of `length`, never rounded below the promised share. */
function drawSide(length: number, crop: number, share: number): number {
  const smallest = Math.max(1, Math.ceil(length * (1 - crop)));
  return smallest + Math.floor(share * (length - smallest + 1));
}

/**
 * A number in [0, 1) with 48 random bits: the first bytes of SHA-256 over seed, id, copy and the name of the parameter, as a JSON array. A name of
 * its own for each parameter keeps the others as they are when one is added.
 */
function draw(key: string, parameter: string): number {
  return Number.parseInt(hash('sha256', `${key}"${parameter}"]`, 'hex').slice(0, 12), 16) / 2 ** 48;
}
