import { expect, test } from 'vitest';
import { parseRange } from '../../src/api/byte-range.ts';

test.each<[string, number, number, number]>([
  ['bytes=0-9', 100, 0, 10],
  ['bytes=0-0', 100, 0, 1],
  ['bytes=99-', 100, 99, 1],
  ['bytes=99-99', 100, 99, 1],
  ['bytes=90-999', 100, 90, 10],
  ['bytes=-1', 100, 99, 1],
  ['bytes=-100', 100, 0, 100],
  ['bytes=-999999', 100, 0, 100],
  ['bytes=0-', 1, 0, 1],
])('%s of %i bytes is from %i on, %i bytes', (header, sizeBytes, start, length) => {
  expect(parseRange(header, sizeBytes)).toEqual({ start, length });
});

test.each([
  undefined,
  '',
  'bytes=',
  'bytes=-',
  'bytes=9-3',
  'bytes=0-1,4-5',
  'lines=0-9',
  'bytes=a-b',
  'bytes= 0-1',
])('%j asks for the whole object', (header) => {
  expect(parseRange(header, 100)).toBeUndefined();
});

test.each<[string, number]>([
  ['bytes=100-', 100],
  ['bytes=100-200', 100],
  ['bytes=-0', 100],
  ['bytes=0-', 0],
  ['bytes=-5', 0],
])('%s of %i bytes is beyond the end', (header, sizeBytes) => {
  expect(() => parseRange(header, sizeBytes)).toThrow(expect.objectContaining({ code: 'RANGE_INVALID' }));
});
