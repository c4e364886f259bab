import type {
  AddAction,
  FileStats,
  MetadataAction,
  PartitionValues,
  ProtocolAction,
  RemoveAction,
} from './delta-actions.ts';
import type { DeltaStruct } from './delta-schema.ts';

/** One Parquet file of a snapshot: its object key in the store, size in bytes and partition values. */
export interface DataFile {
  readonly key: string;
  readonly sizeBytes: number;
  readonly partitionValues: PartitionValues;
  readonly add: AddAction;
}

/** An immutable version of a table. */
export interface Snapshot {
  /** Object key of the table's folder, without a trailing slash. */
  readonly folder: string;
  readonly version: number;
  /** The newest checkpoint of this version or an earlier one; 0 where there is none. */
  readonly checkpointVersion: number;
  /** When the version was committed, as Unix time in ms. */
  readonly timestampMs: number;
  readonly schema: DeltaStruct;
  readonly partitionColumns: readonly string[];
  readonly metadata: MetadataAction;
  readonly protocol: ProtocolAction;
  readonly files: readonly DataFile[];
  /** Files that earlier commits took out, as far as the log still tells. */
  readonly removed: readonly RemoveAction[];
  /** Highest transaction version of each application that writes idempotently. */
  readonly transactions: ReadonlyMap<string, number>;
}

/**
 * The statistics of a data file; empty where it has none or they cannot be read, which is safe: they only ever rule files out. Parsed
 * anew at each call, because a table with a million files has no room for them all.
 */
export function readStats({ add }: Pick<DataFile, 'add'>): FileStats {
  if (add.stats === undefined) return {};
  try {
    const stats: unknown = JSON.parse(add.stats);
    return typeof stats === 'object' && stats !== null ? stats : {};
  } catch {
    return {};
  }
}

/** Rows in a data file; `undefined` where the log does not tell. */
export function rowCountOf(file: DataFile): number | undefined {
  const { numRecords } = readStats(file);
  return Number.isSafeInteger(numRecords) ? numRecords : undefined;
}

/** The part of a snapshot that its rows are read by. */
export type SnapshotFiles = Pick<Snapshot, 'schema' | 'partitionColumns' | 'files'>;
