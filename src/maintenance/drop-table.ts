import { listAttachments } from '../catalog/attached-table.ts';
import { parseTableName, sqlNameOf } from '../sql/table-reference.ts';
import { findOwnTable } from '../catalog/find-table.ts';
import { PixlakeError } from '../errors.ts';
import { readSuccess } from '../run/success.ts';
import { attachmentKey, originalsFolder, tableFolder } from '../storage/lake-layout.ts';
import type { ObjectEntry, ObjectStore } from '../storage/object-store.ts';
import { droppedKey, listLog, logFolder } from '../table/log-listing.ts';
import { addImageReferences, listReferrers, type Referrer, withFileLists } from './image-references.ts';
import { readKnownFiles } from './known-files.ts';
import { type LakeExecution, listLakeExecutions, namesOf, readsFolder } from './lake-executions.ts';
import type { MaintenanceContext } from './maintenance-context.ts';
import { type KeptFiles, listForRemoval, type RemovedFiles, removeListed } from './remove-files.ts';

/** Which table to drop. */
export interface DropTableSpec {
  readonly table: string;
  /** Whether to only report what would be removed. */
  readonly isDryRun?: boolean;
}

/** Result of dropping a table, or of a dry run. */
export interface DropTableReport {
  readonly table: string;
  readonly isDryRun: boolean;
  /** The table's files and its originals. */
  readonly removed: readonly RemovedFiles[];
  readonly kept: readonly KeptFiles[];
  /** Finished runs whose failed images can no longer be retried, because their originals are gone. */
  readonly notRetriable: readonly string[];
}

/**
 * Removes a table and its originals, except originals that rows of other tables or manifests name.
 *
 * A marker in the log is written first. From then on the table is invisible, so an interrupted drop never shows half of it. The same command
 * finishes it.
 *
 * @throws `TABLE_NOT_FOUND`, `TABLE_READ_ONLY` for attached tables and outputs of runs, `TABLE_IN_USE`, `STORAGE_…`
 */
export async function dropTable(context: MaintenanceContext, spec: DropTableSpec): Promise<DropTableReport> {
  const { store, signal } = context;
  const { isDryRun = false } = spec;
  const name = await checkDroppable(store, spec.table);
  const folder = tableFolder(name);
  const marker = droppedKey(folder);
  const isBegun = (await store.stat(marker)) !== undefined;
  const executions = await listLakeExecutions(store);
  const referrers = (await listReferrers(store)).filter((referrer) => referrer.folder !== folder);
  if (!isBegun) await checkUnused(store, name, executions, referrers);
  const notRetriable = await listNotRetriable(store, folder, executions);
  const removal = await withFileLists(store, async (db) => {
    const originals = originalsFolder(name);
    await addImageReferences(db, store, originals, referrers);
    if (!isDryRun && !isBegun) await store.write(marker, Buffer.alloc(0));
    for (const place of [folder, originals])
      await listForRemoval(db, place, listWithout(store, place, marker));
    const removed = await removeListed(db, store, { isDryRun, signal });
    if (!isDryRun) await removeMarker(store, folder);
    return removed;
  });
  return { table: name, isDryRun, ...removal, notRetriable };
}

/** Checks the name of a table that lies in the lake, even if its log cannot be read. */
async function checkDroppable(store: ObjectStore, table: string): Promise<string> {
  const reference = parseTableName(table);
  const { name, schema } = reference;
  if (schema !== '')
    throw new PixlakeError('TABLE_READ_ONLY', `${sqlNameOf(reference)} is the output of a run`, {
      remedy: `delete the run: pixlake runs delete ${name}`,
    });
  const folder = tableFolder(name);
  const isThere =
    (await store.stat(droppedKey(folder))) !== undefined || (await listLog(store, folder)) !== undefined;
  if (isThere) return name;
  if ((await store.stat(attachmentKey(name))) !== undefined)
    throw new PixlakeError(
      'TABLE_READ_ONLY',
      `${name} is an attached table, whose files do not belong to the lake`,
      {
        remedy: `detach it: pixlake detach ${name}`,
      },
    );
  // SQL ignores the case of names, which would be dangerous here.
  const { folder: found } = await findOwnTable(store, name);
  throw new PixlakeError('TABLE_NOT_FOUND', `no table ${name} exists in ${store.uri}`, {
    remedy: `a table with other upper and lower case exists: ${found.split('/').at(-1)}`,
  });
}

async function checkUnused(
  store: ObjectStore,
  name: string,
  executions: readonly LakeExecution[],
  referrers: readonly Referrer[],
): Promise<void> {
  const folder = tableFolder(name);
  const runs = namesOf(executions.filter((execution) => readsFolder(store, execution, folder)));
  if (runs.length > 0)
    throw new PixlakeError('TABLE_IN_USE', `unfinished runs read table ${name}: ${runs.join(', ')}`, {
      remedy: `finish them, or delete them: pixlake runs delete ${runs[0]}`,
    });
  const place = `${store.locate(folder)}/`;
  const attached = (await listAttachments(store)).find(({ uri }) => `${uri}/`.startsWith(place));
  if (attached !== undefined)
    throw new PixlakeError('TABLE_IN_USE', `table ${name} is also attached as ${attached.name}`, {
      remedy: `detach it first: pixlake detach ${attached.name}`,
    });
  for (const { folder: other, title } of referrers) {
    // Shallow clones refer to files of the cloned table.
    const known = await readKnownFiles(store, other).catch((error: unknown) => {
      if (error instanceof PixlakeError) return undefined;
      throw error;
    });
    const isClone = [...(known?.current ?? []), ...(known?.earlier ?? [])].some((key) =>
      key.startsWith(`${folder}/`),
    );
    if (isClone)
      throw new PixlakeError('TABLE_IN_USE', `${title} refers to data files of table ${name}`, {
        remedy: 'drop or rewrite that table first',
      });
  }
}

async function listNotRetriable(
  store: ObjectStore,
  folder: string,
  executions: readonly LakeExecution[],
): Promise<string[]> {
  const failed: LakeExecution[] = [];
  for (const execution of executions) {
    const isReader = readsFolder(store, { ...execution, state: 'unfinished' }, folder);
    const success = isReader ? await readSuccess(store, execution.folder) : undefined;
    if (success !== undefined && success.errorCount > 0) failed.push(execution);
  }
  return namesOf(failed);
}

/** Removes the marker, and before it anything that a writer who had not seen it has committed meanwhile. */
async function removeMarker(store: ObjectStore, folder: string): Promise<void> {
  const marker = droppedKey(folder);
  const keys: string[] = [];
  for await (const { key } of listWithout(store, logFolder(folder), marker)) keys.push(key);
  await store.deleteMany([...keys, marker]);
}

async function* listWithout(store: ObjectStore, folder: string, left: string): AsyncGenerator<ObjectEntry> {
  for await (const entry of store.list(folder)) if (entry.key !== left) yield entry;
}
