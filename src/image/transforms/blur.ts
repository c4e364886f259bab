import { defineTransform } from './define-transform.ts';

/** libvips takes no smaller standard deviation. */
const MIN_BLUR = 0.3;

/** Blurs by a Gaussian, in pixels of the target. */
export const blur = defineTransform({
  name: 'blur',
  fields: {
    blur: {
      kind: 'number',
      min: 0,
      max: 100,
      default: 0,
      placeholder: 'pixels',
      summary: 'blur by at most this standard deviation',
    },
  },
  /** Standard deviation in pixels; 0 is none. */
  undrawn: { blur: 0 },
  draw({ blur: most }, random, drawn) {
    // Most transforms leave it out, and a draw costs as much as reading a header.
    const sigma = most === 0 ? 0 : most * random('blur');
    if (sigma >= MIN_BLUR) drawn.blur = sigma;
  },
  columns: [{ name: 'blur', type: 'DOUBLE', valueOf: ({ blur: sigma }) => sigma }],
  isInKernel: ({ blur: sigma }) => sigma === 0,
});
