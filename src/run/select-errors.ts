import { findTable } from '../catalog/find-table.ts';
import { selectSnapshot } from '../catalog/table-view.ts';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { ERRORS_SCHEMA } from '../sql/table-reference.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** SQL for the present errors of a run: images that no later retry has made. */
export async function selectErrors(
  db: Pick<DuckDb, 'locate'>,
  store: ObjectStore,
  name: string,
): Promise<string | undefined> {
  const found = await findTable(store, { schema: ERRORS_SCHEMA, name });
  return found && selectSnapshot(db, store, found.snapshot);
}
