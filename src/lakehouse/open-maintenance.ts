import { SOFTWARE } from '../version.ts';
import type { MaintenanceContext } from '../maintenance/maintenance-context.ts';
import { listPinnedVersions } from '../run/pinned-versions.ts';
import { checkLake } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** Checks that the lake exists, and makes the context of verbs that change it. @throws `LAKE_NOT_FOUND`, `LAKE_TOO_NEW`, `STORAGE_…` */
export async function openMaintenance(store: ObjectStore, signal?: AbortSignal): Promise<MaintenanceContext> {
  await checkLake(store);
  const pinnedVersions = listPinnedVersions.bind(undefined, store);
  return { store: bindSignal(store, signal), software: SOFTWARE, pinnedVersions, ...(signal && { signal }) };
}

/** A store whose calls end when the signal is aborted. */
export function bindSignal(store: ObjectStore, signal: AbortSignal | undefined): ObjectStore {
  return signal === undefined ? store : store.withSignal(signal);
}
