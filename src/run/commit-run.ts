import { z } from 'zod';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { decodeStored, encodeStored, parseStored } from '../storage/stored-json.ts';
import { commitTable } from '../table/commit-table.ts';
import type { AddAction } from '../table/delta-actions.ts';
import type { DeltaStruct } from '../table/delta-schema.ts';
import { NONE } from '../table/file-predicate.ts';
import { readSnapshot } from '../table/read-snapshot.ts';
import { ERRORS_SCHEMA } from './error-columns.ts';
import { blockCountOf, type Execution, executionKeys, folderOf } from './execution.ts';
import type { FinishedShards } from './finished-shards.ts';

const count = z.int().min(0);

const successSchema = z.object({
  runId: z.string(),
  imageCount: count,
  errorCount: count,
  imageBytes: count,
});

/** The counts of a finished execution: the contents of `_SUCCESS`. */
export type Success = Readonly<z.output<typeof successSchema>>;

/** Reads the counts of an execution that has finished; `undefined` for others, and where they are torn or those of another one. */
export async function readSuccess(store: ObjectStore, folder: string): Promise<Success | undefined> {
  const key = executionKeys.success(folder);
  try {
    const success = parseStored(successSchema, decodeStored(await store.read(key), key), key);
    return folder.split('/').includes(`run_id=${success.runId}`) ? success : undefined;
  } catch (error) {
    if (error instanceof PixlakeError && (error.code === 'OBJECT_NOT_FOUND' || error.code === 'RUN_CORRUPT'))
      return undefined;
    throw error;
  }
}

/**
 * Commits what the blocks of an execution left as version 0 of its manifest and of its errors, and ends it by `_SUCCESS`.
 *
 * @throws `RUN_CORRUPT` if the blocks do not add up to the plan, `COMMIT_CONFLICT`, `STORAGE_…`
 */
export async function commitRun(
  store: ObjectStore,
  execution: Execution,
  { blocks }: FinishedShards,
  engine: string,
): Promise<Success> {
  const folder = folderOf(execution);
  const totals = { runId: execution.runId, imageCount: 0, errorCount: 0, imageBytes: 0 };
  const manifest: AddAction[] = [];
  const errors: AddAction[] = [];
  for (let block = 0; block < blockCountOf(execution); block++) {
    const marker = blocks.get(block);
    if (marker === undefined)
      throw new PixlakeError('RUN_CORRUPT', `block ${block} of ${folder} is not done`);
    totals.imageCount += marker.imageCount;
    totals.errorCount += marker.errorCount;
    totals.imageBytes += marker.imageBytes;
    if (marker.manifest !== null) manifest.push(marker.manifest);
    if (marker.errors !== null) errors.push(marker.errors);
  }
  checkCounts(execution, totals);
  const metrics = { numAddedRows: totals.imageCount, numErrors: totals.errorCount };
  const commit = async (table: string, schema: DeltaStruct, added: readonly AddAction[]): Promise<void> => {
    await commitTable(store, {
      folder: table,
      base: await readSnapshot(store, table),
      schema,
      partitionColumns: [],
      added,
      removed: [],
      reads: NONE,
      // A crash between commit and _SUCCESS leaves a table that is complete already.
      transaction: { appId: `pixlake-run-${execution.runId}`, version: 0 },
      operation: 'WRITE',
      parameters: { runId: execution.runId },
      metrics,
      engine,
    });
  };
  await commit(executionKeys.errors(folder), ERRORS_SCHEMA, errors);
  await commit(executionKeys.manifest(folder), execution.manifestSchema, manifest);
  const key = executionKeys.success(folder);
  if (await store.writeIfAbsent(key, encodeStored(totals), { durable: true })) return totals;
  const present = await readSuccess(store, folder);
  if (present === undefined) await store.write(key, encodeStored(totals));
  return present ?? totals;
}

/** Every row of the plan is an image or an error. */
function checkCounts(execution: Execution, { imageCount, errorCount }: Success): void {
  const expected = execution.rowCount * execution.run.copies;
  if (imageCount + errorCount === expected) return;
  throw new PixlakeError(
    'RUN_CORRUPT',
    `${folderOf(execution)} has ${imageCount} images and ${errorCount} errors, but its plan has ${expected}`,
  );
}
