import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AddAction } from '../table/delta-actions.ts';
import { BlockMerger } from './block-merger.ts';
import { ERRORS_SCHEMA } from './error-columns.ts';
import { blockCountOf, executionKeys, folderOf, imagesPerRow } from './execution.ts';
import type { Execution } from './execution-schema.ts';
import { type FinishedShards, readFinishedShards } from './finished-shards.ts';
import { refuseCancelled } from './refuse-cancelled.ts';
import type { RunContext } from './run-context.ts';
import { hasTooManyErrors, tooManyErrors } from './too-many-errors.ts';
import { type Success, placeSuccess, readSuccess } from './success.ts';
import type { CommitSpec } from '../table/transaction.ts';
import { describeCommit, addToRunTable } from './run-table.ts';

/** Totals and data files of the blocks of an execution, in order. */
export interface BlockTotals {
  readonly success: Success;
  readonly manifest: readonly AddAction[];
  readonly errors: readonly AddAction[];
}

/** Adds up the markers of an execution's blocks. @throws `RUN_CORRUPT` if they do not match the plan */
export function addUpBlocks(execution: Execution, { blocks }: FinishedShards): BlockTotals {
  const success = { runId: execution.runId, imageCount: 0, takenCount: 0, errorCount: 0, imageBytes: 0 };
  const manifest: AddAction[] = [];
  const errors: AddAction[] = [];
  for (let block = 0; block < blockCountOf(execution); block++) {
    const marker = blocks.get(block);
    if (marker === undefined)
      throw new PixlakeError('RUN_CORRUPT', `block ${block} of ${folderOf(execution)} is not done`);
    success.imageCount += marker.imageCount;
    success.takenCount += marker.takenCount;
    success.errorCount += marker.errorCount;
    success.imageBytes += marker.imageBytes;
    if (marker.manifest !== null) manifest.push(marker.manifest);
    if (marker.errors !== null) errors.push(marker.errors);
  }
  checkCounts(execution, success);
  return { success, manifest, errors };
}

/**
 * Commits a frozen execution whose shards are all done, as version 0 of its manifest and of its errors, and ends it with `_SUCCESS`. Any process
 * may do this, also several at once. A finished execution does not change. Blocks that are not merged yet are merged first.
 *
 * @param known which shards are finished, if already known
 * @throws `RUN_UNFINISHED` if shards are not done, `RUN_CANCELLED`, `TOO_MANY_ERRORS`, `RUN_CORRUPT` if the blocks do not add up to the plan,
 *   `COMMIT_CONFLICT`, `STORAGE_…`
 */
export async function commitRun(
  { store, software, maxErrors }: Pick<RunContext, 'store' | 'software' | 'maxErrors'>,
  execution: Execution,
  known?: FinishedShards,
): Promise<Success> {
  const folder = folderOf(execution);
  const present = await readSuccess(store, folder);
  if (present !== undefined) return present;
  const finished = known ?? (await readFinishedShards(store, execution));
  await mergeRest(store, execution, finished);
  await refuseCancelled(store, folder);
  const { success, manifest, errors } = addUpBlocks(execution, finished);
  if (maxErrors !== undefined && hasTooManyErrors(execution, success.errorCount, maxErrors))
    throw tooManyErrors(execution, success.errorCount, maxErrors);
  const commit = (rowDelta: number): CommitSpec => describeCommit(execution, 0, success, software, rowDelta);
  const { manifestSchema } = execution;
  await addToRunTable(store, executionKeys.errors(folder), ERRORS_SCHEMA, errors, commit(success.errorCount));
  await addToRunTable(
    store,
    executionKeys.manifest(folder),
    manifestSchema,
    manifest,
    commit(success.imageCount),
  );
  return placeSuccess(store, folder, success);
}

async function mergeRest(store: ObjectStore, execution: Execution, finished: FinishedShards): Promise<void> {
  if (finished.pendingCount === 0) {
    await using merger = new BlockMerger(store, execution, finished);
    await merger.finish();
  }
  if (finished.pendingCount === 0) return;
  const { run, shardCount } = execution;
  throw new PixlakeError(
    'RUN_UNFINISHED',
    `${finished.pendingCount} of ${shardCount} shards of run ${run.name} are not done, or damaged`,
    { remedy: `finish it first: pixlake runs resume ${run.name}` },
  );
}

/** Every row of the plan is an image or an error. */
function checkCounts(execution: Execution, { imageCount, errorCount }: Success): void {
  const expected = execution.rowCount * imagesPerRow(execution);
  if (imageCount + errorCount === expected) return;
  throw new PixlakeError(
    'RUN_CORRUPT',
    `${folderOf(execution)} has ${imageCount} images and ${errorCount} errors, but its plan has ${expected}`,
  );
}
