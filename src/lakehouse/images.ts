import { findSimilar, type SimilarSpec } from '../run/find-similar.ts';
import { ImageLibrary } from '../run/image-library.ts';
import type { ImageProcessor } from '../run/process-one.ts';
import { checkLake } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { QueryResult } from './query-result.ts';

/** Loaded only when needed, since few commands make single images. */
async function openProcessor(): Promise<ImageProcessor> {
  const { createImageProcessor } = await import('../executor/image-processor.ts');
  return createImageProcessor();
}

/** The images of a lake, one by one, and those like them. */
export class Images extends ImageLibrary {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    super(store, openProcessor);
    this.#store = store;
  }

  /** Finds the images most similar to one, by embeddings that a run made; see {@link findSimilar}. Dispose the result. */
  async similar(spec: SimilarSpec): Promise<QueryResult> {
    await checkLake(this.#store);
    return new QueryResult(await findSimilar(this.#store, spec));
  }
}
