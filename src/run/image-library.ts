import { findImage } from '../catalog/find-image.ts';
import type { ImageLocation } from '../catalog/image-location.ts';
import { resizeImage, type ShownSize } from '../image/resize-image.ts';
import { resolveModel } from '../model/lake-models.ts';
import type { ByteRange, ObjectEntry, ObjectStore } from '../storage/object-store.ts';
import type { ImageProcessor, MadeImage, ProcessTask, UnmadeImage } from './process-one.ts';
import { parseProcessSpec, type ProcessSpec } from './run-spec.ts';

/** An encoded image to be processed, and the id that seeds its draws. */
export interface ImageSource {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** The images of a lake, one by one. All verbs throw `PixlakeError`. */
export class ImageLibrary {
  readonly #store: ObjectStore;
  readonly #openProcessor: () => Promise<ImageProcessor>;
  #processor: Promise<ImageProcessor> | undefined;

  constructor(store: ObjectStore, openProcessor: () => Promise<ImageProcessor>) {
    this.#store = store;
    this.#openProcessor = openProcessor;
  }

  /** Finds the image of a row; see {@link findImage}. */
  async find(table: string, id: string): Promise<ImageLocation> {
    return findImage(this.#store, table, id);
  }

  /** Tells the size of an original or a written image; `undefined` where there is none of that key. */
  async stat(key: string): Promise<ObjectEntry | undefined> {
    return this.#store.stat(key);
  }

  /** Reads an original or a written image, or a range of its bytes, by the key that its row names. @throws `OBJECT_NOT_FOUND` */
  async read(key: string, range?: ByteRange): Promise<Buffer> {
    return this.#store.read(key, range);
  }

  /** Resizes an encoded image for looking at it; see {@link resizeImage}. */
  async resize(bytes: Uint8Array, size: ShownSize): Promise<Buffer> {
    return resizeImage(bytes, size);
  }

  /**
   * Transforms and labels images as a run would, without writing anything: `copies` results for each image, in order. A bad image is a
   * result with its error.
   *
   * @throws `SPEC_INVALID`, `MODEL_…`, `SERVER_BUSY`, `WORKER_TOO_SMALL`
   */
  async process(sources: readonly ImageSource[], spec: ProcessSpec): Promise<(MadeImage | UnmadeImage)[]> {
    const { copies, model: name, device, ...work } = parseProcessSpec(spec);
    const model = name === undefined ? undefined : await resolveModel(this.#store, name);
    this.#processor ??= this.#openProcessor();
    const processor = await this.#processor;
    const tasks = sources.flatMap(({ id, bytes }) =>
      Array.from({ length: copies }, (_, copy): ProcessTask => ({ ...work, id, copy, bytes, model, device })),
    );
    return Promise.all(tasks.map((task) => processor.process(task)));
  }

  /** Ends the threads that {@link process} has started. */
  async close(): Promise<void> {
    const processor = await this.#processor;
    await processor?.[Symbol.asyncDispose]();
    this.#processor = undefined;
  }
}
