import { messageOf, PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { commitTimeOf, readCommitInfo, type Commit, readCommits } from './commit-times.ts';
import type {
  AddAction,
  CommitInfoAction,
  DeltaAction,
  MetadataAction,
  ProtocolAction,
  RemoveAction,
} from './delta-actions.ts';
import { checkPartitionColumns, parseSchema } from './delta-schema.ts';
import { fileIdOf, toDataFile } from './file-identity.ts';
import { type CheckpointFiles, type LogListing, listLog, logKey } from './log-listing.ts';
import { parseLogEntry } from './log-entry.ts';
import { checkNoVectors, checkReadable, needsV2Checkpoint } from './protocol.ts';
import { readCheckpoint } from './read-checkpoint.ts';
import type { Snapshot } from './snapshot.ts';
import type { AsOf } from './as-of.ts';

/** Log entries read at once. */
const CONCURRENCY = 8;

/**
 * Reads the newest snapshot of a table, or a given version: the newest checkpoint before it, then the log entries after that. `undefined` if
 * the folder holds no table.
 *
 * @throws `SNAPSHOT_NOT_FOUND`, `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED`
 */
export async function readSnapshot(
  store: ObjectStore,
  folder: string,
  version?: number,
): Promise<Snapshot | undefined> {
  const log = await listLog(store, folder);
  if (log === undefined) return undefined;
  const wanted = version ?? log.newest;
  if (log.newest < 0) throw missingEntries(folder, log, wanted, false);
  if (wanted > log.newest || wanted < 0) {
    throw new PixlakeError(
      'SNAPSHOT_NOT_FOUND',
      `${folder} has no version ${wanted}; its newest is ${log.newest}`,
    );
  }
  let damage: unknown;
  for (const checkpoint of log.checkpoints) {
    if (checkpoint.version > wanted || !hasEntries(log, checkpoint.version + 1, wanted)) continue;
    try {
      return await replay(store, folder, log, wanted, checkpoint);
    } catch (error) {
      if (error instanceof PixlakeError && error.code !== 'TABLE_CORRUPT') throw error;
      // A checkpoint only repeats the log entries, so an older checkpoint or all entries give the same.
      damage = error;
    }
  }
  if (hasEntries(log, 0, wanted)) return replay(store, folder, log, wanted, undefined);
  if (damage !== undefined) {
    throw new PixlakeError('TABLE_CORRUPT', `a checkpoint of ${folder} is damaged: ${messageOf(damage)}`, {
      cause: damage,
    });
  }
  throw missingEntries(folder, log, wanted, version !== undefined);
}

function hasEntries({ entries }: LogListing, first: number, last: number): boolean {
  for (let version = first; version <= last; version++) if (!entries.has(version)) return false;
  return true;
}

function missingEntries(folder: string, log: LogListing, wanted: number, isExplicit: boolean): PixlakeError {
  if (log.hasV2Checkpoints) return needsV2Checkpoint(folder);
  const oldest = log.checkpoints.findLast((checkpoint) => checkpoint.version > wanted);
  if (isExplicit && oldest !== undefined) {
    return new PixlakeError(
      'SNAPSHOT_NOT_FOUND',
      `the log of ${folder} no longer reaches back to version ${wanted}; its oldest version is ${oldest.version}`,
    );
  }
  const start = log.checkpoints.find((checkpoint) => checkpoint.version <= wanted)?.version ?? -1;
  let missing = start + 1;
  while (log.entries.has(missing)) missing += 1;
  return new PixlakeError('TABLE_CORRUPT', `the log of ${folder} lacks version ${missing} of ${log.newest}`);
}

async function replay(
  store: ObjectStore,
  folder: string,
  log: LogListing,
  last: number,
  checkpoint: CheckpointFiles | undefined,
): Promise<Snapshot> {
  const state = new LogState(store, folder);
  for (const key of checkpoint?.keys ?? [])
    for await (const action of readCheckpoint(store, key)) state.apply(action);
  const first = (checkpoint?.version ?? -1) + 1;
  for (let start = first; start <= last; start += CONCURRENCY) {
    const versions = Array.from({ length: Math.min(CONCURRENCY, last - start + 1) }, (_, i) => start + i);
    const entries = await Promise.all(versions.map((version) => readLogEntry(store, folder, version)));
    for (const action of entries.flat()) state.apply(action);
  }
  const modifiedMs = log.entries.get(last);
  const isInCheckpoint = first > last && modifiedMs !== undefined;
  const commitInfo = isInCheckpoint ? await readCommitInfo(store, folder, last) : state.commitInfo;
  const checkpointVersion = log.checkpoints.find(({ version }) => version <= last)?.version ?? 0;
  return state.finish(last, checkpointVersion, commitTimeOf(commitInfo, modifiedMs));
}

/** Reads the actions of one log entry. @throws `OBJECT_NOT_FOUND`, `TABLE_CORRUPT` */
export async function readLogEntry(
  store: ObjectStore,
  folder: string,
  version: number,
): Promise<DeltaAction[]> {
  return parseLogEntry(await store.read(logKey(folder, version)), `version ${version} of ${folder}`);
}

/** Log replay: later actions win, and a file is in the snapshot if its last action is an add (PROTOCOL.md, "Action Reconciliation"). */
class LogState {
  readonly #store: ObjectStore;
  readonly #folder: string;
  readonly #files = new Map<string, AddAction>();
  readonly #removed = new Map<string, RemoveAction>();
  readonly #transactions = new Map<string, number>();
  #metadata: MetadataAction | undefined;
  #protocol: ProtocolAction | undefined;
  /** From the last entry that has it. */
  commitInfo: CommitInfoAction | undefined;

  constructor(store: ObjectStore, folder: string) {
    this.#store = store;
    this.#folder = folder;
  }

  apply({ add, remove, metaData, protocol, txn, commitInfo, sidecar }: DeltaAction): void {
    if (sidecar !== undefined) throw needsV2Checkpoint(this.#folder);
    if (add !== undefined) {
      const file = fileIdOf(add);
      this.#files.set(file, add);
      this.#removed.delete(file);
    }
    if (remove !== undefined) {
      const file = fileIdOf(remove);
      this.#files.delete(file);
      this.#removed.set(file, remove);
    }
    if (metaData !== undefined) this.#metadata = metaData;
    if (protocol !== undefined) this.#protocol = protocol;
    if (txn !== undefined) this.#transactions.set(txn.appId, txn.version);
    if (commitInfo !== undefined) this.commitInfo = commitInfo;
  }

  finish(version: number, checkpointVersion: number, timestampMs: number): Snapshot {
    const folder = this.#folder;
    const metadata = this.#metadata;
    const protocol = this.#protocol;
    if (metadata === undefined || protocol === undefined) {
      throw new PixlakeError('TABLE_CORRUPT', `the log of ${folder} has no protocol or no metadata`);
    }
    checkReadable(folder, protocol, metadata);
    const { partitionColumns } = metadata;
    const schema = parseSchema(metadata.schemaString, folder);
    checkPartitionColumns(schema, partitionColumns, folder);
    checkNoVectors(folder, this.#files.values());
    return {
      folder,
      version,
      checkpointVersion,
      timestampMs,
      schema,
      partitionColumns,
      metadata,
      protocol,
      files: Array.from(this.#files.values(), (add) => toDataFile(this.#store, folder, add)),
      removed: [...this.#removed.values()],
      transactions: this.#transactions,
    };
  }
}

/**
 * Reads a table's snapshot as of a version or a time; `undefined` if the table does not exist.
 *
 * @throws `SNAPSHOT_NOT_FOUND`, `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED`
 */
export async function readSnapshotAsOf(
  store: ObjectStore,
  folder: string,
  asOf: AsOf | undefined,
): Promise<Snapshot | undefined> {
  if (asOf?.kind !== 'time') return readSnapshot(store, folder, asOf?.version);
  const listing = await listLog(store, folder);
  if (listing === undefined) return undefined;
  return readSnapshot(store, folder, await findVersionAt(store, folder, listing, asOf.timeMs));
}

/**
 * The newest version that was committed at or before a time in ms since 1970.
 *
 * @throws `SNAPSHOT_NOT_FOUND` if the table is younger, or its log does not reach back that far
 */
async function findVersionAt(
  store: ObjectStore,
  folder: string,
  listing: LogListing,
  timeMs: number,
): Promise<number> {
  let oldest: Commit | undefined;
  let found: Commit | undefined;
  for await (const commit of readCommits(store, folder, listing)) {
    oldest ??= commit;
    if (commit.timestampMs > timeMs) break;
    found = commit;
  }
  if (found !== undefined) return found.version;
  const asked = new Date(timeMs).toISOString();
  const known =
    oldest === undefined
      ? 'its log has no entries'
      : `its oldest version is ${oldest.version} of ${new Date(oldest.timestampMs).toISOString()}`;
  throw new PixlakeError('SNAPSHOT_NOT_FOUND', `${folder} has no version as of ${asked}: ${known}`);
}
