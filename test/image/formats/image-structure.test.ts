import { describe, expect, test } from 'vitest';
import {
  countText,
  cutOff,
  nameText,
  numberAt,
  PLAIN,
  textAt,
} from '../../../src/image/formats/image-structure.ts';

const BYTES = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 0xe9);

describe('a number in bytes', () => {
  test.each([
    [0, 1, false, 1],
    [0, 2, false, 0x0102],
    [1, 2, true, 0x0302],
    [0, 3, true, 0x03_02_01],
    [4, 4, false, 0x05_06_07_08],
    [4, 4, true, 0x08_07_06_05],
    [0, 8, false, 0x01_02_03_04 * 2 ** 32 + 0x05_06_07_08],
    [8, 1, false, 0xe9],
  ] as const)('at %i of %i bytes, little-endian %s, is %i', (at, size, isLittle, value) => {
    expect(numberAt(BYTES, at, size, isLittle)).toBe(value);
  });

  test('is big-endian unless it is said otherwise', () => {
    expect(numberAt(BYTES, 0, 2)).toBe(0x0102);
  });

  test.each([
    [-1, 1],
    [9, 1],
    [8, 2],
    [6, 4],
    [2, 8],
  ] as const)('at %i of %i bytes is none, since it is not all there', (at, size) => {
    expect(numberAt(BYTES, at, size)).toBeUndefined();
  });
});

test('text is Latin-1, and shorter at the end of the file', () => {
  const bytes = Buffer.from('abcd\u00e9', 'latin1');
  expect(textAt(bytes, 1, 2)).toBe('bc');
  expect(textAt(bytes, 3, 9)).toBe('d\u00e9');
  expect(textAt(bytes, 9, 4)).toBe('');
  expect(textAt(bytes.subarray(2), 0, 1)).toBe('c');
});

test.each([
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [123_456, '123,456'],
  [268_402_689, '268,402,689'],
])('the count %i reads %s', (count, text) => {
  expect(countText(count)).toBe(text);
});

test('a part of a file has a name that can be printed', () => {
  expect(nameText('VP8 ')).toBe('VP8');
  expect(nameText('a b_')).toBe('a b_');
  expect(nameText('\0\u00ffx!')).toBe('??x?');
  expect(cutOff('somewhere')).toBe('the file is cut off somewhere');
});

test('most images are one still frame of RGB with 8 bits', () => {
  expect(PLAIN).toEqual({
    width: undefined,
    height: undefined,
    channels: 3,
    bitDepth: 8,
    frames: 1,
    isTurned: false,
    isHeldWhole: false,
    rowsAtOnce: 1,
    refused: undefined,
    unsupported: undefined,
  });
});
