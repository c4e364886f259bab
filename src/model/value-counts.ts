import type { ModelOutput } from './model-card.ts';

/** The number of values an output has for one image. */
export function valuesPerOutput(output: ModelOutput): number {
  return output.kind === 'embedding' ? output.size : output.labels.length;
}

/** The number of float32 values one image takes in a batch. */
export function valuesPerImage({
  width,
  height,
}: {
  readonly width: number;
  readonly height: number;
}): number {
  return width * height * 3;
}
