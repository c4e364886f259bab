import { findOwnTable } from '../catalog/find-table.ts';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { withDuckDb } from '../duckdb/with-duckdb.ts';
import type { Snapshot } from '../table/snapshot.ts';
import { transact, type Transaction } from '../table/transaction.ts';
import type { MaintenanceContext } from './maintenance-context.ts';

/** What one try to rewrite data files of a table works with. */
export interface Attempt {
  readonly transaction: Transaction;
  readonly snapshot: Snapshot;
  readonly db: DuckDb;
  readonly scratchDir: string;
}

/**
 * Rewrites data files of a table in one transaction; the work is done again if another commit conflicts with it.
 *
 * @throws `TABLE_NOT_FOUND`, `TABLE_READ_ONLY`, `COMMIT_CONFLICT`, `STORAGE_…`, and whatever the work throws
 */
export async function rewriteTable<Report>(
  { store, signal }: MaintenanceContext,
  table: string,
  work: (attempt: Attempt) => Promise<Report>,
): Promise<Report> {
  return transact(
    store,
    () => findOwnTable(store, table),
    async (transaction, snapshot) =>
      withDuckDb(store, async (db, scratchDir) => work({ transaction, snapshot, db, scratchDir })),
    signal,
  );
}
