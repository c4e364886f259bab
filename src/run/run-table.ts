import type { ObjectStore } from '../storage/object-store.ts';
import type { AddAction } from '../table/delta-actions.ts';
import type { DeltaStruct } from '../table/delta-schema.ts';
import { NONE } from '../table/file-predicate.ts';
import { readSnapshot } from '../table/read-snapshot.ts';
import { type CommitSpec, transact } from '../table/transaction.ts';
import type { Execution } from './execution-schema.ts';
import type { Success } from './success.ts';

/**
 * Describes commits to the manifest and the errors of a run. Each happens once, so a crash between a commit and `_SUCCESS` leaves a table that
 * is already complete.
 *
 * @param retryNumber 0 for the run itself
 * @param rowDelta by how many rows the table grows
 */
export function describeCommit(
  { runId }: Execution,
  retryNumber: number,
  success: Success,
  software: string,
  rowDelta: number,
): CommitSpec {
  return {
    reads: NONE,
    rowDelta,
    once: { appId: `pixlake-run-${runId}`, version: retryNumber },
    operation: 'WRITE',
    parameters: { runId },
    metrics: { numAddedRows: success.imageCount, numErrors: success.errorCount },
    software,
  };
}

/** Adds data files of markers to the manifest or the errors of a run. Makes the table if needed. */
export async function addToRunTable(
  store: ObjectStore,
  folder: string,
  schema: DeltaStruct,
  files: readonly AddAction[],
  commit: CommitSpec,
): Promise<void> {
  await transact(
    store,
    async () => (await readSnapshot(store, folder)) ?? folder,
    async (transaction) => {
      transaction.setMetadata({ schema, partitionColumns: [] });
      transaction.addShared(files);
      await transaction.commit(commit);
    },
  );
}
