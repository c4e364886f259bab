import type { ObjectStore } from '../storage/object-store.ts';
import { folderOf, parseVersions, readRunState } from './execution.ts';
import { listExecutions } from './read-executions.ts';

/** Versions of a table, given by its folder, that unfinished runs of the lake read. Cancelled runs count, because they may be resumed. */
export async function listPinnedVersions(store: ObjectStore, folder: string): Promise<number[]> {
  const pinned = new Set<number>();
  for (const name of await store.listFolders('runs')) {
    for (const execution of (await listExecutions(store, name)).executions) {
      const { sourceLake, versions } = execution;
      if (sourceLake !== undefined || versions[folder] === undefined) continue;
      if ((await readRunState(store, folderOf(execution))) === 'finished') continue;
      for (const version of parseVersions(versions[folder])) pinned.add(version);
    }
  }
  return [...pinned];
}
