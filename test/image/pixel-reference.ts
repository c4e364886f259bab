import sharp, { type Sharp } from 'sharp';
import type { Pixels } from '../../src/image/configured-sharp.ts';
import { DEFAULT_TRANSFORM, type DrawnTransform, type Transform } from '../../src/image/transform.ts';

/** No change but that of the size, to a padded square. */
export const PLAIN: Transform = { ...DEFAULT_TRANSFORM, crop: 0, size: 64, background: '#12ab34' };

/** Something with smooth parts, edges and noise, the same each time. */
export function drawPhoto(width: number, height: number): Sharp {
  const pixels = Buffer.alloc(width * height * 3);
  let state = 12_345;
  for (let index = 0; index < width * height; index++) {
    const [x, y] = [index % width, Math.floor(index / width)];
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const isInside = Math.hypot(x - width / 2, y - height / 2) < Math.min(width, height) / 3;
    pixels[index * 3] = isInside ? 200 : Math.round((160 * x) / width) + (state >>> 28);
    pixels[index * 3 + 1] = isInside ? 40 + (state >>> 27) : Math.round(127 + 100 * Math.sin(x / 9 + y / 13));
    pixels[index * 3 + 2] = Math.round((220 * y) / height);
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** Peak signal-to-noise ratio in dB. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return 0;
  let sum = 0;
  for (const [index, value] of a.entries()) sum += (value - (b[index] ?? 0)) ** 2;
  return 10 * Math.log10(255 ** 2 / (sum / a.length));
}

/** Keys' cubic with a = -0.5: https://doi.org/10.1109/TASSP.1981.1163711 */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return 1.5 * x ** 3 - 2.5 * x ** 2 + 1;
  return x < 2 ? -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2 : 0;
}

/** For each output, what each of `inputs` samples contributes; the edge goes on beyond the ends. */
function contributions(
  inputs: number,
  offset: number,
  length: number,
  outputs: number,
): Map<number, number>[] {
  const step = length / outputs;
  const scale = Math.max(1, step);
  return Array.from({ length: outputs }, (_, output) =>
    contributionsTo(offset + (step < 1 ? output : output + 0.5) * step, scale, inputs),
  );
}

/** What each of `inputs` samples contributes to one output at a place. */
function contributionsTo(centre: number, scale: number, inputs: number): Map<number, number> {
  const weights = new Map<number, number>();
  let sum = 0;
  for (
    let input = Math.floor(centre - 2 * scale + 0.5);
    input < Math.floor(centre + 2 * scale + 0.5);
    input++
  ) {
    const weight = cubic((input + 0.5 - centre) / scale);
    const nearest = Math.min(inputs - 1, Math.max(0, input));
    weights.set(nearest, (weights.get(nearest) ?? 0) + weight);
    sum += weight;
  }
  for (const [input, weight] of weights) weights.set(input, weight / sum);
  return weights;
}

interface Span {
  readonly start: number;
  readonly length: number;
}

interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** One axis of a plane: how many samples it has, how many pixels of the canvas each stands for, and what contributes to it. */
function planeAxis(
  plane: { readonly samples: number; readonly scale: number },
  [crop, bounds]: readonly [Span, Span],
  place: Span,
  canvas: number,
  step: 1 | 2,
  isFlipped: boolean,
): { readonly weights: Map<number, number>; readonly cover: number }[] {
  const ratio = crop.length / place.length;
  const first = Math.floor(bounds.start * plane.scale);
  const end = Math.min(plane.samples, Math.ceil((bounds.start + bounds.length) * plane.scale));
  /** Where a pixel of the canvas is seen in the original. */
  const seen = (pixel: number): number => {
    const index = isFlipped ? place.length - 1 - (pixel - place.start) : pixel - place.start;
    return crop.start + (ratio < 1 ? index : index + 0.5) * ratio;
  };
  return Array.from({ length: Math.ceil(canvas / step) }, (_, sample) => {
    const pixels = Array.from({ length: step }, (_unused, index) => sample * step + index);
    const known = pixels.filter((pixel) => pixel < canvas);
    const within = known.filter((pixel) => pixel >= place.start && pixel < place.start + place.length);
    const centre = pixels.reduce((sum, pixel) => sum + seen(pixel), 0) / step;
    const weights = contributionsTo(
      centre * plane.scale - first,
      Math.max(1, ratio * step * plane.scale),
      end - first,
    );
    return {
      weights: new Map([...weights].map(([input, weight]) => [input + first, weight])),
      cover: within.length / known.length,
    };
  });
}

/** A plane of a decoded JPEG, as it is stored. */
export interface StoredPlane {
  readonly samples: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly scaleX: number;
  readonly scaleY: number;
}

/** Crop, resize, flip and padding of one plane in 64-bit numbers; `step` pixels of the canvas, each way, are one sample. */
export function resamplePlaneExactly(
  plane: StoredPlane,
  box: Rectangle,
  bounds: Rectangle,
  place: Rectangle,
  canvas: { readonly width: number; readonly height: number },
  { step, isFlipped, background }: { step: 1 | 2; isFlipped: boolean; background: number },
): number[] {
  const across = planeAxis(
    { samples: plane.width, scale: plane.scaleX },
    [
      { start: box.left, length: box.width },
      { start: bounds.left, length: bounds.width },
    ],
    { start: place.left, length: place.width },
    canvas.width,
    step,
    isFlipped,
  );
  const down = planeAxis(
    { samples: plane.height, scale: plane.scaleY },
    [
      { start: box.top, length: box.height },
      { start: bounds.top, length: bounds.height },
    ],
    { start: place.top, length: place.height },
    canvas.height,
    step,
    false,
  );
  return down.flatMap((row) =>
    across.map((column) => {
      let value = 0;
      for (const [y, weightY] of row.weights)
        for (const [x, weightX] of column.weights)
          value += weightX * weightY * (plane.samples[y * plane.width + x] ?? Number.NaN);
      const cover = row.cover * column.cover;
      return Math.min(255, Math.max(0, value)) * cover + background * (1 - cover);
    }),
  );
}

/** An image whose values were not rounded before the end. */
export interface ExactImage {
  readonly values: Float64Array;
  readonly width: number;
  readonly height: number;
}

/**
 * The colours of a box of an image, changed in the order of the transforms and written to 8 bits after each: brightness is rounded, contrast and
 * grayscale are cut as torchvision does it.
 */
function recolourExactly(box: number[][], { brightness, contrast, isGray }: DrawnTransform): number[][] {
  const luma = ([red = 0, green = 0, blue = 0]: readonly number[]): number =>
    Math.floor(0.2989 * red + 0.587 * green + 0.114 * blue);
  let pixels = box;
  if (brightness !== 1)
    pixels = pixels.map((pixel) => pixel.map((value) => Math.min(255, Math.round(value * brightness))));
  if (contrast !== 1) {
    const mean = pixels.reduce((sum, pixel) => sum + luma(pixel), 0) / pixels.length;
    const blend = (value: number): number => value * contrast + mean * (1 - contrast);
    pixels = pixels.map((pixel) =>
      pixel.map((value) => Math.floor(Math.min(255, Math.max(0, blend(value))))),
    );
  }
  return isGray ? pixels.map((pixel) => pixel.map(() => luma(pixel))) : pixels;
}

/**
 * Crop, colours, resize, flip and padding in 64-bit numbers, in the order that holds for all transforms: written for tests alone, slow, and
 * nothing shared with what it checks. All geometry is one resampling of the box.
 */
export function resampleExactly(
  source: Pixels,
  { size, fit, background }: Transform,
  drawn: DrawnTransform,
): ExactImage {
  const { cropLeft, cropTop, cropWidth, cropHeight } = drawn;
  const [wide = 0, high = wide] = String(size).split('x').map(Number);
  const ratios = [wide / cropWidth, high / cropHeight] as const;
  const ratio = fit === 'cover' ? Math.max(...ratios) : Math.min(...ratios);
  const isFilled = fit === 'fill';
  const full = {
    width: isFilled ? wide : Math.max(1, Math.round(cropWidth * ratio)),
    height: isFilled ? high : Math.max(1, Math.round(cropHeight * ratio)),
  };
  const shown = { width: Math.min(wide, full.width), height: Math.min(high, full.height) };
  const hidden = {
    left: Math.floor((full.width - shown.width + 1) / 2),
    top: Math.floor((full.height - shown.height + 1) / 2),
  };
  const across = contributions(cropWidth, 0, cropWidth, full.width).slice(
    hidden.left,
    hidden.left + shown.width,
  );
  const down = contributions(cropHeight, 0, cropHeight, full.height).slice(
    hidden.top,
    hidden.top + shown.height,
  );
  const canvas = fit === 'inside' ? shown : { width: wide, height: high };
  const left = Math.floor((canvas.width - shown.width) / 2);
  const top = Math.floor((canvas.height - shown.height) / 2);
  const box = recolourExactly(
    Array.from({ length: cropWidth * cropHeight }, (_, index) => {
      const row = cropTop + Math.floor(index / cropWidth);
      const at = (row * source.width + cropLeft + (index % cropWidth)) * 3;
      return Array.from(source.bytes.subarray(at, at + 3));
    }),
    drawn,
  );
  const values = new Float64Array(canvas.width * canvas.height * 3);
  for (let channel = 0; channel < 3; channel++) {
    const paint = Number.parseInt(background.slice(1 + 2 * channel, 3 + 2 * channel), 16);
    for (let index = channel; index < values.length; index += 3) values[index] = paint;
    for (const [y, rows] of down.entries())
      for (const [x, columns] of across.entries()) {
        let value = 0;
        for (const [row, rowWeight] of rows)
          for (const [column, columnWeight] of columns)
            value += rowWeight * columnWeight * (box[row * cropWidth + column]?.[channel] ?? Number.NaN);
        const to = drawn.isFlipped ? shown.width - 1 - x : x;
        values[((top + y) * canvas.width + left + to) * 3 + channel] = Math.min(255, Math.max(0, value));
      }
  }
  return { values, ...canvas };
}
