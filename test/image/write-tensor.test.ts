import { expect, it } from 'vitest';
import type { TensorFormat } from '../../src/image/kernel-images.ts';
import { writeTensor } from '../../src/image/write-tensor.ts';

const FORMAT: TensorFormat = {
  width: 2,
  height: 1,
  layout: 'NCHW',
  colorOrder: 'RGB',
  resize: 'fill',
  mean: [0, 0, 0],
  std: [1, 1, 1],
};

// Two pixels side by side, red (255, 0, 51) and blue (0, 102, 204).
const PIXELS = { bytes: Uint8Array.of(255, 0, 51, 0, 102, 204), width: 2, height: 1 };

async function tensorOf(changes: Partial<TensorFormat>): Promise<number[]> {
  const values = new Float32Array(6);
  await writeTensor(PIXELS, { format: { ...FORMAT, ...changes }, values });
  return Array.from(values, (value) => Math.round(value * 1e6) / 1e6);
}

it('lays values out by plane for NCHW and by pixel for NHWC', async () => {
  expect(await tensorOf({ layout: 'NCHW' })).toEqual([1, 0, 0, 0.4, 0.2, 0.8]);
  expect(await tensorOf({ layout: 'NHWC' })).toEqual([1, 0, 0.2, 0, 0.4, 0.8]);
});

it('swaps red and blue for BGR', async () => {
  expect(await tensorOf({ layout: 'NCHW', colorOrder: 'BGR' })).toEqual([0.2, 0.8, 0, 0.4, 1, 0]);
  expect(await tensorOf({ layout: 'NHWC', colorOrder: 'BGR' })).toEqual([0.2, 0, 1, 0.8, 0.4, 0]);
});

it('applies mean and deviation in the order of the channels in the tensor', async () => {
  const normalised = { mean: [0.5, 0.2, 0], std: [0.5, 0.1, 2] };
  expect(await tensorOf({ layout: 'NHWC', ...normalised })).toEqual([1, -2, 0.1, -1, 2, 0.4]);
  expect(await tensorOf({ layout: 'NHWC', colorOrder: 'BGR', ...normalised })).toEqual([
    -0.6, -2, 0.5, 0.6, 2, 0,
  ]);
});

it.each([1, 2, 3, 4, 5, 7, 64, 333])(
  'is within a millionth of 64-bit numbers for %i pixels',
  async (width) => {
    const bytes = Uint8Array.from({ length: width * 3 }, (_, index) => (index * 89) % 256);
    for (const layout of ['NCHW', 'NHWC'] as const) {
      for (const colorOrder of ['RGB', 'BGR'] as const) {
        const format = {
          ...FORMAT,
          width,
          height: 1,
          layout,
          colorOrder,
          mean: [0.485, 0.456, 0.406] as const,
          std: [0.229, 0.224, 0.225] as const,
        };
        const target = new Float32Array(width * 3);
        const expected: number[] = [];
        await writeTensor({ bytes, width, height: 1 }, { format, values: target });
        for (let pixel = 0; pixel < width; pixel++) {
          for (const channel of [0, 1, 2] as const) {
            const value = bytes[pixel * 3 + (colorOrder === 'RGB' ? channel : 2 - channel)] ?? 0;
            const at = layout === 'NCHW' ? channel * width + pixel : pixel * 3 + channel;
            expected[at] = (value / 255 - format.mean[channel]) / format.std[channel];
          }
        }
        expect(expected).toHaveLength(target.length);
        const differences = expected.map((value, at) => Math.abs(value - (target[at] ?? Number.NaN)));
        expect(Math.max(...differences), `${layout} ${colorOrder}`).toBeLessThan(1e-6);
      }
    }
  },
);

it('writes into its part of a batch and nowhere else', async () => {
  const batch = new Float32Array(18).fill(9);
  await writeTensor(PIXELS, { format: FORMAT, values: batch.subarray(6, 12) });
  expect(Array.from(batch.subarray(0, 6))).toEqual(Array(6).fill(9));
  expect(batch[6]).toBe(1);
  expect(Array.from(batch.subarray(12))).toEqual(Array(6).fill(9));
});

it('brings pixels of another size to that of the model', async () => {
  const values = new Float32Array(6);
  const bytes = new Uint8Array(8 * 4 * 3).fill(51);
  await writeTensor({ bytes, width: 8, height: 4 }, { format: FORMAT, values });
  expect(Array.from(values, (value) => Math.round(value * 1e6) / 1e6)).toEqual(Array(6).fill(0.2));
});

it.each([5, 7])('refuses room for %i values where a model takes six', async (length) => {
  const written = writeTensor(PIXELS, { format: FORMAT, values: new Float32Array(length) });
  await expect(written).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
});
