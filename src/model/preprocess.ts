import type { Pixels } from '../image/configured-sharp.ts';
import { withKernel } from '../image/pixel-kernel.ts';
import { PixlakeError } from '../errors.ts';
import type { ModelInput } from './model-card.ts';
import { valuesPerImage } from './value-counts.ts';

/**
 * Writes one image into a batch in the form of the model's input: `(value / 255 - mean) / std` in the card's layout and colour
 * order. `pixels` already have the card's size; `offset` is the start of the image in `target`, in values.
 * @throws MODEL_FAILED if memory is not sufficient.
 * @throws INTERNAL_ERROR if `pixels` has another size or the image does not fit into `target`.
 */
export function toTensor(pixels: Pixels, input: ModelInput, target: Float32Array, offset: number): void {
  const valueCount = valuesPerImage(input);
  if (pixels.bytes.length !== valueCount) {
    throw new PixlakeError(
      'INTERNAL_ERROR',
      `the model takes ${valueCount} pixel values, not ${pixels.bytes.length}`,
    );
  }
  if (offset < 0 || offset + valueCount > target.length) {
    throw new PixlakeError(
      'INTERNAL_ERROR',
      `an image at ${offset} is outside of a batch of ${target.length} values`,
    );
  }
  const values = target.subarray(offset, offset + valueCount);
  const isWritten = withKernel((kernel) => {
    kernel.toTensor(kernel.load(pixels), input, values);
    return true;
  });
  if (isWritten !== true)
    throw new PixlakeError('MODEL_FAILED', 'not enough memory for the input of the model');
}
