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
  readonly description?: string;
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
  readonly tags?: Readonly<Record<string, string>>;
  readonly deletionVector?: DeletionVector;
}

/** Where the numbers of a data file's deleted rows are; with the path it names a version of the file. */
export interface DeletionVector {
  readonly storageType: string;
  readonly pathOrInlineDv?: string;
  readonly offset?: number;
  readonly sizeInBytes?: number;
  readonly cardinality?: number;
}

/** Takes one data file out of the table; the file itself stays for older snapshots until it is vacuumed. */
export interface RemoveAction {
  readonly path: string;
  readonly deletionTimestamp?: number;
  readonly dataChange: boolean;
  readonly extendedFileMetadata?: boolean;
  readonly partitionValues?: PartitionValues;
  readonly size?: number;
  readonly deletionVector?: DeletionVector;
}

/** What an application has written so far: commits of the same `appId` with a version that is not higher are repeats. */
export interface TxnAction {
  readonly appId: string;
  readonly version: number;
  readonly lastUpdated?: number;
}

/** What a commit did, for people: operation name, its parameters and its metrics. Writers may leave out or add any field. */
export interface CommitInfoAction {
  readonly timestamp?: number;
  /** Time of the commit where the table has `delta.enableInCommitTimestamps`; it grows with each version. */
  readonly inCommitTimestamp?: number;
  readonly operation?: string;
  readonly operationParameters?: Readonly<Record<string, unknown>>;
  readonly operationMetrics?: Readonly<Record<string, unknown>>;
  readonly engineInfo?: string;
  /** Names one attempt to commit, so that a writer recognises its own entry. */
  readonly txnId?: string;
  readonly readVersion?: number;
  /** SHA-256 of the lines that follow in the log entry. */
  readonly actionsSha256?: string;
  readonly isBlindAppend?: boolean;
}

/** One line of a log entry, or one row of a checkpoint: an object with one of these fields; fields of other names are to be ignored. */
export interface DeltaAction {
  readonly protocol?: ProtocolAction;
  readonly metaData?: MetadataAction;
  readonly add?: AddAction;
  readonly remove?: RemoveAction;
  readonly txn?: TxnAction;
  readonly commitInfo?: CommitInfoAction;
  /** Names more actions in another file, which pixlake does not read. */
  readonly sidecar?: unknown;
}

/** Statistics of a data file as they stand in `add.stats`; every part may be missing. */
export interface FileStats {
  readonly numRecords?: number;
  readonly minValues?: Readonly<Record<string, unknown>>;
  readonly maxValues?: Readonly<Record<string, unknown>>;
  readonly nullCount?: Readonly<Record<string, unknown>>;
  /** `false` where rows were deleted since: bounds still hold, null counts do not. */
  readonly tightBounds?: boolean;
}
