import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { quoteName } from '../sql/sql-text.ts';
import { selectSnapshot } from '../catalog/table-view.ts';
import { writeDataFiles } from '../duckdb/write-data-files.ts';
import { PixlakeError } from '../errors.ts';
import type { AddAction } from '../table/delta-actions.ts';
import { NONE } from '../table/file-predicate.ts';
import type { DataFile, Snapshot } from '../table/snapshot.ts';
import { sortColumnsOf } from '../table/table-properties.ts';
import type { MaintenanceContext } from './maintenance-context.ts';
import { type Attempt, rewriteTable } from './rewrite-table.ts';

/** How to store a table. */
export interface OptimizeSpec {
  readonly table: string;
  /** Size in bytes of a good data file; 128 MiB by default. Files of less than half of it are small. */
  readonly targetBytes?: number;
  /** Columns to sort by. If given, all files are rewritten. By default only small files are, sorted by the sort columns of the table. */
  readonly sortBy?: readonly string[];
}

/** Result of an optimize. */
export interface OptimizeReport {
  readonly table: string;
  /** The table's version afterwards. */
  readonly version: number;
  readonly isCommitted: boolean;
  readonly removedFileCount: number;
  readonly addedFileCount: number;
  readonly removedBytes: number;
  readonly addedBytes: number;
}

const DEFAULT_TARGET_BYTES = 128 * 1024 * 1024;

/**
 * Compacts the small data files of each partition into larger, sorted ones. The rows stay the same, and readers of older versions
 * keep their files.
 *
 * @throws `TABLE_NOT_FOUND`, `TABLE_READ_ONLY`, `ARGUMENT_INVALID`, `COMMIT_CONFLICT`, `STORAGE_…`
 */
export async function optimizeTable(
  context: MaintenanceContext,
  spec: OptimizeSpec,
): Promise<OptimizeReport> {
  return rewriteTable(context, spec.table, async (attempt) => optimizeOnce(context, spec, attempt));
}

async function optimizeOnce(
  context: MaintenanceContext,
  spec: OptimizeSpec,
  { transaction, snapshot, db, scratchDir }: Attempt,
): Promise<OptimizeReport> {
  const { store, software, signal } = context;
  const sortBy = chooseSort(spec, snapshot);
  const targetBytes = spec.targetBytes ?? DEFAULT_TARGET_BYTES;
  const groups = chooseGroups(snapshot, targetBytes, spec.sortBy !== undefined);
  const added: AddAction[] = [];
  for (const files of groups) {
    signal?.throwIfAborted();
    const written = await rewrite(db, store, snapshot, files, { sortBy, targetBytes, scratchDir });
    transaction.add(written);
    added.push(...written);
  }
  const removed = groups.flat();
  const sizes = {
    removedFileCount: removed.length,
    addedFileCount: added.length,
    removedBytes: removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    addedBytes: added.reduce((sum, { size }) => sum + size, 0),
  };
  const { table } = spec;
  if (removed.length === 0) return { table, version: snapshot.version, isCommitted: false, ...sizes };
  transaction.remove(removed);
  const version = await transaction.commit({
    reads: NONE,
    isRearrangement: true,
    rowDelta: 0,
    operation: 'OPTIMIZE',
    parameters: { targetSize: String(targetBytes), sortBy: JSON.stringify(sortBy) },
    metrics: {
      numRemovedFiles: sizes.removedFileCount,
      numAddedFiles: sizes.addedFileCount,
      numRemovedBytes: sizes.removedBytes,
      numAddedBytes: sizes.addedBytes,
    },
    software,
  });
  return { table, version, isCommitted: true, ...sizes };
}

function chooseSort({ sortBy }: OptimizeSpec, { schema, metadata, partitionColumns }: Snapshot): string[] {
  if (sortBy === undefined) {
    return sortColumnsOf(metadata, schema).filter((name) => !partitionColumns.includes(name));
  }
  const names = schema.fields.map(({ name }) => name).filter((name) => !partitionColumns.includes(name));
  const unknown = sortBy.filter((name) => !names.includes(name));
  if (unknown.length === 0) return [...sortBy];
  throw new PixlakeError('ARGUMENT_INVALID', `cannot sort by ${unknown.join(', ')}`, {
    remedy: `choose from: ${names.join(', ')}`,
  });
}

/** Files to rewrite, by partition: all of them, or the small ones if a partition has several. */
function chooseGroups(snapshot: Snapshot, targetBytes: number, isWhole: boolean): DataFile[][] {
  const groups = new Map<string, DataFile[]>();
  for (const file of snapshot.files) {
    if (!isWhole && file.sizeBytes >= targetBytes / 2) continue;
    const key = JSON.stringify(snapshot.partitionColumns.map((name) => file.partitionValues[name] ?? null));
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  return [...groups.values()].filter((files) => isWhole || files.length > 1);
}

async function rewrite(
  db: DuckDb,
  store: MaintenanceContext['store'],
  snapshot: Snapshot,
  files: readonly DataFile[],
  options: {
    readonly sortBy: readonly string[];
    readonly targetBytes: number;
    readonly scratchDir: string;
  },
): Promise<AddAction[]> {
  const { folder, schema, partitionColumns } = snapshot;
  const columns = schema.fields
    .filter(({ name }) => !partitionColumns.includes(name))
    .map(({ name }) => quoteName(name));
  const order = options.sortBy.length === 0 ? '' : ` ORDER BY ${options.sortBy.map(quoteName).join(', ')}`;
  const [first] = files;
  const path = first?.key.slice(folder.length + 1) ?? '';
  return writeDataFiles(db, store, {
    query: `SELECT ${columns.join(', ')} FROM (${await selectSnapshot(db, store, { ...snapshot, files })})${order}`,
    schema,
    partitionColumns,
    folder,
    partition: {
      values: first?.partitionValues ?? {},
      folder: path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '',
    },
    targetBytes: options.targetBytes,
    scratchDir: options.scratchDir,
  });
}
