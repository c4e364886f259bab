import type { Box, Place } from './kernel-images.ts';
import type { Transform } from './transform.ts';

/** How a box of an image is placed on a canvas. */
export interface Fitted {
  readonly canvas: { readonly width: number; readonly height: number };
  /** The visible part of the box, relative to it. */
  readonly box: Box;
  readonly place: Place;
}

/** Fits a box into a target: `contain` pads, `cover` cuts, `fill` stretches, `inside` has the canvas follow the image. */
export function fitInto(
  box: { readonly width: number; readonly height: number },
  target: { readonly width: number; readonly height: number },
  fit: Transform['fit'],
): Fitted {
  const whole = { left: 0, top: 0, width: box.width, height: box.height };
  const everywhere = { left: 0, top: 0, width: target.width, height: target.height };
  if (fit === 'fill') return { canvas: target, box: whole, place: everywhere };
  const scales = [target.width / box.width, target.height / box.height];
  if (fit === 'cover') {
    // As in sharp: the box is resized to whole pixels, and the middle ones are kept.
    const scale = Math.max(...scales);
    const steps = [box.width / Math.round(box.width * scale), box.height / Math.round(box.height * scale)];
    const [across = 1, down = 1] = steps;
    const middle = (length: number, seen: number): number => Math.floor((length - seen + 1) / 2);
    return {
      canvas: target,
      box: {
        left: middle(Math.round(box.width / across), target.width) * across,
        top: middle(Math.round(box.height / down), target.height) * down,
        width: target.width * across,
        height: target.height * down,
      },
      place: everywhere,
    };
  }
  const scale = Math.min(...scales);
  const width = Math.max(1, Math.round(box.width * scale));
  const height = Math.max(1, Math.round(box.height * scale));
  if (fit === 'inside')
    return { canvas: { width, height }, box: whole, place: { left: 0, top: 0, width, height } };
  const left = Math.floor((target.width - width) / 2);
  const top = Math.floor((target.height - height) / 2);
  return { canvas: target, box: whole, place: { left, top, width, height } };
}
