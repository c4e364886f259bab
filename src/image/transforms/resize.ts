import { defineTransform, type Size } from './define-transform.ts';

/** How an image is brought to the target size; `contain` pads with the background, `inside` keeps the aspect ratio without padding. */
export const FITS = ['contain', 'cover', 'fill', 'inside'] as const;

/** Longest side of a target, in pixels. */
const MAX_SIDE = 8192;

/** Brings the box to the size of the target, bicubic (Catmull-Rom). */
export const resize = defineTransform({
  name: 'resize',
  fields: {
    size: {
      kind: 'size',
      max: MAX_SIDE,
      default: 256,
      placeholder: 'pixels',
      summary: 'size that is written: the side of a square, or width x height such as 224x320',
    },
    fit: {
      kind: 'choice',
      choices: FITS,
      default: 'contain',
      placeholder: 'fit',
      summary: 'how to fill the size',
    },
    background: {
      kind: 'colour',
      default: '#ffffff',
      placeholder: '#rrggbb',
      summary: 'colour of padding, and of what shows through transparency',
    },
  },
  undrawn: {},
});

/** The size that a specification asks for. */
export function targetSize(size: number | string): Size {
  if (typeof size === 'number') return { width: size, height: size };
  const [width = 0, height = 0] = size.split('x').map(Number);
  return { width, height };
}
