import { expect, test } from 'vitest';
import { markerSchema } from '../../src/run/marker-schema.ts';

const FILE = { name: '00000-abcdef01.parquet', sizeBytes: 5, sha256: 'a'.repeat(64) };
const MARKER = {
  shard: 0,
  imageCount: 2,
  takenCount: 1,
  errorCount: 1,
  imageBytes: 9,
  part: FILE,
  errors: FILE,
};

test('a marker names a file for what it counts', () => {
  expect(markerSchema.parse(MARKER)).toEqual(MARKER);
  const empty = { ...MARKER, imageCount: 0, takenCount: 0, part: null };
  expect(markerSchema.parse(empty)).toEqual(empty);
});

test.each([
  ['images without a part', { part: null }],
  ['a part without images', { imageCount: 0 }],
  ['errors without a file', { errors: null }],
  ['a file without errors', { errorCount: 0 }],
  ['a negative count', { takenCount: -1 }],
  ['half an image', { imageCount: 1.5 }],
  ['a part without a hash', { part: { ...FILE, sha256: undefined } }],
])('a marker is refused that has %s', (_, fields) => {
  expect(markerSchema.safeParse({ ...MARKER, ...fields }).success).toBe(false);
});
