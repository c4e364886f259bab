import type { ObjectStore } from '../storage/object-store.ts';
import type { Snapshot, DataFile } from '../table/snapshot.ts';
import type { TableReference } from '../sql/table-reference.ts';

/** A table at the snapshot that was asked for, and the store that holds its files: the lake's, or that of an attached table. */
export interface FoundTable {
  readonly store: ObjectStore;
  readonly snapshot: Snapshot;
  readonly isAttached: boolean;
}

/** A table that a query reads, at the snapshot it reads. */
export interface QueriedTable extends FoundTable {
  readonly reference: TableReference;
  /** Data files of the snapshot that are left to read when those are ruled out that cannot hold a row of the result. */
  readonly readFiles: readonly DataFile[];
}

/** What is known of a query that was not run: the names of its columns and the tables that it reads. */
export interface CheckedSql {
  readonly columns: readonly string[];
  readonly tables: readonly QueriedTable[];
}
