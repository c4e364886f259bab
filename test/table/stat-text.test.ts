import { expect, test } from 'vitest';
import { lowerBoundOf, upperBoundOf } from '../../src/table/stat-text.ts';

const LAST = '\u{10ffff}';

test.each<[string, string, string | undefined]>([
  ['short', 'short', 'short'],
  ['', '', ''],
  ['x'.repeat(32), 'x'.repeat(32), 'x'.repeat(32)],
  ['x'.repeat(33), 'x'.repeat(32), `${'x'.repeat(31)}y`],
  ['😀'.repeat(32), '😀'.repeat(32), '😀'.repeat(32)],
  ['😀'.repeat(33), '😀'.repeat(32), `${'😀'.repeat(31)}😁`],
  [LAST.repeat(40), LAST.repeat(32), undefined],
  [`a${LAST.repeat(40)}`, `a${LAST.repeat(31)}`, 'b'],
  [`${'a'.repeat(31)}${LAST}${'b'.repeat(5)}`, `${'a'.repeat(31)}${LAST}`, `${'a'.repeat(30)}b`],
  // Surrogates are no characters.
  [`${'a'.repeat(31)}\ud7ff${'b'.repeat(5)}`, `${'a'.repeat(31)}\ud7ff`, `${'a'.repeat(31)}\ue000`],
])('bounds of the text %j are short and enclose it', (text, low, high) => {
  expect(lowerBoundOf(text)).toBe(low);
  expect(upperBoundOf(text)).toBe(high);
  expect(Buffer.compare(Buffer.from(low), Buffer.from(text))).toBeLessThanOrEqual(0);
  expect(
    Buffer.compare(Buffer.from(high ?? '\u{10ffff}'.repeat(99)), Buffer.from(text)),
  ).toBeGreaterThanOrEqual(0);
});
