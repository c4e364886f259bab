import { workInOrder } from '../run/work-in-order.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { DeltaAction } from '../table/delta-actions.ts';
import { fileKeyOf } from '../table/file-identity.ts';
import { listLog } from '../table/log-listing.ts';
import { readLogEntry, readSnapshot } from '../table/read-snapshot.ts';

const ENTRIES_AT_ONCE = 8;

/** Object keys of the data files in a table's log. */
export interface KnownFiles {
  /** Files of the newest version. */
  readonly current: ReadonlySet<string>;
  /** Files of earlier versions only; they may have been vacuumed. */
  readonly earlier: ReadonlySet<string>;
}

/**
 * Reads which data files the versions of a table have; `undefined` if the table does not exist.
 *
 * @throws `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED`
 */
export async function readKnownFiles(store: ObjectStore, folder: string): Promise<KnownFiles | undefined> {
  const snapshot = await readSnapshot(store, folder);
  const listing = await listLog(store, folder);
  if (snapshot === undefined || listing === undefined) return undefined;
  const current = new Set(snapshot.files.map(({ key }) => key));
  const earlier = new Set<string>();
  const note = (file: { readonly path: string }): void => {
    const key = fileKeyOf(store, folder, file);
    if (!current.has(key)) earlier.add(key);
  };
  for (const remove of snapshot.removed) note(remove);
  const read = async (version: number): Promise<DeltaAction[]> => readLogEntry(store, folder, version);
  for await (const actions of workInOrder(listing.entries.keys(), ENTRIES_AT_ONCE, read)) {
    for (const { add, remove } of actions) {
      if (add !== undefined) note(add);
      if (remove !== undefined) note(remove);
    }
  }
  return { current, earlier };
}
