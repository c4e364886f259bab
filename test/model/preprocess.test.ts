import { expect, it } from 'vitest';
import { toTensor } from '../../src/model/preprocess.ts';
import { TOY_CARD, toyCard } from './toy-model.ts';

// Two pixels side by side, red (255, 0, 51) and blue (0, 102, 204).
const PIXELS = { bytes: Uint8Array.of(255, 0, 51, 0, 102, 204), width: 2, height: 1 };

function tensorOf(changes: object): number[] {
  const { input } = toyCard({ input: { ...TOY_CARD.input, ...changes } });
  const target = new Float32Array(6);
  toTensor(PIXELS, input, target, 0);
  return Array.from(target, (value) => Math.round(value * 1e6) / 1e6);
}

it('lays values out by plane for NCHW and by pixel for NHWC', () => {
  expect(tensorOf({ layout: 'NCHW' })).toEqual([1, 0, 0, 0.4, 0.2, 0.8]);
  expect(tensorOf({ layout: 'NHWC' })).toEqual([1, 0, 0.2, 0, 0.4, 0.8]);
});

it('swaps red and blue for BGR', () => {
  expect(tensorOf({ layout: 'NCHW', colorOrder: 'BGR' })).toEqual([0.2, 0.8, 0, 0.4, 1, 0]);
  expect(tensorOf({ layout: 'NHWC', colorOrder: 'BGR' })).toEqual([0.2, 0, 1, 0.8, 0.4, 0]);
});

it('applies mean and deviation in the order of the channels in the tensor', () => {
  const normalised = { mean: [0.5, 0.2, 0], std: [0.5, 0.1, 2] };
  expect(tensorOf({ layout: 'NHWC', ...normalised })).toEqual([1, -2, 0.1, -1, 2, 0.4]);
  expect(tensorOf({ layout: 'NHWC', colorOrder: 'BGR', ...normalised })).toEqual([-0.6, -2, 0.5, 0.6, 2, 0]);
});

it.each([1, 2, 3, 4, 5, 7, 64, 333])('is within a millionth of 64-bit numbers for %i pixels', (width) => {
  const bytes = Uint8Array.from({ length: width * 3 }, (_, index) => (index * 89) % 256);
  for (const layout of ['NCHW', 'NHWC'] as const) {
    for (const colorOrder of ['RGB', 'BGR'] as const) {
      const changes = {
        width,
        height: 1,
        layout,
        colorOrder,
        mean: [0.485, 0.456, 0.406] as const,
        std: [0.229, 0.224, 0.225] as const,
      };
      const { input } = toyCard({ input: { ...TOY_CARD.input, ...changes } });
      const target = new Float32Array(width * 3);
      toTensor({ bytes, width, height: 1 }, input, target, 0);
      for (let pixel = 0; pixel < width; pixel++) {
        for (const channel of [0, 1, 2] as const) {
          const value = bytes[pixel * 3 + (colorOrder === 'RGB' ? channel : 2 - channel)] ?? 0;
          const expected = (value / 255 - input.mean[channel]) / input.std[channel];
          const at = layout === 'NCHW' ? channel * width + pixel : pixel * 3 + channel;
          expect(target[at], `${layout} ${colorOrder} ${pixel}`).toBeCloseTo(expected, 5.7);
        }
      }
    }
  }
});

it('writes at the offset and nowhere else', () => {
  const target = new Float32Array(18).fill(9);
  toTensor(PIXELS, toyCard().input, target, 6);
  expect(Array.from(target.subarray(0, 6))).toEqual(Array(6).fill(9));
  expect(target[6]).toBe(1);
  expect(Array.from(target.subarray(12))).toEqual(Array(6).fill(9));
});

it.each([
  ['an image of another size', { bytes: new Uint8Array(3), width: 1, height: 1 }, 6, 0],
  ['an image past the end of the batch', PIXELS, 6, 1],
  ['a negative offset', PIXELS, 6, -1],
])('refuses %s', (_, pixels, length, offset) => {
  const write = () => toTensor(pixels, toyCard().input, new Float32Array(length), offset);
  expect(write).toThrow(expect.objectContaining({ code: 'INTERNAL_ERROR' }));
});
