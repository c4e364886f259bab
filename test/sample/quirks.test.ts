import { expect, test } from 'vitest';
import { IMAGE_QUIRKS, placeQuirks, type Quirk, ROW_QUIRKS, scaleCount } from '../../src/sample/quirks.ts';

function countKinds(rowCount: number, seed = 42): Partial<Record<Quirk, number>> {
  const counts: Partial<Record<Quirk, number>> = {};
  for (const { quirk } of placeQuirks(seed, rowCount).values()) counts[quirk] = (counts[quirk] ?? 0) + 1;
  return counts;
}

const OF_600 = {
  extraComma: 3,
  twoExtraCommas: 1,
  unescapedQuote: 2,
  emptyField: 5,
  naField: 5,
  paddedTitle: 3,
  rowWithoutImage: 3,
  corrupt: 1,
  truncated: 1,
  zeroBytes: 1,
  grayscale: 4,
  oddSize: 4,
  pngNamedJpg: 1,
  exifRotated: 1,
  withIcc: 1,
};

test('600 rows have as many flaws of each kind as the real catalogue, and 6,000 have ten times as many', () => {
  expect({ ...ROW_QUIRKS, ...IMAGE_QUIRKS }).toEqual(OF_600);
  expect(countKinds(600)).toEqual(OF_600);
  const tenfold = Object.entries(OF_600).map(([quirk, count]) => [quirk, count * 10]);
  expect(countKinds(6000)).toEqual(Object.fromEntries(tenfold));
});

test.each([
  [3, 600, 3],
  [3, 300, 2],
  [3, 100, 1],
  [3, 1, 1],
  [1, 58_000, 97],
])('%i flaws of 600 rows are scaled to %i rows: %i', (count, rowCount, expected) => {
  expect(scaleCount(count, rowCount)).toBe(expected);
});

test('each row has one flaw at most, of all rows there are, and flaws of a kind are numbered from 0', () => {
  for (const rowCount of [1, 5, 15, 40]) {
    const placed = placeQuirks(7, rowCount);
    expect(placed.size).toBe(Math.min(rowCount, 15));
    expect([...placed.keys()].filter((row) => row < 0 || row >= rowCount)).toEqual([]);
  }
  const nths = [...placeQuirks(7, 600).values()].filter(({ quirk }) => quirk === 'oddSize');
  expect(nths.map(({ nth }) => nth)).toEqual([0, 1, 2, 3]);
});

test('flaws lie on other rows for another seed', () => {
  const rowsOf = (seed: number): number[] => [...placeQuirks(seed, 600).keys()];
  expect(rowsOf(1)).toEqual(rowsOf(1));
  expect(rowsOf(1)).not.toEqual(rowsOf(2));
  expect(rowsOf(42).slice(0, 6)).toMatchInlineSnapshot(`
    [
      252,
      519,
      54,
      486,
      43,
      488,
    ]
  `);
});
