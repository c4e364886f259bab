import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { casedFileStem, fileStem } from '../../src/storage/file-stem.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';

test('letters, digits, _ and - stay, every other byte is percent-encoded, dots too', () => {
  expect(fileStem('15970')).toBe('15970');
  expect(fileStem('Ab_9-z')).toBe('Ab_9-z');
  expect(fileStem('train/cats/1.jpg')).toBe('train%2Fcats%2F1%2Ejpg');
  expect(fileStem('..')).toBe('%2E%2E');
  expect(fileStem('%2E')).toBe('%252E');
  expect(fileStem("é~*'()!")).toBe('%C3%A9%7E%2A%27%28%29%21');
});

test('ids of more than 150 bytes become a prefix and a sha256', () => {
  expect(fileStem('x'.repeat(150))).toBe('x'.repeat(150));
  expect(fileStem('x'.repeat(151))).toBe(`${'x'.repeat(85)}.${sha256Of(Buffer.from('x'.repeat(151)))}`);
  // 40 characters of 2 bytes are 240 bytes; none is cut in two.
  const stem = fileStem('é'.repeat(40));
  expect(stem.split('.')[0]).toBe('%C3%A9'.repeat(14));
  expect(stem).toMatch(/^(?:%[0-9A-F]{2})+\.[0-9a-f]{64}$/u);
  expect(stem.length).toBeLessThanOrEqual(150);
});

test('different ids have different stems of safe characters', () => {
  const ids = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 80 }),
    // Of few characters, so that some come close to one another.
    fc.string({ unit: fc.constantFrom('%', '2', 'E', '.', '/', 'a', 'A'), maxLength: 4 }),
  );
  fc.assert(
    fc.property(ids, ids, (a, b) => {
      expect(fileStem(a)).toMatch(/^[A-Za-z0-9_%-]*(?:\.[0-9a-f]{64})?$/u);
      expect(fileStem(a) === fileStem(b)).toBe(a === b);
    }),
  );
});

test('cased stems differ where only the case of ids does, on every file system', () => {
  const fold = (id: string): string => casedFileStem(id).toLowerCase();
  expect(fold('IMG_1')).not.toBe(fold('img_1'));
  expect(fold('IMG_1')).not.toBe(fileStem('img_1'));
  expect(casedFileStem('a/B')).toBe(`a%2FB.${sha256Of(Buffer.from('a/B')).slice(0, 16)}`);
});
