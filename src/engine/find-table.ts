import { executionFolder, isName, runFolder, tableFolder } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readSnapshotAsOf } from '../table/table-history.ts';
import { listAttachedNames, openAttached } from './attached-table.ts';
import type { FoundTable } from './found-table.ts';
import type { TableReference } from './parse-select.ts';

/** Schema under which outputs of runs are queried: `FROM runs."men-shoes"`. */
export const RUNS_SCHEMA = 'runs';

/**
 * Finds a table of the lake, the output of the newest finished execution of a run, or an attached table, as of the version that is asked for;
 * `undefined` where there is none.
 *
 * @throws `SNAPSHOT_NOT_FOUND`, `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED`
 */
export async function findTable(
  store: ObjectStore,
  reference: TableReference,
): Promise<FoundTable | undefined> {
  const { schema, asOf } = reference;
  const name = isName(reference.name) ? await findName(store, reference) : undefined;
  if (name === undefined) return undefined;
  const folder = schema === RUNS_SCHEMA ? await findFinishedManifest(store, name) : tableFolder(name);
  if (folder === undefined) return undefined;
  const snapshot = await readSnapshotAsOf(store, folder, asOf);
  if (snapshot !== undefined) return { store, snapshot, isAttached: false };
  return schema === RUNS_SCHEMA ? undefined : openAttached(store, name, asOf);
}

/** The table that a name on a command line means: `images`, `runs.men`, `runs."men-shoes"`. */
export function parseTableName(text: string): TableReference {
  const name = text.replaceAll('"', '');
  return name.startsWith(`${RUNS_SCHEMA}.`)
    ? { schema: RUNS_SCHEMA, name: name.slice(RUNS_SCHEMA.length + 1) }
    : { schema: '', name };
}

/** SQL ignores the case of names; folders do not. */
async function findName(store: ObjectStore, { schema, name }: TableReference): Promise<string | undefined> {
  const names = (await listTableNames(store))
    .filter((known) => known.schema === schema)
    .map((known) => known.name);
  if (names.includes(name)) return name;
  return names.find((known) => known.toLowerCase() === name.toLowerCase());
}

async function findFinishedManifest(store: ObjectStore, name: string): Promise<string | undefined> {
  let newest: { folder: string; modifiedMs: number } | undefined;
  for (const child of await store.listFolders(runFolder(name))) {
    const folder = executionFolder(name, child.replace(/^run_id=/u, ''));
    const success = await store.stat(`${folder}/_SUCCESS`);
    if (success && (newest === undefined || success.modifiedMs > newest.modifiedMs)) {
      newest = { folder, modifiedMs: success.modifiedMs };
    }
  }
  return newest && `${newest.folder}/manifest`;
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
