import { createRandom } from './random.ts';

/** Flaws of a row's text, as the real catalogue has them. */
export const ROW_QUIRKS = {
  extraComma: 3,
  twoExtraCommas: 1,
  unescapedQuote: 2,
  emptyField: 5,
  naField: 5,
  paddedTitle: 3,
  rowWithoutImage: 3,
} as const;

/** Flaws of an image file. */
export const IMAGE_QUIRKS = {
  corrupt: 1,
  truncated: 1,
  zeroBytes: 1,
  grayscale: 4,
  oddSize: 4,
  pngNamedJpg: 1,
  exifRotated: 1,
  withIcc: 1,
} as const;

/** Images without a row, for 600 rows. */
export const STRAY_COUNT = 2;

/** Name of a flaw. */
export type Quirk = keyof typeof ROW_QUIRKS | keyof typeof IMAGE_QUIRKS;

/** The numbers above are for this many rows. */
const REFERENCE_ROWS = 600;

/** Scales a number of flaws to the size of a catalogue; each kind is there at least once. */
export function scaleCount(count: number, rowCount: number): number {
  return Math.max(1, Math.round((count * rowCount) / REFERENCE_ROWS));
}

/** Which rows get which flaw: never two on one row, and all kinds as far as there are rows. */
export function placeQuirks(seed: number, rowCount: number): Map<number, { quirk: Quirk; nth: number }> {
  const random = createRandom(seed, 'quirks');
  const placed = new Map<number, { quirk: Quirk; nth: number }>();
  const counts = Object.entries({ ...ROW_QUIRKS, ...IMAGE_QUIRKS }) as [Quirk, number][];
  for (const [quirk, count] of counts) {
    for (let nth = 0; nth < scaleCount(count, rowCount) && placed.size < rowCount; nth++) {
      let row = random.below(rowCount);
      while (placed.has(row)) row = (row + 1) % rowCount;
      placed.set(row, { quirk, nth });
    }
  }
  return placed;
}
