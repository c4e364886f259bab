import type { CropBox } from './crop.ts';
import { defineTransform } from './define-transform.ts';

/** Tries before the middle of the image is taken. */
const ATTEMPTS = 10;

/** Defaults of torchvision, for the one that is not given. */
const SCALE = [0.08, 1] as const;
const RATIO = [3 / 4, 4 / 3] as const;

/**
 * Cuts a box of random area and aspect ratio out instead of `crop`: torchvision's `RandomResizedCrop`
 * (https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.RandomResizedCrop.html).
 */
export const aspect = defineTransform({
  name: 'aspect',
  fields: {
    aspectScale: {
      kind: 'range',
      min: 0.0001,
      max: 1,
      default: null,
      placeholder: 'min,max',
      summary:
        'random resized crop: the share of the area to keep, such as 0.08,1; takes the place of the crop',
    },
    aspectRatio: {
      kind: 'range',
      min: 0.01,
      max: 100,
      default: null,
      placeholder: 'min,max',
      summary: 'random resized crop: width divided by height of the box, such as 0.75,1.333',
    },
  },
  undrawn: {} as CropBox,
  draw({ aspectScale, aspectRatio }, random, drawn, { width, height }) {
    if (aspectScale === null && aspectRatio === null) return;
    const [smallest, largest] = aspectScale ?? SCALE;
    const [narrowest, widest] = aspectRatio ?? RATIO;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const area = width * height * (smallest + (largest - smallest) * random(`aspect-area-${attempt}`));
      const logarithms = [Math.log(narrowest), Math.log(widest)] as const;
      const ratio = Math.exp(
        logarithms[0] + (logarithms[1] - logarithms[0]) * random(`aspect-ratio-${attempt}`),
      );
      const [boxWidth, boxHeight] = [
        Math.round(Math.sqrt(area * ratio)),
        Math.round(Math.sqrt(area / ratio)),
      ];
      if (boxWidth < 1 || boxHeight < 1 || boxWidth > width || boxHeight > height) continue;
      place(drawn, boxWidth, boxHeight);
      drawn.cropLeft = Math.floor(random('aspect-left') * (width - boxWidth + 1));
      drawn.cropTop = Math.floor(random('aspect-top') * (height - boxHeight + 1));
      return;
    }
    const isTooWide = width / height > widest;
    const isTooNarrow = width / height < narrowest;
    place(
      drawn,
      isTooWide ? Math.max(1, Math.round(height * widest)) : width,
      isTooNarrow ? Math.max(1, Math.round(width / narrowest)) : height,
    );
    drawn.cropLeft = Math.floor((width - drawn.cropWidth) / 2);
    drawn.cropTop = Math.floor((height - drawn.cropHeight) / 2);
  },
});

function place(drawn: { cropWidth: number; cropHeight: number }, width: number, height: number): void {
  drawn.cropWidth = width;
  drawn.cropHeight = height;
}
