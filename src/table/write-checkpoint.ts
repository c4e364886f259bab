import { sha256Of } from '../storage/hash-file.ts';
import type { ColumnSource } from 'hyparquet-writer';
import type { ObjectStore } from '../storage/object-store.ts';
import { CHECKPOINT_SCHEMA } from './checkpoint-schema.ts';
import type { DeltaAction } from './delta-actions.ts';
import { checkpointKey, lastCheckpointKey } from './log-listing.ts';
import type { Snapshot } from './snapshot.ts';
import { checkpointIntervalOf, retentionOf } from './table-properties.ts';

/** Rows of a row group, which is held in memory as columns. */
const ROW_GROUP_SIZE = 10_000;

/** Whether the number of versions since the last checkpoint, by any writer, has reached the interval of the table. */
export function isCheckpointDue({
  version,
  checkpointVersion,
  metadata,
}: Pick<Snapshot, 'version' | 'checkpointVersion' | 'metadata'>): boolean {
  return version - checkpointVersion >= checkpointIntervalOf(metadata);
}

/**
 * Writes a snapshot as a checkpoint, and the hint that names it (PROTOCOL.md, "Checkpoints"). Readers can do without it: a writer that dies
 * here leaves the table as it was.
 */
export async function writeCheckpoint(store: ObjectStore, snapshot: Snapshot): Promise<void> {
  const { folder, version, files } = snapshot;
  const rows = toRows(snapshot);
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const writer = new ByteWriter();
  const parquet = new ParquetWriter({ writer, schema: CHECKPOINT_SCHEMA });
  for (let start = 0; start < rows.length; start += ROW_GROUP_SIZE) {
    const columnData = toColumns(rows.slice(start, start + ROW_GROUP_SIZE));
    await parquet.write({ columnData, rowGroupSize: ROW_GROUP_SIZE });
  }
  await parquet.finish();
  const bytes = writer.getBytes();
  await store.write(checkpointKey(folder, version), bytes);
  const hint = {
    version,
    size: rows.length,
    sizeInBytes: bytes.byteLength,
    numOfAddFiles: files.length,
    sha256: sha256Of(new Uint8Array(bytes)),
  };
  await store.write(lastCheckpointKey(folder), Buffer.from(JSON.stringify(hint)));
}

function toRows({ protocol, metadata, files, removed, transactions, timestampMs }: Snapshot): DeltaAction[] {
  // If the property cannot be parsed, everything is kept, so vacuum does not remove too much.
  const retentionMs = retentionOf(metadata, 'delta.deletedFileRetentionDuration') ?? Number.POSITIVE_INFINITY;
  const isKept = (deletionTimestamp = 0): boolean => deletionTimestamp > timestampMs - retentionMs;
  return [
    { protocol },
    { metaData: metadata },
    ...Array.from(transactions, ([appId, version]) => ({ txn: { appId, version } })),
    ...removed
      .filter(({ deletionTimestamp }) => isKept(deletionTimestamp))
      .map((remove) => ({ remove: { ...remove, dataChange: false } })),
    ...files.map(({ add }) => ({ add: { ...add, dataChange: false } })),
  ];
}

function toColumns(rows: readonly DeltaAction[]): ColumnSource[] {
  const column = (name: string, toCell: (row: DeltaAction) => unknown): ColumnSource => ({
    name,
    data: rows.map((row) => toCell(row) ?? null),
  });
  return [
    column('txn', ({ txn }) => txn && { ...txn, version: BigInt(txn.version) }),
    column(
      'add',
      ({ add }) => add && { ...add, size: long(add.size), modificationTime: long(add.modificationTime) },
    ),
    column(
      'remove',
      ({ remove }) =>
        remove && {
          ...remove,
          size: long(remove.size),
          deletionTimestamp: long(remove.deletionTimestamp),
          deletionVector: remove.deletionVector && {
            ...remove.deletionVector,
            cardinality: long(remove.deletionVector.cardinality),
          },
        },
    ),
    column(
      'metaData',
      ({ metaData }) => metaData && { ...metaData, createdTime: long(metaData.createdTime) },
    ),
    column('protocol', ({ protocol }) => protocol),
  ];
}

/** The Parquet library accepts 64-bit integers only as bigint. */
function long(value: number | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt(Math.trunc(value));
}
