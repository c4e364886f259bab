import { defineTransform } from './define-transform.ts';
import { lumaOf } from './luma.ts';

/**
 * Moves every channel away from the image's mean brightness, or towards it, by a factor at random: torchvision's `ColorJitter(contrast)`
 * (https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.functional.adjust_contrast.html).
 */
export const contrast = defineTransform({
  name: 'contrast',
  fields: {
    contrast: {
      kind: 'number',
      min: 0,
      max: 1,
      default: 0,
      placeholder: 'share',
      summary: 'change contrast by at most this, either way',
    },
  },
  undrawn: { contrast: 1 },
  draw({ contrast: most }, random, drawn) {
    if (most !== 0) drawn.contrast = 1 + most * (2 * random('contrast') - 1);
  },
  columns: [{ name: 'contrast', type: 'DOUBLE', valueOf: ({ contrast: factor }) => factor }],
  colour: {
    isActive: ({ contrast: factor }) => factor !== 1,
    apply(rows, { contrast: factor }) {
      let sum = 0;
      let count = 0;
      for (const row of rows)
        for (let at = 0; at + 2 < row.length; at += 3, count++)
          sum += lumaOf(row[at] ?? 0, row[at + 1] ?? 0, row[at + 2] ?? 0);
      const offset = (sum / count) * (1 - factor);
      const blend = (value: number): number =>
        Math.floor(Math.min(255, Math.max(0, value * factor + offset)));
      const values = Uint8Array.from({ length: 256 }, (_, value) => blend(value));
      for (const row of rows) for (let at = 0; at < row.length; at++) row[at] = values[row[at] ?? 0] ?? 0;
    },
  },
});
