import { PixlakeError } from '../errors.ts';
import { decodePixels } from '../image/apply-transform.ts';
import type { TensorTarget } from '../image/kernel-images.ts';
import { writeTensor } from '../image/write-tensor.ts';
import { valuesPerImage } from './value-counts.ts';
import type { ModelSession } from './open-session.ts';
import type { Prediction } from './read-output.ts';

/** What a model takes for some images, one after another in one array; whoever decodes an image fills its part. */
export interface ModelBatch {
  readonly values: Float32Array;
  readonly inputs: readonly TensorTarget[];
}

/** Memory of batches that were labelled, for the next ones: megabytes that come and go make the garbage collector look at everything. */
const spare = new WeakMap<ModelSession, Float32Array[]>();

/** Makes room for images, at most the card's `batchSize`; it may hold what another batch left there. */
export function makeBatch(session: ModelSession, imageCount: number): ModelBatch {
  const format = session.card.input;
  const valueCount = valuesPerImage(format);
  const length = imageCount * valueCount;
  const found = spare.get(session)?.pop();
  const memory = found !== undefined && found.length >= length ? found : new Float32Array(length);
  const values = memory.subarray(0, length);
  const inputs = Array.from({ length: imageCount }, (_, index) => ({
    format,
    values: values.subarray(index * valueCount, (index + 1) * valueCount),
  }));
  return { values, inputs };
}

/**
 * Labels those images of a batch that were filled in: for each of them its predictions, or why it alone failed. The others are left out, so that a
 * bad image changes nothing for its neighbours. The batch cannot be used any more afterwards.
 *
 * @throws `MODEL_FAILED`, `MODEL_MISMATCH`
 */
export async function labelBatch(
  session: ModelSession,
  { values, inputs }: ModelBatch,
  isFilled: readonly boolean[],
): Promise<(Prediction[] | PixlakeError | undefined)[]> {
  let count = 0;
  for (const [index, input] of inputs.entries()) {
    if (isFilled[index] !== true) continue;
    if (count !== index) inputs[count]?.values.set(input.values);
    count += 1;
  }
  const results = (await session.predict(values, count)).values();
  const kept = spare.get(session) ?? [];
  kept.push(new Float32Array(values.buffer));
  spare.set(session, kept);
  return isFilled.map((isThere) => (isThere ? results.next().value : undefined));
}

/** Decodes and labels one encoded image. @throws `IMAGE_…`, `MODEL_…` */
export async function labelImage(session: ModelSession, bytes: Uint8Array): Promise<Prediction[]> {
  const batch = makeBatch(session, 1);
  const [input] = batch.inputs;
  if (input !== undefined) await writeTensor(await decodePixels(bytes), input);
  const [result] = await labelBatch(session, batch, [true]);
  if (result instanceof PixlakeError) throw result;
  return result ?? [];
}
