import { expect, test } from 'vitest';
import { makeMemoryCells, memoryCells } from '../../src/run/memory-cells.ts';

test('threads of one run share memory of their own, makers of single images that of the process', () => {
  const [one, other] = [makeMemoryCells(), makeMemoryCells()];
  expect(one.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(one.buffer).not.toBe(other.buffer);
  expect(memoryCells().buffer).toBe(memoryCells().buffer);
  expect(memoryCells().buffer).not.toBe(one.buffer);
});
