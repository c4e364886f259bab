import { PixlakeError } from '../errors.ts';
import { type ModelInput, valuesPerImage } from './model-card.ts';

/**
 * Writes one image into a batch as the model takes it: `(value / 255 - mean) / std` in the card's layout and colour
 * order. `pixels` are RGB, row by row, already of the card's size; `offset` is where the image starts in `target`, in values.
 * @throws INTERNAL_ERROR if `pixels` is of another size or the image does not fit into `target`.
 */
export function toTensor(pixels: Uint8Array, input: ModelInput, target: Float32Array, offset: number): void {
  const valueCount = valuesPerImage(input);
  // Typed arrays ignore writes past their end, so a wrong size would pass unseen.
  if (pixels.length !== valueCount) {
    throw new PixlakeError(
      'INTERNAL_ERROR',
      `the model takes ${valueCount} pixel values, not ${pixels.length}`,
    );
  }
  if (offset < 0 || offset + valueCount > target.length) {
    throw new PixlakeError(
      'INTERNAL_ERROR',
      `an image at ${offset} is outside of a batch of ${target.length} values`,
    );
  }
  const pixelCount = valueCount / 3;
  const [pixelStep, channelStep] = input.layout === 'NCHW' ? [1, pixelCount] : [3, 1];
  for (const channel of [0, 1, 2] as const) {
    const source = input.colorOrder === 'RGB' ? channel : 2 - channel;
    const mean = input.mean[channel];
    const std = input.std[channel];
    let to = offset + channel * channelStep;
    for (let from = source; from < valueCount; from += 3) {
      target[to] = ((pixels[from] ?? 0) / 255 - mean) / std;
      to += pixelStep;
    }
  }
}
