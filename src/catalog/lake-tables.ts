import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AsOf } from '../table/as-of.ts';
import { pruneFiles } from '../table/prune-files.ts';
import { findTable, tableNotFound } from './find-table.ts';
import type { QueriedTable } from './found-table.ts';
import type { SqlSession } from '../duckdb/open-duckdb.ts';
import type { ParsedSelect } from '../sql/parse-select.ts';
import { quoteName } from '../sql/sql-text.ts';
import { selectSnapshot } from './table-view.ts';
import { isRunSchema, type TableReference } from '../sql/table-reference.ts';

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
    if (isListOfTables(written)) throw noCatalogue();
    // Other schemas are DuckDB's own.
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

function isListOfTables({ schema, name }: TableReference): boolean {
  return schema.toLowerCase() === 'information_schema' && /^(?:tables|columns|views)$/iu.test(name);
}

/** DuckDB's own tables of tables know none of a lake, so they would seem to say that it is empty. */
function noCatalogue(): PixlakeError {
  return new PixlakeError('TABLE_NOT_FOUND', 'information_schema knows no tables of a lake', {
    remedy: '`pixlake tables` lists them, with their columns with --json',
  });
}

function definedAsOf(asOf: AsOf | undefined): { asOf?: AsOf } {
  return asOf === undefined ? {} : { asOf };
}
