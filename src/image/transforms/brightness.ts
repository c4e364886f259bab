import { defineTransform } from './define-transform.ts';

/** Multiplies every channel by a factor at random, rounds, and stops at white. */
export const brightness = defineTransform({
  name: 'brightness',
  fields: {
    brightness: {
      kind: 'number',
      min: 0,
      max: 1,
      default: 0,
      placeholder: 'share',
      summary: 'change brightness by at most this, either way',
    },
  },
  undrawn: { brightness: 1 },
  draw({ brightness: most }, random, drawn) {
    if (most !== 0) drawn.brightness = 1 + most * (2 * random('brightness') - 1);
  },
  columns: [{ name: 'brightness', type: 'DOUBLE', valueOf: ({ brightness: factor }) => factor }],
  colour: {
    isActive: ({ brightness: factor }) => factor !== 1,
    apply(rows, { brightness: factor }) {
      const values = Uint8Array.from({ length: 256 }, (_, value) =>
        Math.min(255, Math.round(value * factor)),
      );
      for (const row of rows) for (let at = 0; at < row.length; at++) row[at] = values[row[at] ?? 0] ?? 0;
    },
  },
});
