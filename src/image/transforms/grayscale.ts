import { defineTransform } from './define-transform.ts';
import { lumaOf } from './luma.ts';

/**
 * Takes the colour out, with a probability: torchvision's `RandomGrayscale`
 * (https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.RandomGrayscale.html).
 */
export const grayscale = defineTransform({
  name: 'grayscale',
  fields: {
    grayscale: {
      kind: 'number',
      min: 0,
      max: 1,
      default: 0,
      placeholder: 'probability',
      summary: 'take the colour out at random',
    },
  },
  undrawn: { isGray: false },
  draw({ grayscale: probability }, random, drawn) {
    if (probability !== 0) drawn.isGray = random('grayscale') < probability;
  },
  columns: [{ name: 'grayscale', type: 'BOOLEAN', valueOf: ({ isGray }) => isGray }],
  colour: {
    isActive: ({ isGray }) => isGray,
    apply(rows) {
      for (const row of rows)
        for (let at = 0; at + 2 < row.length; at += 3)
          row.fill(lumaOf(row[at] ?? 0, row[at + 1] ?? 0, row[at + 2] ?? 0), at, at + 3);
    },
  },
});
