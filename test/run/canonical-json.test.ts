import { expect, test } from 'vitest';
import { canonicalJson } from '../../src/run/canonical-json.ts';

test('equal values give the same text, whatever the order of their fields, at every depth', () => {
  expect(canonicalJson({ b: 1, a: { d: [{ f: 2, e: 3 }], c: null } })).toBe(
    '{"a":{"c":null,"d":[{"e":3,"f":2}]},"b":1}',
  );
});

test('the order of a list is kept, and an absent field is as one that is undefined', () => {
  expect(canonicalJson([2, 1])).not.toBe(canonicalJson([1, 2]));
  expect(canonicalJson({ a: 1, b: undefined })).toBe(canonicalJson({ a: 1 }));
  expect(canonicalJson({ a: null })).not.toBe(canonicalJson({}));
});
