import type { ObjectStore } from '../storage/object-store.ts';

/** What maintenance works with. */
export interface MaintenanceContext {
  readonly store: ObjectStore;
  /** Software that commits, such as `pixlake/0.1.0`. */
  readonly software: string;
  /** Versions of a table, by its folder, that unfinished runs read, so that they and their files are to be kept. */
  readonly pinnedVersions?: (folder: string) => Promise<readonly number[]>;
  readonly signal?: AbortSignal;
}

/** A file that nothing refers to may belong to work that is still being done; none takes longer than this. */
export const IN_FLIGHT_MS = 24 * 60 * 60 * 1000;
