import { type RemoveModelReport, type RemoveModelSpec, removeModel } from '../maintenance/remove-model.ts';
import { ModelLibrary } from '../model/model-library.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openMaintenance } from './open-maintenance.ts';

/** The models of a lake. */
export class Models extends ModelLibrary {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    super(store);
    this.#store = store;
  }

  /** Removes a model from the lake; see {@link removeModel}. */
  async remove(spec: RemoveModelSpec): Promise<RemoveModelReport> {
    return removeModel(await openMaintenance(this.#store), spec);
  }
}
