import { defineTransform } from './define-transform.ts';

/** Mirrors left and right, with a probability. */
export const flip = defineTransform({
  name: 'flip',
  fields: {
    flip: {
      kind: 'number',
      min: 0,
      max: 1,
      default: 0,
      placeholder: 'probability',
      summary: 'mirror images at random',
    },
  },
  undrawn: { isFlipped: false },
  draw({ flip: probability }, random, drawn) {
    if (probability !== 0) drawn.isFlipped = random('flip') < probability;
  },
  columns: [{ name: 'flipped', type: 'BOOLEAN', valueOf: ({ isFlipped }) => isFlipped }],
});
