import { PixlakeError } from '../errors.ts';
import { decodePixels, resizePixels } from '../image/apply-transform.ts';
import type { Pixels } from '../image/configured-sharp.ts';
import type { ModelSize } from '../image/render-image.ts';
import { valuesPerImage } from './value-counts.ts';
import type { ModelSession } from './open-session.ts';
import { toTensor } from './preprocess.ts';
import type { Prediction } from './read-output.ts';

/** Labels decoded images, at most the card's `batchSize`: for each its predictions, or the error of that image. @throws `MODEL_FAILED`, `MODEL_MISMATCH` */
export async function labelPixels(
  session: ModelSession,
  images: readonly Pixels[],
): Promise<(Prediction[] | PixlakeError)[]> {
  if (images.length === 0) return [];
  const { input } = session.card;
  const size = modelSize(session);
  const valueCount = valuesPerImage(input);
  const batch = new Float32Array(images.length * valueCount);
  await Promise.all(
    images.map(async (pixels, index) => {
      toTensor(await resizePixels(pixels, size), input, batch, index * valueCount);
    }),
  );
  return session.predict(batch, images.length);
}

/** The input size of a model, and how images are resized to it. */
export function modelSize({ card: { input } }: ModelSession): ModelSize {
  const { width, height, resize: fit } = input;
  return { width, height, fit };
}

/** Decodes and labels one encoded image. @throws `IMAGE_…`, `MODEL_…` */
export async function labelImage(session: ModelSession, bytes: Uint8Array): Promise<Prediction[]> {
  const [result] = await labelPixels(session, [await decodePixels(bytes)]);
  if (result instanceof PixlakeError) throw result;
  return result ?? [];
}
