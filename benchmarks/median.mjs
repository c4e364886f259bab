/** The middle one of some numbers; of two middle ones the larger. */
export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
