import { expect, test } from 'vitest';
import { describeErrorLimit, exceedsErrors, parseErrorLimit } from '../src/error-limit.ts';

test.each([
  [0, 0, 5, false],
  [0, 1, 5, true],
  ['100', 100, 5000, false],
  ['100', 101, 5000, true],
  ['0%', 1, 1_000_000_000, true],
  ['1%', 10, 1000, false],
  ['1%', 11, 1000, true],
  ['0.5%', 6, 1000, true],
  ['100%', 7, 7, false],
  ['0.7%', 7, 1000, false],
  ['0.29%', 29, 10_000, false],
  ['0.57%', 57, 10_000, false],
  ['0.57%', 58, 10_000, true],
  ['5%', 0, 0, false],
])('a limit of %s on %i errors of %i is exceeded: %s', (spec, errorCount, totalCount, isExceeded) => {
  expect(exceedsErrors(parseErrorLimit(spec), errorCount, totalCount)).toBe(isExceeded);
});

test('limits are read as they are written, and anything else is refused', () => {
  for (const text of ['0', '3', '1%', '0.5%', '100%', '12.25%'])
    expect(describeErrorLimit(parseErrorLimit(text))).toBe(text);
  expect([parseErrorLimit(' 7 '), parseErrorLimit('7%')]).toEqual([
    { kind: 'count', value: 7 },
    { kind: 'percent', value: 7 },
  ]);
  const wrong = ['', 'few', '-1', '1.5', '101%', '1e3', '%', '1%x', 'x1', '1.%', '9007199254740993'];
  for (const spec of [...wrong, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => parseErrorLimit(spec)).toThrow(
      expect.objectContaining({ code: 'ARGUMENT_INVALID', remedy: expect.stringContaining('1%') }),
    );
});
