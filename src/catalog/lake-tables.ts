import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AsOf } from '../table/as-of.ts';
import { pruneFiles } from '../table/prune-files.ts';
import type { DataFile, Snapshot } from '../table/snapshot.ts';
import { findTable, listTableNames } from './find-table.ts';
import type { FoundTable } from './found-table.ts';
import type { SqlSession } from '../duckdb/open-duckdb.ts';
import type { ParsedSelect } from '../sql/parse-select.ts';
import { quoteName } from '../sql/sql-text.ts';
import { selectSnapshot } from './table-view.ts';
import { isRunSchema, parseTableName, sqlNameOf, type TableReference } from '../sql/table-reference.ts';

/** A table that a query reads, at its snapshot. */
export interface QueriedTable extends FoundTable {
  readonly reference: TableReference;
  /** Data files of the snapshot that may hold rows of the result. */
  readonly readFiles: readonly DataFile[];
}

/** A checked query that was not run: the names of its columns, and its tables. */
export interface CheckedSql {
  readonly columns: readonly string[];
  readonly tables: readonly QueriedTable[];
}

/**
 * Makes a view for each table of the lake that a query names, over those data files of its snapshot that may hold rows of the result,
 * and returns the tables. Tables without a version in the SQL are read as of `asOf`, or at their newest version.
 *
 * @throws `TABLE_NOT_FOUND`, `SNAPSHOT_NOT_FOUND`
 */
export async function createViews(
  db: SqlSession,
  store: ObjectStore,
  query: ParsedSelect,
  asOf?: AsOf,
): Promise<QueriedTable[]> {
  const queried: QueriedTable[] = [];
  for (const { reference: written, predicate, viewName } of query.tables) {
    // Other schemas, such as information_schema, are DuckDB's own.
    if (written.schema !== '' && !isRunSchema(written.schema.toLowerCase())) continue;
    const reference: TableReference = {
      schema: written.schema.toLowerCase(),
      name: written.name,
      ...definedAsOf(written.asOf ?? asOf),
    };
    const isCte = viewName[0] === '' && query.cteNames.has(reference.name.toLowerCase());
    const found = await findTable(store, reference);
    if (found === undefined) {
      if (isCte) continue;
      throw await tableNotFound(store, reference);
    }
    const readFiles = pruneFiles(found.snapshot, predicate);
    const [schema, name] = viewName;
    if (schema !== '') await db.run(`CREATE SCHEMA IF NOT EXISTS ${quoteName(schema)}`);
    const view = schema === '' ? quoteName(name) : `${quoteName(schema)}.${quoteName(name)}`;
    const select = await selectSnapshot(db, found.store, { ...found.snapshot, files: readFiles });
    await db.run(`CREATE OR REPLACE VIEW ${view} AS ${select}`);
    queried.push({ ...found, reference, readFiles });
  }
  return queried;
}

/** Finds one table, of which all data files are read. @throws `TABLE_NOT_FOUND`, `SNAPSHOT_NOT_FOUND` */
export async function findQueriedTable(store: ObjectStore, reference: TableReference): Promise<QueriedTable> {
  const found = await findTable(store, reference);
  if (found === undefined) throw await tableNotFound(store, reference);
  return { ...found, reference, readFiles: found.snapshot.files };
}

function definedAsOf(asOf: AsOf | undefined): { asOf?: AsOf } {
  return asOf === undefined ? {} : { asOf };
}

async function tableNotFound(store: ObjectStore, reference: TableReference): Promise<PixlakeError> {
  const known = (await listTableNames(store)).map(sqlNameOf);
  const remedy = known.length === 0 ? 'make one with `pixlake ingest`' : `the lake has: ${known.join(', ')}`;
  return new PixlakeError('TABLE_NOT_FOUND', `no table ${sqlNameOf(reference)} exists in ${store.uri}`, {
    remedy,
  });
}

/**
 * Finds a table of the lake that may be changed.
 *
 * @throws `TABLE_NOT_FOUND`, `TABLE_READ_ONLY` for attached tables and outputs of runs, `TABLE_NAME_INVALID`
 */
export async function findOwnTable(store: ObjectStore, name: string): Promise<Snapshot> {
  const reference = parseTableName(name);
  const { snapshot, isAttached } = await findQueriedTable(store, reference);
  if (!isAttached && reference.schema === '') return snapshot;
  const what = isAttached ? 'attached' : 'the output of a run';
  throw new PixlakeError('TABLE_READ_ONLY', `${sqlNameOf(reference)} is ${what} and can only be read`);
}
