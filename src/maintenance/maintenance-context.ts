import type { ObjectStore } from '../storage/object-store.ts';

/** What maintenance works with. */
export interface MaintenanceContext {
  readonly store: ObjectStore;
  /** Software that commits, such as `pixlake/0.1.0`. */
  readonly engine: string;
  readonly signal?: AbortSignal;
}
