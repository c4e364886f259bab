import { setTimeout as sleep } from 'node:timers/promises';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { checkCommit, putCommit } from './commit-table.ts';
import type { AddAction } from './delta-actions.ts';
import { discardDataFiles } from './discard-data-files.ts';
import type { DataFile, Snapshot } from './snapshot.ts';
import type { TableChange } from './table-change.ts';

/** Maximum number of tries; each works on a newer snapshot. */
const MAX_TRIES = 100;

/** Longest pause between two tries, in ms. */
const MAX_PAUSE_MS = 1000;

/** What a transaction changes: the snapshot of a table, or the folder of a new table. */
export type TransactionStart = Snapshot | string;

/** Metadata of a table after a commit. */
export type TableMetadata = Pick<TableChange, 'schema' | 'partitionColumns' | 'configuration'>;

/** Properties of a commit besides its files and metadata. */
export type CommitSpec = Pick<
  TableChange,
  'reads' | 'isRearrangement' | 'rowDelta' | 'once' | 'operation' | 'parameters' | 'metrics' | 'software'
>;

/**
 * One change of a table, computed from one snapshot and committed whole or not at all. Disposing it discards the files that were added and
 * are surely not in the table.
 */
class Transaction implements AsyncDisposable {
  readonly folder: string;
  /** The snapshot from which the change is computed; `undefined` for a new table. */
  readonly base: Snapshot | undefined;
  readonly #store: ObjectStore;
  readonly #signal: AbortSignal | undefined;
  readonly #own: AddAction[] = [];
  readonly #shared: AddAction[] = [];
  readonly #removed: DataFile[] = [];
  #metadata: TableMetadata | undefined;
  #mayBeCommitted = false;

  constructor(store: ObjectStore, start: TransactionStart, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#signal = signal;
    this.folder = typeof start === 'string' ? start : start.folder;
    this.base = typeof start === 'string' ? undefined : start;
    this.#metadata = this.base;
  }

  /** Adds data files that were written for this transaction under unique names. They are removed if it is not committed. */
  add(files: readonly AddAction[]): void {
    for (const file of files) this.#own.push(file);
  }

  /** Adds data files that others may also name, such as those of an earlier version or of a marker. They always stay. */
  addShared(files: readonly AddAction[]): void {
    for (const file of files) this.#shared.push(file);
  }

  /** Removes data files of the base from the table. */
  remove(files: readonly DataFile[]): void {
    for (const file of files) this.#removed.push(file);
  }

  /** Sets the table's columns and properties. Without this call they stay; a new table needs it. */
  setMetadata(metadata: TableMetadata): void {
    this.#metadata = metadata;
  }

  /**
   * Commits the change as the last step and returns the table's version. Other commits in the meantime do not matter unless they
   * conflict with it.
   *
   * @throws `COMMIT_CONFLICT`, `ROW_COUNT_MISMATCH`, `TABLE_APPEND_ONLY`, `TABLE_FEATURE_UNSUPPORTED`, `TABLE_IN_USE`, storage errors, the reason of the signal
   */
  async commit(spec: CommitSpec): Promise<number> {
    if (this.#metadata === undefined) throw new TypeError(`${this.folder} is a new table and has no columns`);
    const { schema, partitionColumns, configuration } = this.#metadata;
    const change: TableChange = {
      ...spec,
      folder: this.folder,
      base: this.base,
      schema,
      partitionColumns,
      ...(configuration === undefined ? {} : { configuration }),
      added: [...this.#own, ...this.#shared],
      removed: this.#removed,
    };
    const before = await checkCommit(this.#store, change);
    if (before !== undefined) return before.version;
    this.#signal?.throwIfAborted();
    this.#mayBeCommitted = true;
    try {
      const { version, isOwn } = await putCommit(this.#store, change);
      this.#mayBeCommitted = isOwn;
      return version;
    } catch (error) {
      if (isConflict(error)) this.#mayBeCommitted = false;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#mayBeCommitted) await discardDataFiles(this.#store, this.folder, this.#own.splice(0));
  }
}

export type { Transaction };

/**
 * Begins one try to change a table; dispose it. {@link transact} also tries again after a conflict.
 *
 * @param signal commits nothing once it is aborted
 */
export function beginTransaction(
  store: ObjectStore,
  start: TransactionStart,
  signal?: AbortSignal,
): Transaction {
  return new Transaction(store, start, signal);
}

/**
 * Does work that ends in a commit. After a conflict it does the work again on the newest snapshot, because what another writer
 * changed may change the result. However the work ends, files that it added and surely did not commit are removed.
 *
 * @param readStart reads the table's newest snapshot; called before each try, with its number from 0
 * @throws `COMMIT_CONFLICT` after many tries, and as {@link Transaction.commit} and the work do
 */
export async function transact<Start extends TransactionStart, Result>(
  store: ObjectStore,
  readStart: (tryCount: number) => Promise<Start>,
  work: (transaction: Transaction, start: Start) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  for (let tryCount = 0; ; tryCount++) {
    try {
      const start = await readStart(tryCount);
      await using transaction = beginTransaction(store, start, signal);
      return await work(transaction, start);
    } catch (error) {
      if (!isConflict(error) || tryCount + 1 >= MAX_TRIES) throw error;
      signal?.throwIfAborted();
      await sleep(Math.random() * Math.min(MAX_PAUSE_MS, 20 * 2 ** Math.min(tryCount, 6)));
    }
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof PixlakeError && error.code === 'COMMIT_CONFLICT';
}
