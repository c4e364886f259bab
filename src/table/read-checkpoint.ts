import type { AsyncBuffer } from 'hyparquet';
import type { ObjectStore } from '../storage/object-store.ts';
import type { DeltaAction } from './delta-actions.ts';
import { parseAction } from './log-entry.ts';

/** Columns of a checkpoint that describe the table. Sidecars are read only to be refused. */
const COLUMNS = ['protocol', 'metaData', 'txn', 'add', 'remove', 'sidecar'];

/** Checkpoints up to this size are read in one request. */
const WHOLE_READ_BYTES = 32 * 1024 * 1024;

/**
 * Reads the actions of one checkpoint file, one row group at a time, to bound memory.
 *
 * @throws `TABLE_CORRUPT`, storage errors, and any error of the Parquet reader for a damaged file
 */
export async function* readCheckpoint(store: ObjectStore, key: string): AsyncGenerator<DeltaAction> {
  // Loaded when needed, since most tables have no checkpoint yet.
  const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const file = await openBuffer(store, key);
  const metadata = await parquetMetadataAsync(file);
  const present = new Set(metadata.schema.map(({ name }) => name));
  const columns = COLUMNS.filter((name) => present.has(name));
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await parquetReadObjects({ file, metadata, columns, rowStart, rowEnd, compressors });
    for (const row of rows) yield parseAction(withJsonStats(row), key);
    rowStart = rowEnd;
  }
}

async function openBuffer(store: ObjectStore, key: string): Promise<AsyncBuffer> {
  const byteLength = (await store.stat(key))?.sizeBytes ?? 0;
  if (byteLength <= WHOLE_READ_BYTES) {
    const bytes = toArrayBuffer(await store.read(key));
    return { byteLength, slice: (start, end) => bytes.slice(start, end) };
  }
  return {
    byteLength,
    slice: async (start, end = byteLength) =>
      toArrayBuffer(await store.read(key, { start, length: end - start })),
  };
}

function toArrayBuffer(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

interface CheckpointRow {
  readonly [column: string]: unknown;
  readonly add?: { readonly stats?: unknown; readonly stats_parsed?: unknown };
}

/** Tables with `delta.checkpoint.writeStatsAsJson = false` have statistics only as a struct. */
function withJsonStats(row: CheckpointRow): unknown {
  const { add } = row;
  if (add === undefined || add === null || typeof add.stats === 'string' || !add.stats_parsed) return row;
  const stats = JSON.stringify(add.stats_parsed, (_name, value: unknown) => {
    if (typeof value === 'bigint') return Number(value);
    // Null is not a bound, and JSON cannot hold bytes.
    return value === null || value instanceof Uint8Array ? undefined : value;
  });
  return { ...row, add: { ...add, stats } };
}
