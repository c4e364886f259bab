import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { log } from '../config.ts';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { findConflict } from './commit-conflict.ts';
import { commitTimeOf } from './commit-times.ts';
import type { DeltaAction, MetadataAction, RemoveAction, TxnAction } from './delta-actions.ts';
import { isAppendOnly } from './features/append-only.ts';
import { encodeLogEntry } from './log-entry.ts';
import { droppedKey, listLog, logKey } from './log-listing.ts';
import { checkWritable, PROTOCOL } from './protocol.ts';
import { readLogEntry, readSnapshot } from './read-snapshot.ts';
import { type DataFile, rowCountOf } from './snapshot.ts';
import type { TableChange } from './table-change.ts';
import { isCheckpointDue, writeCheckpoint } from './write-checkpoint.ts';

/** How many commits of other writers one attempt may be rebased over. More mean that something else is wrong. */
const MAX_REBASES = 1000;

/** Longest pause after a lost race, in ms. Pauses grow with every loss. */
const MAX_PAUSE_MS = 500;

/** How a commit ended. */
export interface CommitOutcome {
  readonly version: number;
  /** `false` if the change's `once` had already been committed by any writer, so this change was not. */
  readonly isOwn: boolean;
}

/**
 * Checks that a change may be committed. Returns the outcome if its `once` has already been committed. Writes nothing.
 *
 * @throws `TABLE_APPEND_ONLY`, `TABLE_FEATURE_UNSUPPORTED`, `ROW_COUNT_MISMATCH`, `TABLE_IN_USE`, storage errors
 */
export async function checkCommit(
  store: ObjectStore,
  change: TableChange,
): Promise<CommitOutcome | undefined> {
  const { folder, base, once } = change;
  checkAllowed(change);
  if (once !== undefined && (base?.transactions.get(once.appId) ?? -1) >= once.version)
    return { version: base?.version ?? 0, isOwn: false };
  checkRowCounts(change);
  await checkNotDropped(store, folder, base);
  return undefined;
}

/**
 * Commits a change. Readers see all of it or nothing: the log entry is one object, written only if no other writer took the version first. If
 * one did, its entry is read, and this change is committed after it unless the two conflict. After `COMMIT_CONFLICT`, the change is
 * not in the table. After any other error it may be, because the response to the write may have been lost.
 *
 * @throws `COMMIT_CONFLICT`, storage errors
 */
export async function putCommit(store: ObjectStore, change: TableChange): Promise<CommitOutcome> {
  const { folder, base, once } = change;
  const attemptId = randomUUID();
  let version = (base?.version ?? -1) + 1;
  let timestampMs = Math.max(Date.now(), (base?.timestampMs ?? 0) + 1);
  for (let losses = 0; losses < MAX_REBASES; losses++) {
    const bytes = encodeLogEntry(toActions(change, attemptId, timestampMs));
    if (await store.writeIfAbsent(logKey(folder, version), bytes, { durable: true })) {
      await checkpointIfDue(store, change, version);
      return { version, isOwn: true };
    }
    const winner = await readLogEntry(store, folder, version);
    const commitInfo = winner.find((action) => action.commitInfo !== undefined)?.commitInfo;
    // Our own write may have succeeded although its response was lost.
    if (commitInfo?.txnId === attemptId) {
      await checkpointIfDue(store, change, version);
      return { version, isOwn: true };
    }
    if (holdsSame(winner, once)) return { version, isOwn: false };
    const conflict = findConflict(change, winner);
    if (conflict !== undefined) throw conflictError(folder, version, conflict);
    version += 1;
    timestampMs = Math.max(Date.now(), commitTimeOf(commitInfo) + 1);
    // With equal pauses, writers would collide again and again.
    await sleep(Math.random() * Math.min(MAX_PAUSE_MS, 2 ** Math.min(losses, 10)));
  }
  throw conflictError(folder, version, `${MAX_REBASES} other commits were first`);
}

/** A commit to a dropped table would leave a log that begins in the middle. */
async function checkNotDropped(store: ObjectStore, folder: string, base: TableChange['base']): Promise<void> {
  const [marker, entry] = await Promise.all([
    store.stat(droppedKey(folder)),
    base === undefined ? undefined : store.stat(logKey(folder, base.version)),
  ]);
  if (marker !== undefined) {
    throw new PixlakeError('TABLE_IN_USE', `${folder} is being dropped, or the drop was interrupted`, {
      remedy: `finish the drop, then run the same command again: pixlake tables drop ${folder.split('/').at(-1)}`,
    });
  }
  // Vacuum may have removed the entry, but only if the table has newer ones.
  if (base === undefined || entry !== undefined || (await listLog(store, folder)) !== undefined) return;
  throw new PixlakeError('TABLE_IN_USE', `${folder} was dropped meanwhile; nothing was committed`, {
    remedy: 'run the same command again to make the table anew',
  });
}

function conflictError(folder: string, version: number, reason: string): PixlakeError {
  return new PixlakeError(
    'COMMIT_CONFLICT',
    `another writer committed version ${version} of ${folder}: ${reason}`,
    { remedy: 'nothing was changed; run the same command again' },
  );
}

/** No commit loses or doubles a row in silence. Files of other writers may lack their counts, and then nothing can be said. */
function checkRowCounts({ folder, added, removed, rowDelta }: TableChange): void {
  if (rowDelta === undefined) return;
  const addedCount = sumOf(added.map((add) => rowCountOf({ add })));
  const removedCount = sumOf(removed.map(rowCountOf));
  const delta = addedCount - removedCount;
  if (Number.isNaN(delta) || delta === rowDelta) return;
  throw new PixlakeError(
    'ROW_COUNT_MISMATCH',
    `the new files of ${folder} have ${addedCount} rows, but ${removedCount + rowDelta} are expected; nothing was committed`,
    {
      remedy:
        '`pixlake verify` shows whether a file differs from the log; if none does, report this as a bug',
    },
  );
}

/** NaN if a count is unknown. */
function sumOf(counts: readonly (number | undefined)[]): number {
  return counts.reduce<number>((sum, count) => sum + (count ?? Number.NaN), 0);
}

function checkAllowed({ folder, base, removed, isRearrangement }: TableChange): void {
  if (base === undefined) return;
  checkWritable(folder, base.protocol);
  if (!isAppendOnly(base.metadata) || removed.length === 0 || isRearrangement) return;
  throw new PixlakeError(
    'TABLE_APPEND_ONLY',
    `${folder} is append-only (delta.appendOnly), so its rows cannot be changed`,
    {
      remedy: 'set the property to false with another Delta tool if rows may be removed',
    },
  );
}

function holdsSame(winner: readonly DeltaAction[], once: TxnAction | undefined): boolean {
  if (once === undefined) return false;
  return winner.some(({ txn }) => txn?.appId === once.appId && txn.version >= once.version);
}

async function checkpointIfDue(
  store: ObjectStore,
  { folder, base }: TableChange,
  version: number,
): Promise<void> {
  if (base === undefined || !isCheckpointDue({ ...base, version })) return;
  try {
    const snapshot = await readSnapshot(store, folder, version);
    // Another writer may have written a checkpoint meanwhile.
    if (snapshot !== undefined && isCheckpointDue(snapshot)) await writeCheckpoint(store, snapshot);
  } catch (error) {
    // The commit is valid. The next commit that is due writes a checkpoint.
    log.warn({ err: error, folder, version }, 'the checkpoint could not be written');
  }
}

function toActions(change: TableChange, attemptId: string, timestampMs: number): DeltaAction[] {
  const { base, once, added, removed } = change;
  const metrics = Object.entries(change.metrics).map(([name, value]) => [name, String(value)]);
  const metadata = toMetadata(change, timestampMs);
  const dataChange = !change.isRearrangement;
  return [
    {
      commitInfo: {
        timestamp: timestampMs,
        operation: change.operation,
        operationParameters: change.parameters,
        operationMetrics: Object.fromEntries(metrics),
        engineInfo: change.software,
        ...(base === undefined ? {} : { readVersion: base.version }),
        isBlindAppend: removed.length === 0 && change.reads.kind === 'none',
        txnId: attemptId,
      },
    },
    ...(base === undefined ? [{ protocol: PROTOCOL }] : []),
    ...(metadata === undefined ? [] : [{ metaData: metadata }]),
    ...(once === undefined ? [] : [{ txn: once }]),
    ...removed.map((file) => ({ remove: toRemove(file, timestampMs, dataChange) })),
    ...added.map((add) => ({ add: { ...add, dataChange } })),
  ];
}

/** The table's new metadata; `undefined` if the change keeps it. */
function toMetadata(change: TableChange, timestampMs: number): MetadataAction | undefined {
  const { base, schema, partitionColumns } = change;
  const schemaString = JSON.stringify(schema);
  const configuration = change.configuration ?? base?.metadata.configuration ?? {};
  if (base === undefined) {
    return {
      id: randomUUID(),
      format: { provider: 'parquet', options: {} },
      schemaString,
      partitionColumns,
      configuration,
      createdTime: timestampMs,
    };
  }
  const isSame =
    schemaString === JSON.stringify(base.schema) &&
    partitionColumns.join('\0') === base.partitionColumns.join('\0') &&
    JSON.stringify(configuration) === JSON.stringify(base.metadata.configuration);
  return isSame ? undefined : { ...base.metadata, schemaString, partitionColumns, configuration };
}

function toRemove(file: DataFile, deletionTimestamp: number, dataChange: boolean): RemoveAction {
  return {
    path: file.add.path,
    deletionTimestamp,
    dataChange,
    extendedFileMetadata: true,
    partitionValues: file.partitionValues,
    size: file.sizeBytes,
  };
}
