import type { AddAction, MetadataAction, PartitionValues } from './delta-actions.ts';
import type { DeltaStruct } from './delta-schema.ts';

/** One Parquet file of a snapshot: its object key in the store, size in bytes, partition values and row count where known. */
export interface DataFile {
  readonly key: string;
  readonly sizeBytes: number;
  readonly partitionValues: PartitionValues;
  readonly rowCount: number | undefined;
  readonly add: AddAction;
}

/** An immutable version of a table. */
export interface Snapshot {
  /** Object key of the table's folder, without a trailing slash. */
  readonly folder: string;
  readonly version: number;
  readonly schema: DeltaStruct;
  readonly partitionColumns: readonly string[];
  readonly metadata: MetadataAction;
  readonly files: readonly DataFile[];
}
