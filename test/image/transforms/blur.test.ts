import { expect, test } from 'vitest';
import { blur } from '../../../src/image/transforms/blur.ts';
import { columnsOf, drawWith } from './draw-with.ts';

test('is off unless it is asked for, in pixels up to 100', () => {
  expect(blur.name).toBe('blur');
  expect(blur.fields).toMatchObject({ blur: { kind: 'number', min: 0, max: 100, default: 0 } });
  expect(blur.undrawn).toEqual({ blur: 0 });
  expect(drawWith(blur, { blur: 0 }, {})).toEqual({ blur: 0 });
});

test.each([
  [0.75, 3],
  [0.075, 0.3],
  // libvips takes no smaller one.
  [0.0749, 0],
])('of at most 4 pixels is for a draw of %f: %f', (drawn, sigma) => {
  expect(drawWith(blur, { blur: 4 }, { blur: drawn })).toEqual({ blur: sigma });
});

test('has a column, and leaves the kernel only where something is blurred', () => {
  expect(columnsOf(blur, { blur: 3 })).toEqual([['blur', 'DOUBLE', 3]]);
  expect([0, 0.3].map((sigma) => blur.isInKernel?.({ blur: sigma }))).toEqual([true, false]);
});
