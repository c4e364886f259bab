import { PixlakeError } from '../errors.ts';
import { resizePixels } from './apply-transform.ts';
import type { Pixels } from './configured-sharp.ts';
import type { TensorTarget } from './kernel-images.ts';
import { withKernel } from './pixel-kernel.ts';

/**
 * Writes what a model takes for some pixels, which are brought to its size.
 *
 * @throws `MODEL_FAILED` if there is no memory for it
 * @throws `INTERNAL_ERROR` if there is not room for as many values as the model takes
 */
export async function writeTensor(pixels: Pixels, input: TensorTarget): Promise<void> {
  const { format } = input;
  const resized = await resizePixels(pixels, { ...format, fit: format.resize });
  const isWritten = withKernel((kernel) => {
    kernel.toTensor(kernel.load(resized), input);
    return true;
  });
  if (isWritten !== true)
    throw new PixlakeError('MODEL_FAILED', 'there is not enough memory for the input of the model');
}
