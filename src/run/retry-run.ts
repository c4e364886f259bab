import { withDuckDb } from '../duckdb/with-duckdb.ts';
import { quoteText } from '../sql/sql-text.ts';
import { selectSnapshot } from '../catalog/table-view.ts';
import { writeDataFiles } from '../duckdb/write-data-files.ts';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AddAction } from '../table/delta-actions.ts';
import { toDataFile } from '../table/file-identity.ts';
import { readSnapshot } from '../table/read-snapshot.ts';
import type { Snapshot } from '../table/snapshot.ts';
import { type CommitSpec, transact, type Transaction } from '../table/transaction.ts';
import { addUpBlocks } from './commit-run.ts';
import { ERRORS_SCHEMA } from './error-columns.ts';
import { executionKeys, folderOf, readRunState } from './execution.ts';
import { findNewestExecution } from './read-executions.ts';
import type { Execution } from './execution-schema.ts';
import { driveShards } from './drive-shards.ts';
import { type FinishedShards, readFinishedShards } from './finished-shards.ts';
import { fetchPlanPart } from './plan-reader.ts';
import { planRetry, type RetryFilter } from './plan-retry.ts';
import { freezePlan } from './freeze-plan.ts';
import { openInputs } from './open-inputs.ts';
import type { RunContext } from './run-context.ts';
import { placeSuccess, type Success } from './success.ts';
import { addToRunTable, describeCommit } from './run-table.ts';
import { listRetries } from './retries.ts';

/** Result of a retry: of `retriedCount` failed images, `imageCount` were written and `errorCount` failed again. */
export interface RetryReport {
  readonly name: string;
  readonly runId: string;
  /** Object key of the execution's folder. */
  readonly folder: string;
  /** Number of the retry; `undefined` if no error matches the filter. */
  readonly number: number | undefined;
  readonly retriedCount: number;
  readonly imageCount: number;
  readonly errorCount: number;
  readonly imageBytes: number;
  readonly durationMs: number;
}

/**
 * Retries only the failed images of a finished run: `retries/<n>/` gets their plan, images and markers, and the manifest a new
 * version. An interrupted retry is finished first, whatever its filter is.
 *
 * @throws `RUN_NOT_FOUND`, `RUN_UNFINISHED`, `RUN_TOO_OLD`, `MODEL_MISMATCH`, and as {@link driveShards} does
 */
export async function retryRun(context: RunContext, name: string, filter: RetryFilter): Promise<RetryReport> {
  const startMs = performance.now();
  const { store } = context;
  const { execution, retry } = await beginRetry(context, name, filter);
  if (retry === undefined) return toReport(execution, undefined, undefined, startMs);
  const finished = await readFinishedShards(store, retry);
  await driveShards(context, retry, finished);
  const success = await commitRetry(context, execution, retry, finished);
  return toReport(execution, retry, success, startMs);
}

/** A frozen retry and its execution; the retry is `undefined` if no error matches the filter. */
export interface BegunRetry {
  readonly execution: Execution;
  readonly retry: Execution | undefined;
}

/** Freezes the plan of a retry. From then on, the next retry of the run finishes it. @throws as {@link retryRun} does */
export async function beginRetry(
  { store, resolveModel, software }: RunContext,
  name: string,
  filter: RetryFilter,
): Promise<BegunRetry> {
  const execution = await findFinished(store, name);
  // A retry that cannot be worked on is not started.
  await openInputs(execution, resolveModel);
  const retries = await listRetries(store, folderOf(execution));
  const unfinished = retries.find(({ success }) => success === undefined)?.retry;
  if (unfinished !== undefined) return { execution, retry: unfinished };
  await using plan = await planRetry(store, execution, retries.length + 1, filter, software);
  const retry = plan && (await freezePlan(store, plan.planned));
  return { execution, retry };
}

async function findFinished(store: ObjectStore, name: string): Promise<Execution> {
  const execution = await findNewestExecution(store, name);
  if (execution === undefined)
    throw new PixlakeError('RUN_NOT_FOUND', `no run ${name} exists in ${store.uri}`);
  if ((await readRunState(store, folderOf(execution))) === 'finished') return execution;
  throw new PixlakeError(
    'RUN_UNFINISHED',
    `run ${name} has not finished, so its failed images are not known yet`,
    {
      remedy: `finish it first: pixlake runs resume ${name}`,
    },
  );
}

/** Adds the images of a retry to the manifest and removes their errors. A table without changes gets no new version. */
async function commitRetry(
  context: RunContext,
  execution: Execution,
  retry: Execution,
  finished: FinishedShards,
): Promise<Success> {
  const { store, software } = context;
  const folder = folderOf(execution);
  const { success, manifest, errors } = addUpBlocks(retry, finished);
  const { imageCount } = success;
  const commit = (rowDelta: number): CommitSpec =>
    describeCommit(execution, retry.retry?.number ?? 0, success, software, rowDelta);
  const errorsFolder = executionKeys.errors(folder);
  await transact(
    store,
    async () => (await readSnapshot(store, errorsFolder)) ?? errorsFolder,
    async (transaction) => {
      const isReplaced = await replaceErrors(store, transaction, retry, errors);
      if (imageCount > 0) {
        const { manifestSchema } = execution;
        await addToRunTable(
          store,
          executionKeys.manifest(folder),
          manifestSchema,
          manifest,
          commit(imageCount),
        );
      }
      // An image that was made now is no longer an error.
      if (isReplaced) await transaction.commit(commit(-imageCount));
    },
  );
  return placeSuccess(store, folderOf(retry), success);
}

/** Replaces the errors of a run by those that were not retried and those of the retry; `false` if they are the same. */
async function replaceErrors(
  store: ObjectStore,
  transaction: Transaction,
  retry: Execution,
  failedAgain: readonly AddAction[],
): Promise<boolean> {
  const { base: snapshot, folder } = transaction;
  if (snapshot === undefined) return false;
  return withDuckDb(store, async (db, scratchDir) => {
    const parts: string[] = [];
    for (const part of retry.plan.parts.keys())
      parts.push(await fetchPlanPart(store, folderOf(retry), retry.plan, part, scratchDir));
    const paths = parts.map(quoteText).join(', ');
    await db.run(`
      CREATE VIEW present AS ${await selectSnapshot(db, store, snapshot)};
      CREATE VIEW again AS ${await selectFiles(db, store, snapshot, failedAgain)};
      CREATE VIEW retried AS SELECT __first_ordinal AS ordinal, __copy AS "copy"
        FROM read_parquet([${paths}], hive_partitioning = false)`);
    const [counted] = await db.rows<{ changed: bigint }>(
      'SELECT count(*) AS changed FROM (FROM (FROM present SEMI JOIN retried USING (ordinal, "copy")) EXCEPT FROM again)',
    );
    if (counted?.changed === 0n) return false;
    const kept = await writeDataFiles(db, store, {
      query: 'FROM present ANTI JOIN retried USING (ordinal, "copy") ORDER BY ordinal, "copy"',
      schema: ERRORS_SCHEMA,
      partitionColumns: [],
      folder,
      namePrefix: `retry-${retry.retry?.number ?? 0}-kept`,
      scratchDir,
    });
    transaction.setMetadata({ schema: ERRORS_SCHEMA, partitionColumns: [] });
    // Named by their contents, so every process that finishes the same retry writes the same files.
    transaction.addShared([...kept, ...failedAgain]);
    transaction.remove(snapshot.files);
    return true;
  });
}

async function selectFiles(
  db: Parameters<typeof selectSnapshot>[0],
  store: ObjectStore,
  snapshot: Snapshot,
  added: readonly AddAction[],
): Promise<string> {
  const files = added.map((add) => toDataFile(store, snapshot.folder, add));
  return selectSnapshot(db, store, { ...snapshot, files });
}

function toReport(
  execution: Execution,
  retry: Execution | undefined,
  success: Success | undefined,
  startMs: number,
): RetryReport {
  const { imageCount = 0, errorCount = 0, imageBytes = 0 } = success ?? {};
  return {
    name: execution.run.name,
    runId: execution.runId,
    folder: folderOf(execution),
    number: retry?.retry?.number,
    retriedCount: imageCount + errorCount,
    imageCount,
    errorCount,
    imageBytes,
    durationMs: performance.now() - startMs,
  };
}
