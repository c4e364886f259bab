import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromHalf, toHalf } from '../../src/model/half-float.ts';

test('every float16 that is a number survives both ways', () => {
  const bits = Uint16Array.from({ length: 65_536 }, (_, index) => index).filter(
    (value) => (value & 0x7c_00) !== 0x7c_00 || (value & 0x3_ff) === 0,
  );
  expect(toHalf(fromHalf(bits))).toEqual(bits);
  expect(fromHalf(Uint16Array.of(0x7e_00))[0]).toBeNaN();
  expect(toHalf(Float32Array.of(Number.NaN))[0]).toBe(0x7e_00);
});

test('other numbers go to the nearest one, ties to the even one', () => {
  const halves = fromHalf(Uint16Array.from({ length: 0x7c_00 }, (_, index) => index));
  fc.assert(
    fc.property(fc.float({ min: 0, max: 65_000, noNaN: true }), (value) => {
      const [bits = 0] = toHalf(Float32Array.of(value));
      const near = [bits - 1, bits + 1].map((other) => Math.abs((halves[other] ?? Number.NaN) - value));
      const distance = Math.abs((halves[bits] ?? Number.NaN) - value);
      for (const other of near) expect(other < distance).toBe(false);
      if (near.includes(distance)) expect(bits % 2).toBe(0);
    }),
  );
  expect([...toHalf(Float32Array.of(65_519, 65_520, -1e9, 2 ** -25, 3 * 2 ** -25))]).toEqual([
    0x7b_ff, 0x7c_00, 0xfc_00, 0, 2,
  ]);
});
