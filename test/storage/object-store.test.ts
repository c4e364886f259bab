import { expect, test } from 'vitest';
import { checkKey } from '../../src/storage/object-store.ts';

test.each(['a', 'a/b.c', '.a', 'a./b', '...', 'a/.b', 'ü/ 日本', 'a..b/c..'])('%j is a key', (key) => {
  expect(() => checkKey(key)).not.toThrow();
});

test.each([
  '',
  '.',
  '..',
  '/',
  '/a',
  'a/',
  './a',
  '../a',
  'a/.',
  'a/..',
  'a//b',
  'a/./b',
  'a/../b',
  'a\\b',
  'a\0b',
  'a\nb',
  'a\u001fb',
])('%j is no key', (key) => {
  expect(() => checkKey(key)).toThrow(
    expect.objectContaining({
      code: 'OBJECT_KEY_INVALID',
      message: `object key ${JSON.stringify(key)} is not a plain relative path`,
    }),
  );
});
