import { createImageProcessor } from '../executor/image-processor.ts';
import { findSimilar, type SimilarSpec } from '../run/find-similar.ts';
import { ImageLibrary } from '../run/image-library.ts';
import { checkLake } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { QueryResult } from './query-result.ts';

/** The images of a lake, one by one, and those like them. */
export class Images extends ImageLibrary {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    super(store, createImageProcessor);
    this.#store = store;
  }

  /** Finds the images most similar to one, by embeddings that a run made; see {@link findSimilar}. Dispose the result. */
  async similar(spec: SimilarSpec): Promise<QueryResult> {
    await checkLake(this.#store);
    return new QueryResult(await findSimilar(this.#store, spec));
  }
}
