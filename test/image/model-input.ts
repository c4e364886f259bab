import type { TensorTarget } from '../../src/image/kernel-images.ts';

/** Room for a model that takes RGB values from 0 to 1, pixel by pixel. */
export function modelInput(width: number, height: number): TensorTarget {
  const format = {
    width,
    height,
    layout: 'NHWC',
    colorOrder: 'RGB',
    resize: 'fill',
    mean: [0, 0, 0],
    std: [1, 1, 1],
  } as const;
  return { format, values: new Float32Array(width * height * 3) };
}

/** The 8-bit samples of what {@link modelInput} was filled with. */
export function pixelsOf({ values }: TensorTarget): Uint8Array {
  return Uint8Array.from(values, (value) => Math.round(value * 255));
}
