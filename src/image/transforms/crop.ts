import { defineTransform } from './define-transform.ts';

/** The box of the original that is seen, in pixels of the upright image. */
export interface CropBox {
  readonly cropLeft: number;
  readonly cropTop: number;
  readonly cropWidth: number;
  readonly cropHeight: number;
}

/** Cuts a box out at random: each side keeps between `1 - crop` and all of its length. */
export const crop = defineTransform({
  name: 'crop',
  fields: {
    crop: {
      kind: 'number',
      min: 0,
      max: 0.9,
      default: 0.2,
      placeholder: 'share',
      summary: 'cut off at most this share of each side at random',
    },
  },
  undrawn: { cropLeft: 0, cropTop: 0, cropWidth: 0, cropHeight: 0 },
  draw(spec, random, drawn, { width, height }) {
    drawn.cropWidth = drawSide(width, spec.crop, random('crop-width'));
    drawn.cropHeight = drawSide(height, spec.crop, random('crop-height'));
    drawn.cropLeft = Math.floor(random('crop-left') * (width - drawn.cropWidth + 1));
    drawn.cropTop = Math.floor(random('crop-top') * (height - drawn.cropHeight + 1));
  },
  columns: [
    { name: 'crop_left', type: 'INTEGER', valueOf: ({ cropLeft }) => cropLeft },
    { name: 'crop_top', type: 'INTEGER', valueOf: ({ cropTop }) => cropTop },
    { name: 'crop_width', type: 'INTEGER', valueOf: ({ cropWidth }) => cropWidth },
    { name: 'crop_height', type: 'INTEGER', valueOf: ({ cropHeight }) => cropHeight },
  ],
});

/** A side between `(1 - crop)` and all of `length`, never rounded below the promised share. */
function drawSide(length: number, share: number, drawn: number): number {
  const smallest = Math.max(1, Math.ceil(length * (1 - share)));
  return smallest + Math.floor(drawn * (length - smallest + 1));
}
