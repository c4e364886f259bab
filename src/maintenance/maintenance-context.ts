import type { ObjectStore } from '../storage/object-store.ts';

/** Context of maintenance. */
export interface MaintenanceContext {
  readonly store: ObjectStore;
  /** Software that commits, such as `pixlake/0.1.0`. */
  readonly software: string;
  /** Returns the versions of a table, given by its folder, that unfinished runs read, so they and their files must be kept. */
  readonly pinnedVersions?: (folder: string) => Promise<readonly number[]>;
  readonly signal?: AbortSignal;
}

/** An unreferenced file may belong to work in progress, which takes no longer than this. */
export const IN_FLIGHT_MS = 24 * 60 * 60 * 1000;
