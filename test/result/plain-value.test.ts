import { expect, test } from 'vitest';
import { type PlainValue, textOf } from '../../src/result/plain-value.ts';

test.each<[PlainValue, string]>([
  [null, 'null'],
  [true, 'true'],
  [1.5, '1.5'],
  ['a "b"', 'a "b"'],
  [2n ** 64n, '18446744073709551616'],
  [[1, 2n ** 64n, 'a', null], '[1,"18446744073709551616","a",null]'],
  [{ a: { b: 2n ** 64n }, c: false }, '{"a":{"b":"18446744073709551616"},"c":false}'],
  [[], '[]'],
])('%o is %s', (value, text) => {
  expect(textOf(value)).toBe(text);
});
