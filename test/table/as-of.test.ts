import { expect, test } from 'vitest';
import { describeAsOf, parseAsOf } from '../../src/table/as-of.ts';

test.each([
  ['3', 3],
  ['v3', 3],
  ['V0', 0],
  [' 12 ', 12],
  ['123456789012345', 123_456_789_012_345],
])('%j is a version', (text, version) => {
  expect(parseAsOf(text)).toEqual({ kind: 'version', version });
});

test.each([
  ['2026-01-31', Date.UTC(2026, 0, 31)],
  [' 2026-01-31 12:00:00 ', Date.UTC(2026, 0, 31, 12)],
  ['2026-01-31T12:00:00.250Z', Date.UTC(2026, 0, 31, 12, 0, 0, 250)],
  ['2026-01-31T12:00:00+02:00', Date.UTC(2026, 0, 31, 10)],
  ['2026-01-31 12:00:00.5-0130', Date.UTC(2026, 0, 31, 13, 30, 0, 500)],
  [' 2026-01-31T12:00+02:00 ', Date.UTC(2026, 0, 31, 10)],
])('%j is a time', (text, timeMs) => {
  expect(parseAsOf(text)).toEqual({ kind: 'time', timeMs });
});

test.each([
  'yesterday',
  '',
  '-1',
  '3.5',
  'v',
  'vv3',
  '3v',
  '1234567890123456',
  '2026-13-01',
  '2026-01-01 10',
  '2026-13-01T10:00:00+02:00',
  'x2026-01-31T12:00:00+02:00',
  '2026-01-31T12:00:00+02:00x',
  '2026-01-31T12:00:00 GMT+02:00',
  '2026-01-31T12:00:00+2:00',
])('%j is neither', (text) => {
  expect(() => parseAsOf(text)).toThrow(
    expect.objectContaining({
      code: 'ARGUMENT_INVALID',
      message: `${JSON.stringify(text)} is neither a version nor a time`,
      remedy: 'write a version such as 3, or a time such as 2026-01-31T12:00:00Z',
    }),
  );
});

test('both are described as they are written after the name of a table', () => {
  expect(describeAsOf({ kind: 'version', version: 3 })).toBe('v3');
  expect(describeAsOf({ kind: 'time', timeMs: Date.UTC(2026, 0, 31, 12) })).toBe('2026-01-31T12:00:00.000Z');
});
