/** The number of values an output has for one image. */
export function valuesPerOutput(
  output: { readonly size: number } | { readonly labels: readonly string[] },
): number {
  return 'size' in output ? output.size : output.labels.length;
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
