import { expect, test } from 'vitest';
import { DEFAULT_LIMITS, type ImageLimits } from '../../src/image/image-limits.ts';
import { changesLimits, chooseLimits, readLimits, recordLimits } from '../../src/ingest/table-limits.ts';
import type { Snapshot } from '../../src/table/snapshot.ts';

const PIXELS = 'pixlake.maxPixels';
const MEMORY = 'pixlake.maxImageMemory';

/** What is looked at of a table with these properties. */
const withProperties = (configuration: Readonly<Record<string, string>>): Snapshot =>
  ({ metadata: { configuration } }) as unknown as Snapshot;

test('limits are those of the last ingest, else the defaults', () => {
  expect(readLimits(undefined)).toEqual(DEFAULT_LIMITS);
  expect(readLimits(withProperties({}))).toEqual(DEFAULT_LIMITS);
  expect(readLimits(withProperties({ [PIXELS]: '1' }))).toEqual({ ...DEFAULT_LIMITS, maxPixels: 1 });
  const both = { [PIXELS]: '5', [MEMORY]: '6' };
  expect(readLimits(withProperties(both))).toEqual({ maxPixels: 5, maxImageMemory: 6 });
});

test.each(['0', '-1', '1.5', 'many', '', '1e300'])('a limit of %j in a table is none', (value) => {
  expect(readLimits(withProperties({ [PIXELS]: value }))).toEqual(DEFAULT_LIMITS);
});

test('limits that are given take the place of those of the table', () => {
  const base = withProperties({ [PIXELS]: '5', [MEMORY]: '6' });
  expect(chooseLimits({}, base)).toEqual({ maxPixels: 5, maxImageMemory: 6 });
  expect(chooseLimits({ maxPixels: 1 }, base)).toEqual({ maxPixels: 1, maxImageMemory: 6 });
  expect(chooseLimits({ maxImageMemory: 7 }, base)).toEqual({ maxPixels: 5, maxImageMemory: 7 });
  expect(chooseLimits({ maxImageMemory: 7 }, undefined)).toEqual({ ...DEFAULT_LIMITS, maxImageMemory: 7 });
});

test.each<[keyof ImageLimits, number]>([
  ['maxPixels', 0],
  ['maxPixels', 1.5],
  ['maxImageMemory', -1],
  ['maxImageMemory', Number.NaN],
  ['maxImageMemory', 2 ** 53],
])('%s of %d is refused', (name, value) => {
  expect(() => chooseLimits({ [name]: value }, undefined)).toThrow(
    expect.objectContaining({
      code: 'ARGUMENT_INVALID',
      message: `${name} is ${value}, not a whole number of at least 1`,
    }),
  );
});

test('a new table records both limits, one that is there only those that change', () => {
  const limits = { maxPixels: 5, maxImageMemory: DEFAULT_LIMITS.maxImageMemory };
  const memory = String(DEFAULT_LIMITS.maxImageMemory);
  expect(recordLimits(undefined, limits)).toEqual({ [PIXELS]: '5', [MEMORY]: memory });
  expect(recordLimits(withProperties({ a: 'b' }), limits)).toEqual({ a: 'b', [PIXELS]: '5' });
  const same = withProperties({ a: 'b', [PIXELS]: '5' });
  expect(recordLimits(same, limits)).toEqual({ a: 'b', [PIXELS]: '5' });
  expect(recordLimits(same, DEFAULT_LIMITS)).toEqual({ a: 'b', [PIXELS]: String(DEFAULT_LIMITS.maxPixels) });
});

test.each([
  [{}, false],
  [{ maxPixels: 4 }, true],
  [{ maxImageMemory: 7 }, true],
  [{ maxPixels: 4, maxImageMemory: 7 }, true],
])('with %j instead, the limits of a table change: %s', (change, isChange) => {
  const base = withProperties({ [PIXELS]: '5', [MEMORY]: '6' });
  expect(changesLimits(base, { maxPixels: 5, maxImageMemory: 6, ...change })).toBe(isChange);
});

test('the defaults change nothing of a table that has none, or is none', () => {
  expect(changesLimits(undefined, DEFAULT_LIMITS)).toBe(false);
  expect(changesLimits(withProperties({}), DEFAULT_LIMITS)).toBe(false);
});
