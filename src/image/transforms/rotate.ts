import { defineTransform } from './define-transform.ts';

/** Turns an image about its middle by an angle at random; corners show the background. */
export const rotate = defineTransform({
  name: 'rotate',
  fields: {
    rotate: {
      kind: 'number',
      min: 0,
      max: 180,
      default: 0,
      placeholder: 'degrees',
      summary: 'rotate by at most this, either way',
    },
  },
  /** Clockwise, in degrees. */
  undrawn: { rotation: 0 },
  draw({ rotate: most }, random, drawn) {
    if (most !== 0) drawn.rotation = most * (2 * random('rotate') - 1);
  },
  columns: [{ name: 'rotation', type: 'DOUBLE', valueOf: ({ rotation }) => rotation }],
  isInKernel: ({ rotation }) => rotation === 0,
});
