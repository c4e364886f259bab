import { PixlakeError } from '../errors.ts';
import { executionFolder, runFolder, tableFolder } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readSnapshot } from '../table/read-snapshot.ts';
import type { Snapshot } from '../table/snapshot.ts';
import type { DuckDb } from './open-duckdb.ts';
import type { ParsedSelect, TableReference } from './parse-select.ts';
import { quoteName } from './sql-text.ts';
import { selectSnapshot } from './table-view.ts';

/** Schema under which outputs of runs are queried: `FROM runs."men-shoes"`. */
export const RUNS_SCHEMA = 'runs';

/** A table that a query reads, at the snapshot it reads. */
export interface QueriedTable {
  readonly reference: TableReference;
  readonly snapshot: Snapshot;
}

/** Reads the newest snapshot of a table, or of the newest finished execution of a run; `undefined` where there is none. */
export async function findSnapshot(
  store: ObjectStore,
  reference: TableReference,
): Promise<Snapshot | undefined> {
  if (reference.schema === RUNS_SCHEMA) {
    const folder = await findFinishedExecution(store, reference.name);
    return folder === undefined ? undefined : readSnapshot(store, `${folder}/manifest`);
  }
  return readSnapshot(store, tableFolder(reference.name));
}

async function findFinishedExecution(store: ObjectStore, name: string): Promise<string | undefined> {
  let newest: { folder: string; modifiedMs: number } | undefined;
  for (const child of await store.listFolders(runFolder(name))) {
    const folder = executionFolder(name, child.replace(/^run_id=/u, ''));
    const success = await store.stat(`${folder}/_SUCCESS`);
    if (success && (newest === undefined || success.modifiedMs > newest.modifiedMs)) {
      newest = { folder, modifiedMs: success.modifiedMs };
    }
  }
  return newest?.folder;
}

/** Names all tables and runs that a query can read, those of runs as `runs.<name>`. */
export async function listTableNames(store: ObjectStore): Promise<TableReference[]> {
  const tables = await store.listFolders('tables');
  const runs = await store.listFolders('runs');
  return [
    ...tables.map((name) => ({ schema: '', name })),
    ...runs.map((name) => ({ schema: RUNS_SCHEMA, name })),
  ];
}

/** Words that DuckDB's grammar does not take for a table; `duckdb_keywords()` calls them reserved or type_function. */
const RESERVED_WORDS = new Set(
  `all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check collate
  collation column concurrently constraint create cross default deferrable desc describe distinct do else end except
  false fetch for foreign freeze from full glob group having ilike in initially inner intersect into is isnull join
  lambda lateral leading left like limit natural not notnull null offset on only or order outer overlaps pivot
  pivot_longer pivot_wider placing positional primary qualify references returning right select semi show similar some
  summarize symmetric table tablesample then to trailing true union unique unpack unpivot using variadic verbose when
  where window with`.split(/\s+/u),
);

/** A table's name as one writes it in SQL. */
export function sqlNameOf({ schema, name }: TableReference): string {
  const isPlain = /^[a-z_][a-z0-9_]*$/iu.test(name) && !RESERVED_WORDS.has(name.toLowerCase());
  const plain = isPlain ? name : quoteName(name);
  return schema === '' ? plain : `${schema}.${plain}`;
}

/**
 * Makes one view for each of the lake's tables that a query names, over exactly the files of its newest snapshot, and gives what it found.
 *
 * @throws `TABLE_NOT_FOUND`
 */
export async function createViews(
  db: DuckDb,
  store: ObjectStore,
  query: ParsedSelect,
): Promise<QueriedTable[]> {
  const queried: QueriedTable[] = [];
  for (const reference of query.tables) {
    // Other schemas, such as information_schema, are DuckDB's own.
    if (reference.schema !== '' && reference.schema !== RUNS_SCHEMA) continue;
    const isCte = reference.schema === '' && query.cteNames.has(reference.name.toLowerCase());
    const snapshot = isLegalName(reference.name) ? await findSnapshot(store, reference) : undefined;
    if (snapshot === undefined) {
      if (isCte) continue;
      throw await tableNotFound(store, reference);
    }
    if (reference.schema !== '') await db.run(`CREATE SCHEMA IF NOT EXISTS ${quoteName(reference.schema)}`);
    const viewName = [reference.schema, reference.name]
      .filter((part) => part !== '')
      .map(quoteName)
      .join('.');
    await db.run(`CREATE OR REPLACE VIEW ${viewName} AS ${selectSnapshot(store, snapshot)}`);
    queried.push({ reference, snapshot });
  }
  return queried;
}

/** As `checkName`, without throwing: in a query, any other name is that of a CTE or of no table. */
function isLegalName(name: string): boolean {
  return /^[a-z0-9][a-z0-9_.-]{0,63}$/iu.test(name) && !name.includes('..');
}

async function tableNotFound(store: ObjectStore, reference: TableReference): Promise<PixlakeError> {
  const known = (await listTableNames(store)).map(sqlNameOf);
  const remedy = known.length === 0 ? 'fill one with `pixlake ingest`' : `the lake has: ${known.join(', ')}`;
  return new PixlakeError('TABLE_NOT_FOUND', `there is no table ${sqlNameOf(reference)} in ${store.uri}`, {
    remedy,
  });
}
