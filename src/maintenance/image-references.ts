import { withDuckDb } from '../duckdb/with-duckdb.ts';
import { isRemovedSpec } from '../catalog/run-folders.ts';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { quoteText } from '../sql/sql-text.ts';
import { PixlakeError } from '../errors.ts';
import { executionKeys } from '../run/execution.ts';
import { PLAN_MEMORY_BYTES } from '../run/write-plan.ts';
import { tableFolder } from '../storage/lake-layout.ts';
import type { ObjectEntry, ObjectStore } from '../storage/object-store.ts';
import { readIfPresent } from '../storage/read-if-present.ts';
import { readKnownFiles } from './known-files.ts';

/** Name of the DuckDB table with `key` and `referrer` of files that must be kept. */
export const REFERENCED = 'referenced';

/** Name of the DuckDB table with `folder`, `key` and `size_bytes` of files that may be removed. */
export const LISTED = 'listed';

const FILES_AT_ONCE = 200;

/** Opens a DuckDB for lists of files that may be larger than memory, with {@link REFERENCED} and {@link LISTED} empty, and closes it after the work. */
export async function withFileLists<Result>(
  store: ObjectStore,
  work: (db: DuckDb) => Promise<Result>,
): Promise<Result> {
  return withDuckDb(
    store,
    async (db) => {
      await db.run(`
      CREATE TABLE ${REFERENCED} (key VARCHAR, referrer VARCHAR);
      CREATE TABLE ${LISTED} (folder VARCHAR, key VARCHAR, size_bytes BIGINT)`);
      return await work(db);
    },
    { onDisk: true, memoryBytes: PLAN_MEMORY_BYTES },
  );
}

/** A table of the lake or the manifest of an execution, and its name in messages. */
export interface Referrer {
  readonly folder: string;
  readonly title: string;
}

/** Lists the tables of a lake, and the manifests of all executions except those that are being deleted. */
export async function listReferrers(store: ObjectStore): Promise<Referrer[]> {
  const referrers = (await store.listFolders('tables')).map((name) => ({
    folder: tableFolder(name),
    title: `table ${name}`,
  }));
  for (const name of await store.listFolders('runs')) {
    for (const child of await store.listFolders(`runs/${name}`)) {
      const folder = `runs/${name}/${child}`;
      if (await hasSpec(store, folder))
        referrers.push({ folder: executionKeys.manifest(folder), title: `run ${name} (${child})` });
    }
  }
  return referrers;
}

async function hasSpec(store: ObjectStore, folder: string): Promise<boolean> {
  const bytes = await readIfPresent(store, executionKeys.spec(folder));
  return bytes !== undefined && !isRemovedSpec(bytes);
}

/**
 * Adds to {@link REFERENCED} the images below a folder that rows of the referrers name by `image_key`, in any version that can still be
 * read. If a log cannot be read, all Parquet files next to it count.
 *
 * @throws `SQL_FAILED`, `STORAGE_…`
 */
export async function addImageReferences(
  db: DuckDb,
  store: ObjectStore,
  parent: string,
  referrers: readonly Referrer[],
): Promise<void> {
  for (const { folder, title } of referrers) {
    let batch: ObjectEntry[] = [];
    for await (const file of listReadableFiles(store, folder)) {
      batch.push(file);
      if (batch.length < FILES_AT_ONCE) continue;
      await addKeysOf(db, store, parent, title, batch);
      batch = [];
    }
    if (batch.length > 0) await addKeysOf(db, store, parent, title, batch);
  }
}

/** The data files of all readable versions. */
async function* listReadableFiles(store: ObjectStore, folder: string): AsyncGenerator<ObjectEntry> {
  const known = await readKnownFiles(store, folder).catch((error: unknown) => {
    if (!(error instanceof PixlakeError) || !UNREADABLE.has(error.code)) throw error;
    return 'all' as const;
  });
  if (known === undefined) return;
  for await (const entry of store.list(folder)) {
    const { key } = entry;
    const isData = key.endsWith('.parquet') && !key.includes('/_delta_log/');
    if (known === 'all' ? isData : known.current.has(key) || known.earlier.has(key)) yield entry;
  }
  if (known === 'all') return;
  // Shallow clones have files of other tables.
  for (const key of [...known.current, ...known.earlier]) {
    const entry = key.startsWith(`${folder}/`) ? undefined : await store.stat(key);
    if (entry !== undefined) yield entry;
  }
}

const UNREADABLE = new Set<PixlakeError['code']>(['TABLE_CORRUPT', 'TABLE_FEATURE_UNSUPPORTED']);

async function addKeysOf(
  db: DuckDb,
  store: ObjectStore,
  parent: string,
  title: string,
  files: readonly ObjectEntry[],
): Promise<void> {
  const paths = (await db.locate(store, files)).map(quoteText).join(', ');
  const rows = `read_parquet([${paths}], union_by_name = true, hive_partitioning = false)`;
  const columns = await db.rows<{ column_name: string }>(`DESCRIBE SELECT * FROM ${rows}`);
  if (!columns.some(({ column_name: name }) => name.toLowerCase() === 'image_key')) return;
  // A range, so DuckDB skips row groups by their bounds; "0" comes after "/".
  await db.run(`
    INSERT INTO ${REFERENCED} SELECT DISTINCT image_key, ${quoteText(title)} FROM ${rows}
    WHERE image_key >= ${quoteText(`${parent}/`)} AND image_key < ${quoteText(`${parent}0`)}`);
}
