/**
 * Actions of the Delta transaction protocol, reader version 1 and writer version 2
 * (https://github.com/delta-io/delta/blob/master/PROTOCOL.md, "Actions").
 */
export interface ProtocolAction {
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  readonly readerFeatures?: readonly string[];
  readonly writerFeatures?: readonly string[];
}

/** Describes a table: its schema as a JSON string and the names of its partition columns. */
export interface MetadataAction {
  readonly id: string;
  readonly name?: string;
  readonly format: { readonly provider: string; readonly options: Readonly<Record<string, string>> };
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
  readonly createdTime?: number;
}

/** Partition values of a data file by column; a null partition value is `null`. */
export type PartitionValues = Readonly<Record<string, string | null>>;

/** Adds one data file: `path` is URL-encoded and relative to the table, `size` in bytes, `stats` a JSON string. */
export interface AddAction {
  readonly path: string;
  readonly partitionValues: PartitionValues;
  readonly size: number;
  readonly modificationTime: number;
  readonly dataChange: boolean;
  readonly stats?: string;
}

/** Takes one data file out of the table; the file itself stays for older snapshots. */
export interface RemoveAction {
  readonly path: string;
  readonly deletionTimestamp: number;
  readonly dataChange: boolean;
  readonly extendedFileMetadata: true;
  readonly partitionValues: PartitionValues;
  readonly size: number;
}

/** What a commit did, for people: operation name, its parameters and its metrics. */
export interface CommitInfoAction {
  readonly timestamp: number;
  readonly operation: string;
  readonly operationParameters: Readonly<Record<string, string>>;
  readonly operationMetrics: Readonly<Record<string, string>>;
  readonly engineInfo: string;
}

/** One line of a log entry: an object with exactly one of these fields. */
export type DeltaAction =
  | { readonly protocol: ProtocolAction }
  | { readonly metaData: MetadataAction }
  | { readonly add: AddAction }
  | { readonly remove: RemoveAction }
  | { readonly commitInfo: CommitInfoAction };

/** Statistics of a data file as they stand in `add.stats`. */
export interface FileStats {
  readonly numRecords: number;
  readonly minValues: Readonly<Record<string, unknown>>;
  readonly maxValues: Readonly<Record<string, unknown>>;
  readonly nullCount: Readonly<Record<string, number>>;
}
