/** Number of values of an output for one image. */
export function valuesPerOutput(
  output: { readonly size: number } | { readonly labels: readonly string[] },
): number {
  return 'size' in output ? output.size : output.labels.length;
}

/** Number of float32 values of one image in a batch. */
export function valuesPerImage({
  width,
  height,
}: {
  readonly width: number;
  readonly height: number;
}): number {
  return width * height * 3;
}
