import { isName, tableFolder } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readSnapshotAsOf } from '../table/read-snapshot.ts';
import { listAttachedNames, openAttached } from './attached-table.ts';
import type { FoundTable, QueriedTable } from './found-table.ts';
import {
  ERRORS_SCHEMA,
  isRunSchema,
  RUNS_SCHEMA,
  type TableReference,
  parseTableName,
  sqlNameOf,
} from '../sql/table-reference.ts';
import { findFinishedRun } from './run-folders.ts';
import { PixlakeError } from '../errors.ts';
import type { Snapshot } from '../table/snapshot.ts';

/** Folders of the tables of a run below its execution, by schema. */
const RUN_TABLES: ReadonlyMap<string, string> = new Map([
  [RUNS_SCHEMA, 'manifest'],
  [ERRORS_SCHEMA, 'errors'],
]);

/**
 * Finds a table of the lake, the output or the errors of the newest finished execution of a run, or an attached table, as of a version;
 * `undefined` if it does not exist. SQL ignores the case of names, folders do not. The name is first tried as written, without listing anything.
 *
 * @throws `RUN_TOO_OLD`, `RUN_CORRUPT`, `SNAPSHOT_NOT_FOUND`, `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED`
 */
export async function findTable(
  store: ObjectStore,
  reference: TableReference,
): Promise<FoundTable | undefined> {
  if (!isName(reference.name)) return undefined;
  const found = await openNamed(store, reference);
  if (found !== undefined) return found;
  const name = await findOtherCase(store, reference);
  return name === undefined ? undefined : openNamed(store, { ...reference, name });
}

async function openNamed(
  store: ObjectStore,
  { schema, name, asOf }: TableReference,
): Promise<FoundTable | undefined> {
  const child = RUN_TABLES.get(schema);
  const parent = child === undefined ? undefined : (await findFinishedRun(store, name))?.folder;
  if (child !== undefined && parent === undefined) return undefined;
  const snapshot = await readSnapshotAsOf(
    store,
    child === undefined ? tableFolder(name) : `${parent}/${child}`,
    asOf,
  );
  if (snapshot !== undefined) return { store, snapshot, isAttached: false };
  return child === undefined ? openAttached(store, name, asOf) : undefined;
}

/** The name of a table that differs from the given one only in case. */
async function findOtherCase(
  store: ObjectStore,
  { schema, name }: TableReference,
): Promise<string | undefined> {
  const names = isRunSchema(schema)
    ? await store.listFolders('runs')
    : [...(await store.listFolders('tables')), ...(await listAttachedNames(store))];
  return names.sort().find((known) => known !== name && known.toLowerCase() === name.toLowerCase());
}

/** Names all tables and runs that a query can read, those of runs as `runs.<name>`. */
export async function listTableNames(store: ObjectStore): Promise<TableReference[]> {
  const tables = new Set([...(await store.listFolders('tables')), ...(await listAttachedNames(store))]);
  const runs = await store.listFolders('runs');
  return [
    ...[...tables].sort().map((name) => ({ schema: '', name })),
    ...runs.map((name) => ({ schema: RUNS_SCHEMA, name })),
  ];
}

/** Finds one table, of which all data files are read. @throws `TABLE_NOT_FOUND`, `SNAPSHOT_NOT_FOUND` */
export async function findQueriedTable(store: ObjectStore, reference: TableReference): Promise<QueriedTable> {
  const found = await findTable(store, reference);
  if (found === undefined) throw await tableNotFound(store, reference);
  return { ...found, reference, readFiles: found.snapshot.files };
}

export async function tableNotFound(store: ObjectStore, reference: TableReference): Promise<PixlakeError> {
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
