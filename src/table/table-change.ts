import type { AddAction, TxnAction } from './delta-actions.ts';
import type { DeltaStruct } from './delta-schema.ts';
import type { FilePredicate } from './file-predicate.ts';
import type { DataFile, Snapshot } from './snapshot.ts';

/** What a commit changes: data files added, and data files of `base` removed. */
export interface TableChange {
  readonly folder: string;
  /** The snapshot from which the change was computed; `undefined` creates the table. */
  readonly base: Snapshot | undefined;
  /** Columns after the commit. */
  readonly schema: DeltaStruct;
  readonly partitionColumns: readonly string[];
  /** Properties after the commit; those of `base` by default. */
  readonly configuration?: Readonly<Record<string, string>>;
  readonly added: readonly AddAction[];
  readonly removed: readonly DataFile[];
  /** Rows that would have changed the result. The commit fails if another writer has added such rows meanwhile. */
  readonly reads: FilePredicate;
  /** Whether the change only stores the same rows in other files. */
  readonly isRearrangement?: boolean;
  /** By how many rows the table grows; `undefined` if that follows from the files alone, as in a restore. Checked against the rows of the files. */
  readonly rowDelta: number | undefined;
  /** Makes the commit happen once, however often it is tried. */
  readonly once?: TxnAction;
  readonly operation: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, number>>;
  /** Software that commits, such as `pixlake/0.1.0`. */
  readonly software: string;
}
