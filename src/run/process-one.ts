import { type ErrorCode, PixlakeError, toPixlakeError } from '../errors.ts';
import type { ImageLimits } from '../image/image-limits.ts';
import { MemoryGate } from '../image/memory-gate.ts';
import type { DrawnTransform, Transform } from '../image/transform.ts';
import { labelBatch, makeBatch } from '../model/label-images.ts';
import type { Device } from '../model/devices.ts';
import type { ModelFiles } from '../model/model-files.ts';
import { type ModelSession, openModelSession } from '../model/open-session.ts';
import type { Prediction } from '../model/read-output.ts';
import { transformOriginal } from './transform-original.ts';
import { sha256Of } from '../storage/hash-file.ts';

/** One copy of one image to be made without a run; can be sent between threads. */
export interface ProcessTask extends ImageLimits {
  /** Seeds the draws, as the id of a row does in a run. */
  readonly id: string;
  readonly copy: number;
  readonly bytes: Uint8Array;
  readonly seed: number;
  readonly transform: Transform;
  readonly model: ModelFiles | undefined;
  readonly device: Device | undefined;
}

/** An image that was made: encoded as the transform says. */
export interface MadeImage {
  readonly id: string;
  readonly copy: number;
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly original: { readonly width: number; readonly height: number; readonly sha256: string };
  readonly drawn: DrawnTransform;
  readonly predictions: readonly Prediction[];
}

/** Why an image could not be made. */
export interface UnmadeImage {
  readonly id: string;
  readonly copy: number;
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly remedy: string | undefined };
}

/** Where single images are made, away from the thread that serves. */
export interface ImageProcessor extends AsyncDisposable {
  /** Makes one image. @throws `SERVER_BUSY` when too many wait, `WORKER_TOO_SMALL` */
  process(task: ProcessTask): Promise<MadeImage | UnmadeImage>;
}

/** Makes images one after another, just as a run would; the model that was used last stays loaded. */
export class ImageMaker {
  readonly #gate: MemoryGate;
  #loaded: { readonly key: string; readonly session: ModelSession } | undefined;

  /** @param cells see {@link memoryCells} */
  constructor(cells: Int32Array<SharedArrayBuffer>) {
    this.#gate = new MemoryGate(cells);
  }

  async make(task: ProcessTask): Promise<MadeImage | UnmadeImage> {
    const { id, copy } = task;
    try {
      if (task.bytes.length === 0) throw new PixlakeError('IMAGE_EMPTY', 'the image has zero bytes');
      const session = await this.#load(task);
      const batch = session && makeBatch(session, 1);
      const source = { bytes: task.bytes, sha256: sha256Of(task.bytes) };
      const { rendered, original, drawn } = await transformOriginal(
        source,
        task,
        task,
        batch?.inputs[0],
        this.#gate,
      );
      const { width, height, encoded: bytes } = rendered;
      const [predictions = []] = session && batch ? await labelBatch(session, batch, [true]) : [];
      if (predictions instanceof PixlakeError) throw predictions;
      return { id, copy, bytes, width, height, original, drawn, predictions };
    } catch (error) {
      const { code, message, remedy } = toPixlakeError(error);
      return { id, copy, error: { code, message, remedy } };
    }
  }

  async #load({ model, device }: ProcessTask): Promise<ModelSession | undefined> {
    if (model === undefined) return undefined;
    const key = JSON.stringify([model.sha256, device]);
    if (this.#loaded?.key === key) return this.#loaded.session;
    await this.#loaded?.session.close();
    this.#loaded = undefined;
    const session = await openModelSession(model, { threads: 1, device });
    this.#loaded = { key, session };
    return session;
  }
}
