import type { ObjectStore } from '../storage/object-store.ts';
import type { AddAction } from '../table/delta-actions.ts';
import type { DeltaStruct } from '../table/delta-schema.ts';
import { NONE } from '../table/file-predicate.ts';
import { readSnapshot } from '../table/read-snapshot.ts';
import { type CommitSpec, transact } from '../table/transaction.ts';
import type { Execution } from './execution-schema.ts';
import type { Success } from './success.ts';

/**
 * What commits to the manifest and the errors of a run are: each happens once, so that a crash between one and `_SUCCESS` leaves a table that
 * is complete already.
 *
 * @param retryNumber 0 for the run itself
 */
export function describeCommit(
  { runId }: Execution,
  retryNumber: number,
  success: Success,
  software: string,
): CommitSpec {
  return {
    reads: NONE,
    once: { appId: `pixlake-run-${runId}`, version: retryNumber },
    operation: 'WRITE',
    parameters: { runId },
    metrics: { numAddedRows: success.imageCount, numErrors: success.errorCount },
    software,
  };
}

/** Adds data files that markers name to the manifest or the errors of a run, or makes the table. */
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
