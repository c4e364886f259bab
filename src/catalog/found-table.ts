import type { ObjectStore } from '../storage/object-store.ts';
import type { Snapshot } from '../table/snapshot.ts';

/** A table at the snapshot that was asked for, and the store that holds its files: the lake's, or that of an attached table. */
export interface FoundTable {
  readonly store: ObjectStore;
  readonly snapshot: Snapshot;
  readonly isAttached: boolean;
}
