import { findOwnTable } from '../catalog/lake-tables.ts';
import { PixlakeError } from '../errors.ts';
import { parseAsOf } from '../table/as-of.ts';
import { commitTable } from '../table/commit-table.ts';
import { ANY } from '../table/file-predicate.ts';
import { retryOnConflict } from '../table/retry-on-conflict.ts';
import type { DataFile } from '../table/snapshot.ts';
import { readSnapshotAsOf } from '../table/table-history.ts';
import type { MaintenanceContext } from './maintenance-context.ts';

/** What a restore did. */
export interface RestoreReport {
  readonly table: string;
  /** The version whose rows the table has again. */
  readonly restoredVersion: number;
  /** The table's version afterwards. */
  readonly version: number;
  readonly isCommitted: boolean;
  /** Data files that are in the table again, and those that no longer are. */
  readonly addedFileCount: number;
  readonly removedFileCount: number;
}

/**
 * Makes a table what it was at an earlier version or time, by a new commit: the versions in between stay readable.
 *
 * @param to a version such as `3`, or a time in ISO 8601
 * @throws `TABLE_NOT_FOUND`, `TABLE_READ_ONLY`, `SNAPSHOT_NOT_FOUND`, `OBJECT_NOT_FOUND` for files that were vacuumed, `COMMIT_CONFLICT`
 */
export async function restoreTable(
  context: MaintenanceContext,
  { table, to }: { readonly table: string; readonly to: string },
): Promise<RestoreReport> {
  const { store, engine, signal } = context;
  return retryOnConflict(async () => {
    const present = await findOwnTable(store, table);
    const target = (await readSnapshotAsOf(store, present.folder, parseAsOf(to))) ?? present;
    const presentKeys = new Set(present.files.map(({ key }) => key));
    const targetKeys = new Set(target.files.map(({ key }) => key));
    const added = target.files.filter(({ key }) => !presentKeys.has(key));
    const removed = present.files.filter(({ key }) => !targetKeys.has(key));
    await checkPresent(store, added, target.version);
    const counts = { addedFileCount: added.length, removedFileCount: removed.length };
    const restoredVersion = target.version;
    const isSame =
      added.length + removed.length === 0 && target.metadata.schemaString === present.metadata.schemaString;
    if (isSame) return { table, restoredVersion, version: present.version, isCommitted: false, ...counts };
    const version = await commitTable(store, {
      folder: present.folder,
      base: present,
      schema: target.schema,
      partitionColumns: target.partitionColumns,
      configuration: target.metadata.configuration,
      added: added.map(({ add }) => add),
      removed,
      reads: ANY,
      operation: 'RESTORE',
      parameters: { version: String(restoredVersion) },
      metrics: { numRestoredFiles: added.length, numRemovedFiles: removed.length },
      engine,
    });
    return { table, restoredVersion, version, isCommitted: true, ...counts };
  }, signal);
}

async function checkPresent(
  store: MaintenanceContext['store'],
  files: readonly DataFile[],
  version: number,
): Promise<void> {
  for (const { key } of files) {
    if ((await store.stat(key)) !== undefined) continue;
    throw new PixlakeError('OBJECT_NOT_FOUND', `version ${version} needs ${key}, which is gone`, {
      remedy: 'it was vacuumed or deleted; choose a later version from `pixlake history`',
    });
  }
}
