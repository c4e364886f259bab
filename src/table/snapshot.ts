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
  /** The newest checkpoint at or before this version; 0 if there is none. */
  readonly checkpointVersion: number;
  /** Time of the commit, as Unix time in ms. */
  readonly timestampMs: number;
  readonly schema: DeltaStruct;
  readonly partitionColumns: readonly string[];
  readonly metadata: MetadataAction;
  readonly protocol: ProtocolAction;
  readonly files: readonly DataFile[];
  /** Files that earlier commits removed, as far as they are still in the log. */
  readonly removed: readonly RemoveAction[];
  /** Highest transaction version of each application. */
  readonly transactions: ReadonlyMap<string, number>;
}

/**
 * The statistics of a data file; empty if it has none or they cannot be parsed, which is safe because statistics only exclude files. Parsed
 * at each call, because those of a million files would not fit into memory.
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

/** Rows in a data file; `undefined` if the log does not say. */
export function rowCountOf(file: Pick<DataFile, 'add'>): number | undefined {
  const { numRecords } = readStats(file);
  return Number.isSafeInteger(numRecords) ? numRecords : undefined;
}

/** The part of a snapshot that is needed to read its rows. */
export type SnapshotFiles = Pick<Snapshot, 'schema' | 'partitionColumns' | 'files'>;
