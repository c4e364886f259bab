import { createViews } from '../catalog/lake-tables.ts';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { findVolatility } from '../sql/find-volatility.ts';
import { parseSelect } from '../sql/parse-select.ts';
import { quoteName, quoteText } from '../sql/sql-text.ts';
import { FILE_COLUMN, locateFiles, selectSnapshot } from '../catalog/table-view.ts';
import { writeDataFiles } from '../duckdb/write-data-files.ts';
import { NONE } from '../table/file-predicate.ts';
import { pruneFiles } from '../table/prune-files.ts';
import type { DataFile, Snapshot } from '../table/snapshot.ts';
import { sortColumnsOf } from '../table/table-properties.ts';
import type { MaintenanceContext } from './maintenance-context.ts';
import { type Attempt, rewriteTable } from './rewrite-table.ts';
import { sqlNameOf } from '../sql/table-reference.ts';

/** Which rows of which table to delete. */
export interface DeleteSpec {
  readonly table: string;
  /** An SQL condition on the table's columns; rows for which it is true are deleted. */
  readonly where: string;
  /** Whether to only count the rows. */
  readonly isDryRun?: boolean;
}

/** Result of a delete. */
export interface DeleteReport {
  readonly table: string;
  /** The table's version afterwards. */
  readonly version: number;
  readonly isCommitted: boolean;
  readonly deletedCount: number;
  /** Rows that were rewritten because they were in a file with deleted rows. */
  readonly copiedCount: number;
  readonly removedFileCount: number;
  readonly addedFileCount: number;
}

interface TouchedFile {
  readonly path: string;
  readonly matched: bigint;
  readonly total: bigint;
}

/**
 * Deletes rows. Data files that contain only such rows are removed, others are rewritten without them. The originals stay, and so do the
 * rows in older versions.
 *
 * @throws `TABLE_NOT_FOUND`, `TABLE_READ_ONLY`, `TABLE_APPEND_ONLY`, `SQL_…`, `COMMIT_CONFLICT`
 */
export async function deleteRows(context: MaintenanceContext, spec: DeleteSpec): Promise<DeleteReport> {
  return rewriteTable(context, spec.table, async (attempt) => deleteOnce(context, spec, attempt));
}

async function deleteOnce(
  { store, software }: MaintenanceContext,
  { table, where, isDryRun }: DeleteSpec,
  { transaction, snapshot, db, scratchDir }: Attempt,
): Promise<DeleteReport> {
  const candidates = await findCandidates(db, table, where, snapshot);
  const rows = await selectSnapshot(db, store, { ...snapshot, files: candidates }, { withFile: true });
  await db.run(`CREATE VIEW __target AS ${rows}`);
  const judged = await parseSelect(
    db,
    `SELECT *, (${where}\n) AS __matches FROM __target AS ${quoteName(table)}`,
  );
  const others = judged.tables.filter(({ reference }) => reference.name !== '__target');
  await createViews(db, store, { ...judged, tables: others });
  // It is asked twice: which rows match, and which are kept. If the answers could differ, a row might be neither counted nor kept.
  const { reasons, addsNumbers } = findVolatility(judged.tree, '');
  const isVolatile = reasons.length > 0 || addsNumbers;
  await db.run(`CREATE ${isVolatile ? 'TABLE' : 'VIEW'} __judged AS ${judged.sql}`);
  const touched = await db.rows<TouchedFile>(`
    SELECT ${FILE_COLUMN} AS path, count(*) FILTER (WHERE __matches) AS matched, count(*) AS total
    FROM __judged GROUP BY ALL HAVING matched > 0`);
  const deletedCount = touched.reduce((sum, { matched }) => sum + Number(matched), 0);
  const copiedCount = touched.reduce((sum, { matched, total }) => sum + Number(total - matched), 0);
  const counts = { table, deletedCount, copiedCount };
  const paths = new Set(touched.map(({ path }) => path));
  const located = await locateFiles(db, store, candidates);
  const removed = candidates.filter((_file, index) => paths.has(located[index] ?? ''));
  if (isDryRun || removed.length === 0) {
    const { version } = snapshot;
    return { ...counts, version, isCommitted: false, removedFileCount: removed.length, addedFileCount: 0 };
  }
  const { folder, schema, partitionColumns } = snapshot;
  const added = await writeDataFiles(db, store, {
    query: selectKept(snapshot, touched),
    schema,
    partitionColumns,
    folder,
    scratchDir,
  });
  transaction.add(added);
  transaction.remove(removed);
  const version = await transaction.commit({
    // Rows that are added meanwhile count as later than the delete.
    reads: NONE,
    rowDelta: -deletedCount,
    operation: 'DELETE',
    parameters: { predicate: JSON.stringify([where]) },
    metrics: {
      numDeletedRows: deletedCount,
      numCopiedRows: copiedCount,
      numRemovedFiles: removed.length,
      numAddedFiles: added.length,
    },
    software,
  });
  const files = { removedFileCount: removed.length, addedFileCount: added.length };
  return { ...counts, version, isCommitted: true, ...files };
}

/** Files that may hold matching rows. */
async function findCandidates(
  db: DuckDb,
  table: string,
  where: string,
  snapshot: Snapshot,
): Promise<readonly DataFile[]> {
  const reference = { schema: '', name: table };
  const { tables } = await parseSelect(db, `SELECT * FROM ${sqlNameOf(reference)} WHERE (${where}\n)`);
  const own = tables.find(({ viewName: [schema, name] }) => schema === '' && name === table);
  return own === undefined ? snapshot.files : pruneFiles(snapshot, own.predicate);
}

function selectKept(
  { schema, partitionColumns, metadata }: Snapshot,
  touched: readonly TouchedFile[],
): string {
  const paths = touched.filter(({ matched, total }) => matched < total).map(({ path }) => quoteText(path));
  const columns = schema.fields.map(({ name }) => quoteName(name)).join(', ');
  const order = [...partitionColumns, ...sortColumnsOf(metadata, schema)].map(quoteName).join(', ');
  const among = paths.length === 0 ? 'false' : `${FILE_COLUMN} IN (${paths.join(', ')})`;
  return `SELECT ${columns} FROM __judged WHERE ${among} AND __matches IS NOT TRUE${order && ` ORDER BY ${order}`}`;
}
