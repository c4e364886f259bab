import { type ErrorCode, PixlakeError, toPixlakeError } from '../errors.ts';
import { EXTENSIONS } from '../image/transforms/encoding.ts';
import type { TensorTarget } from '../image/kernel-images.ts';
import { labelBatch, makeBatch } from '../model/label-images.ts';
import { predictionValues, type PredictionValue } from '../model/prediction-columns.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { WrittenImage } from './manifest-columns.ts';
import { placeImage } from './place-image.ts';
import type { ShardContext } from './shard-context.ts';
import type { Stage } from './stages.ts';
import { type TransformedOriginal, transformOriginal } from './transform-original.ts';
import { sha256Of } from '../storage/hash-file.ts';
import type { FailedImage, ShardItem } from './shard-item.ts';

/** A written image. */
export interface ProcessedImage {
  readonly kind: 'image';
  readonly item: ShardItem;
  readonly image: WrittenImage;
}

interface TransformedImage {
  readonly kind: 'transformed';
  readonly item: ShardItem;
  readonly made: TransformedOriginal;
}

/**
 * Transforms, labels and writes a batch of images, giving one result for each item in order. A bad image is a result, not an error.
 *
 * @throws `STORAGE_…` where writing fails, since then nothing can go on; `WORKER_TOO_SMALL`
 */
export async function processImages(
  context: ShardContext,
  items: readonly ShardItem[],
): Promise<(ProcessedImage | FailedImage)[]> {
  const originals = new Map<string, Promise<Original>>();
  const read = (item: ShardItem): Promise<Original> => {
    const key = item.imageKey ?? '';
    const bytes = originals.get(key) ?? readOriginal(context, item);
    originals.set(key, bytes);
    return bytes;
  };
  const { session } = context;
  const batch = session && makeBatch(session, items.length);
  const transformed = await Promise.all(
    items.map((item, index) => transformOne(context, item, read, batch?.inputs[index])),
  );
  const isGood = transformed.map(({ kind }) => kind === 'transformed');
  const predicted = session && batch && (await labelBatch(session, batch, isGood));
  return Promise.all(
    transformed.map(async (image, index) => {
      if (image.kind === 'failure') return image;
      const predictions = predicted?.[index] ?? [];
      if (predictions instanceof PixlakeError) return fail(image.item, 'infer', predictions);
      return writeImage(context, image, predictionValues(predictions));
    }),
  );
}

/** An original as it was read. */
interface Original {
  readonly bytes: Buffer;
  readonly sha256: string;
}

async function transformOne(
  { source, execution: { run } }: ShardContext,
  item: ShardItem,
  read: (item: ShardItem) => Promise<Original>,
  input: TensorTarget | undefined,
): Promise<TransformedImage | FailedImage> {
  let original: Original;
  try {
    original = await read(item);
  } catch (error) {
    if (isOutage(source, error)) throw error;
    return fail(item, 'read', withoutRoot(source, error));
  }
  try {
    const made = await transformOriginal(original, run, item, input);
    return { kind: 'transformed', item, made };
  } catch (error) {
    // The error is about the machine and not about the image, so the attempt fails and not the image.
    if (error instanceof PixlakeError && OF_MACHINE.has(error.code)) throw error;
    return fail(item, 'transform', error);
  }
}

/** An error that names keys of the lake, not places: it is stored, and a copied lake is the same lake. */
function withoutRoot({ uri }: ObjectStore, error: unknown): PixlakeError {
  const known = toPixlakeError(error);
  const message = known.message.replaceAll(`${uri}/`, '');
  return message === known.message ? known : new PixlakeError(known.code, message, { cause: error });
}

/** Whether it is the server that fails, or the credentials: then that says nothing about the image, and the run has to wait. */
function isOutage(source: ObjectStore, error: unknown): boolean {
  return source.remote !== undefined && error instanceof PixlakeError && OUTAGES.has(error.code);
}

const OUTAGES = new Set<ErrorCode>(['STORAGE_FAILED', 'STORAGE_DENIED', 'BUCKET_NOT_FOUND']);

const OF_MACHINE = new Set<ErrorCode>(['WORKER_TOO_SMALL', 'MODEL_FAILED']);

async function readOriginal(
  { source }: ShardContext,
  { id, imageKey, sha256: ingested }: ShardItem,
): Promise<Original> {
  if (imageKey === null) throw new PixlakeError('IMAGE_MISSING', `the row of ${id} names no original`);
  const bytes = await source.read(imageKey);
  if (bytes.length === 0) throw new PixlakeError('IMAGE_EMPTY', `${imageKey} has zero bytes`);
  const sha256 = sha256Of(bytes);
  if (ingested !== null && sha256 !== ingested) {
    throw new PixlakeError('IMAGE_CHANGED', `${imageKey} no longer has the bytes that were ingested`);
  }
  return { bytes, sha256 };
}

async function writeImage(
  { store, execution: { run } }: ShardContext,
  { item, made: { rendered, original, drawn } }: TransformedImage,
  predictions: readonly PredictionValue[],
): Promise<ProcessedImage> {
  const { format } = run.transform;
  const suffix = run.copies === 1 ? '' : `-${item.copy}`;
  const { encoded } = rendered;
  const imageKey = await placeImage(store, `${item.stem}${suffix}`, EXTENSIONS[format], encoded);
  const image = {
    imageId: `${item.id}${suffix}`,
    copy: item.copy,
    imageKey,
    sha256: sha256Of(encoded),
    format,
    sourceKey: item.imageKey,
    rendered,
    original,
    drawn,
    predictions,
  };
  return { kind: 'image', item, image };
}

function fail(item: ShardItem, stage: Stage, error: unknown): FailedImage {
  return { kind: 'failure', item, stage, error: toPixlakeError(error) };
}
