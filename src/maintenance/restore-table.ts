import { findOwnTable } from '../catalog/find-table.ts';
import { PixlakeError } from '../errors.ts';
import { parseAsOf } from '../table/as-of.ts';
import { fileIdOf } from '../table/file-identity.ts';
import { ANY } from '../table/file-predicate.ts';
import type { DataFile, Snapshot } from '../table/snapshot.ts';
import { readSnapshotAsOf } from '../table/read-snapshot.ts';
import { transact } from '../table/transaction.ts';
import type { MaintenanceContext } from './maintenance-context.ts';

/** Result of a restore. */
export interface RestoreReport {
  readonly table: string;
  /** The restored version. */
  readonly restoredVersion: number;
  /** The table's version afterwards. */
  readonly version: number;
  readonly isCommitted: boolean;
  /** Numbers of data files that were added and removed. */
  readonly addedFileCount: number;
  readonly removedFileCount: number;
}

/**
 * Restores a table to an earlier version or time with a new commit. The versions in between stay readable.
 *
 * @param to a version such as `3`, or a time in ISO 8601
 * @throws `TABLE_NOT_FOUND`, `TABLE_READ_ONLY`, `SNAPSHOT_NOT_FOUND`, `OBJECT_NOT_FOUND` if its files were vacuumed, `COMMIT_CONFLICT`
 */
export async function restoreTable(
  context: MaintenanceContext,
  { table, to }: { readonly table: string; readonly to: string },
): Promise<RestoreReport> {
  const { store, software, signal } = context;
  return transact(
    store,
    () => findOwnTable(store, table),
    async (transaction, present) => {
      const target = (await readSnapshotAsOf(store, present.folder, parseAsOf(to))) ?? present;
      const added = filesOnlyIn(target, present);
      const removed = filesOnlyIn(present, target);
      await checkPresent(store, added, target.version);
      const counts = { addedFileCount: added.length, removedFileCount: removed.length };
      const restoredVersion = target.version;
      const isSame =
        added.length + removed.length === 0 && target.metadata.schemaString === present.metadata.schemaString;
      if (isSame) return { table, restoredVersion, version: present.version, isCommitted: false, ...counts };
      transaction.addShared(added.map(({ add }) => add));
      transaction.remove(removed);
      transaction.setMetadata({ ...target, configuration: target.metadata.configuration });
      const version = await transaction.commit({
        reads: ANY,
        rowDelta: undefined,
        operation: 'RESTORE',
        parameters: { version: String(restoredVersion) },
        metrics: { numRestoredFiles: added.length, numRemovedFiles: removed.length },
        software,
      });
      return { table, restoredVersion, version, isCommitted: true, ...counts };
    },
    signal,
  );
}

function filesOnlyIn(snapshot: Snapshot, other: Snapshot): DataFile[] {
  const others = new Set(other.files.map(({ add }) => fileIdOf(add)));
  return snapshot.files.filter(({ add }) => !others.has(fileIdOf(add)));
}

async function checkPresent(
  store: MaintenanceContext['store'],
  files: readonly DataFile[],
  version: number,
): Promise<void> {
  for (const { key } of files) {
    if ((await store.stat(key)) !== undefined) continue;
    throw new PixlakeError('OBJECT_NOT_FOUND', `version ${version} needs ${key}, which no longer exists`, {
      remedy: 'the file was vacuumed or deleted; choose a later version from `pixlake history`',
    });
  }
}
