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

/** Where the numbers of the deleted rows of a data file are. Path and vector together identify a version of the file. */
export interface DeletionVector {
  readonly storageType: string;
  readonly pathOrInlineDv?: string;
  readonly offset?: number;
  readonly sizeInBytes?: number;
  readonly cardinality?: number;
}

/** Removes one data file from the table. The file itself stays for older snapshots until it is vacuumed. */
export interface RemoveAction {
  readonly path: string;
  readonly deletionTimestamp?: number;
  readonly dataChange: boolean;
  readonly extendedFileMetadata?: boolean;
  readonly partitionValues?: PartitionValues;
  readonly size?: number;
  readonly deletionVector?: DeletionVector;
}

/** What an application has written so far. A commit of the same `appId` whose version is not higher is a repeat. */
export interface TxnAction {
  readonly appId: string;
  readonly version: number;
  readonly lastUpdated?: number;
}

/** Description of a commit for people: operation, parameters and metrics. Writers may omit or add any field. */
export interface CommitInfoAction {
  readonly timestamp?: number;
  /** Time of the commit if the table has `delta.enableInCommitTimestamps`; it grows with each version. */
  readonly inCommitTimestamp?: number;
  readonly operation?: string;
  readonly operationParameters?: Readonly<Record<string, unknown>>;
  readonly operationMetrics?: Readonly<Record<string, unknown>>;
  readonly engineInfo?: string;
  /** Identifies one attempt to commit, so a writer recognises its own entry. */
  readonly txnId?: string;
  readonly readVersion?: number;
  /** SHA-256 of the lines that follow in the log entry. */
  readonly actionsSha256?: string;
  readonly isBlindAppend?: boolean;
}

/** One line of a log entry, or one row of a checkpoint: an object with one of these fields. Other fields are ignored. */
export interface DeltaAction {
  readonly protocol?: ProtocolAction;
  readonly metaData?: MetadataAction;
  readonly add?: AddAction;
  readonly remove?: RemoveAction;
  readonly txn?: TxnAction;
  readonly commitInfo?: CommitInfoAction;
  /** Names more actions in another file, which pixlake does not read: whoever reads actions must refuse it. */
  readonly sidecar?: unknown;
}

/** Statistics of a data file as stored in `add.stats`; every part may be missing. */
export interface FileStats {
  readonly numRecords?: number;
  readonly minValues?: Readonly<Record<string, unknown>>;
  readonly maxValues?: Readonly<Record<string, unknown>>;
  readonly nullCount?: Readonly<Record<string, unknown>>;
  /** `false` if rows were deleted since: bounds are still valid, null counts are not. */
  readonly tightBounds?: boolean;
}
