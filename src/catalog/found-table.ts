import type { ObjectStore } from '../storage/object-store.ts';
import type { Snapshot, DataFile } from '../table/snapshot.ts';
import type { TableReference } from '../sql/table-reference.ts';

/** A table at a snapshot, and the store with its files: that of the lake, or that of an attached table. */
export interface FoundTable {
  readonly store: ObjectStore;
  readonly snapshot: Snapshot;
  readonly isAttached: boolean;
}

/** A table that a query reads, at its snapshot. */
export interface QueriedTable extends FoundTable {
  readonly reference: TableReference;
  /** Data files of the snapshot that may hold rows of the result. */
  readonly readFiles: readonly DataFile[];
}

/** A checked query that was not run: the names of its columns, and its tables. */
export interface CheckedSql {
  readonly columns: readonly string[];
  readonly tables: readonly QueriedTable[];
}
