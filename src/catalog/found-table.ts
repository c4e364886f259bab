import type { ObjectStore } from '../storage/object-store.ts';
import type { Snapshot } from '../table/snapshot.ts';

/** A table at a snapshot, and the store with its files: that of the lake, or that of an attached table. */
export interface FoundTable {
  readonly store: ObjectStore;
  readonly snapshot: Snapshot;
  readonly isAttached: boolean;
}
