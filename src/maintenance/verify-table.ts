import { withDuckDb } from '../duckdb/with-duckdb.ts';
import { sha256Of } from '../storage/hash-file.ts';
import { findQueriedTable } from '../catalog/find-table.ts';
import { parseTableName, sqlNameOf } from '../sql/table-reference.ts';
import type { FoundTable } from '../catalog/found-table.ts';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { rowBatches } from '../duckdb/result-stream.ts';
import { quoteText } from '../sql/sql-text.ts';
import { locateFiles, selectSnapshot } from '../catalog/table-view.ts';
import { messageOf, PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { type DataFile, rowCountOf } from '../table/snapshot.ts';
import type { VerifyProblem } from './verify-problem.ts';
import { checkRunRows } from './check-run-rows.ts';
import { checkValues } from './check-values.ts';
import { checkCheckpoint, checkDataFile } from './check-checksums.ts';
import type { MaintenanceContext } from './maintenance-context.ts';

/** Result of verifying a table. */
export interface VerifyReport {
  readonly table: string;
  readonly version: number;
  readonly fileCount: number;
  readonly rowCount: number;
  /** Images whose bytes were compared with their checksum; 0 without a deep check. */
  readonly imageCount: number;
  readonly problems: readonly VerifyProblem[];
}

/** Data files checked in one query. */
const CHUNK_SIZE = 200;

/** Images read at once. */
const CONCURRENCY = 8;

/**
 * Checks that a table is whole: every data file of its newest version exists, with the size and the number of rows in the log.
 * A deep check also compares files with their checksums, decodes every row, compares the values with the statistics in
 * the log, and the bytes of every image that the rows name with their sha256. The rows of a run must be the images, or the errors, that its end counts.
 *
 * @throws `TABLE_NOT_FOUND`, `TABLE_CORRUPT` if the log itself cannot be read
 */
export async function verifyTable(
  { store, signal }: MaintenanceContext,
  { table, isDeep = false }: { readonly table: string; readonly isDeep?: boolean },
): Promise<VerifyReport> {
  const reference = parseTableName(table);
  const found = await findQueriedTable(store, reference);
  const { files, version } = found.snapshot;
  const problems: VerifyProblem[] = [];
  let rowCount = 0;
  let imageCount = 0;
  await withDuckDb(store, async (db) => {
    for (let start = 0; start < files.length; start += CHUNK_SIZE) {
      signal?.throwIfAborted();
      const present = await checkObjects(found.store, files.slice(start, start + CHUNK_SIZE), problems);
      rowCount += await checkRows(db, found, present, isDeep, problems);
    }
    problems.push(...(await checkRunRows(found, reference.schema, rowCount)));
    if (isDeep) problems.push(...(await checkCheckpoint(found.store, found.snapshot.folder)));
    if (isDeep && problems.length === 0 && !found.isAttached)
      imageCount = await checkImages(db, found, problems, signal);
  });
  return { table: sqlNameOf(reference), version, fileCount: files.length, rowCount, imageCount, problems };
}

async function checkObjects(
  store: ObjectStore,
  files: readonly DataFile[],
  problems: VerifyProblem[],
): Promise<DataFile[]> {
  const entries = await Promise.all(files.map(({ key }) => store.stat(key)));
  return files.filter(({ key, sizeBytes }, index) => {
    const size = entries[index]?.sizeBytes;
    if (size === sizeBytes) return true;
    const problem = size === undefined ? 'is missing' : `has ${size} bytes, not ${sizeBytes}`;
    problems.push({ key, problem });
    return false;
  });
}

async function checkRows(
  db: DuckDb,
  { store, snapshot }: FoundTable,
  files: readonly DataFile[],
  isDeep: boolean,
  problems: VerifyProblem[],
): Promise<number> {
  let rowCount = 0;
  for (const file of files) {
    const { key } = file;
    try {
      const [path = ''] = (await locateFiles(db, store, [file])).map(quoteText);
      const [counted] = await db.rows<{ count: bigint }>(
        `SELECT num_rows AS count FROM parquet_file_metadata(${path})`,
      );
      const count = Number(counted?.count);
      rowCount += count;
      const stated = rowCountOf(file);
      if (stated !== undefined && stated !== count)
        problems.push({ key, problem: `has ${count} rows, not ${stated}` });
      if (isDeep) {
        const found = await checkValues(db, store, snapshot, file);
        problems.push(...found.map((problem) => ({ key, problem })));
      }
      if (isDeep) problems.push(...(await checkDataFile(store, file)));
    } catch (error) {
      problems.push({ key, problem: `cannot be read: ${messageOf(error).split('\n', 1).join('')}` });
    }
  }
  return rowCount;
}

interface ImageReference {
  readonly key: string;
  readonly sha256: string;
}

async function checkImages(
  db: DuckDb,
  { store, snapshot }: FoundTable,
  problems: VerifyProblem[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const names = new Set(snapshot.schema.fields.map(({ name }) => name));
  if (!names.has('image_key') || !names.has('image_sha256')) return 0;
  const rows = await selectSnapshot(db, store, snapshot);
  const result = await db.connection.stream(
    `SELECT image_key, image_sha256 FROM (${rows}) WHERE image_key IS NOT NULL AND image_sha256 IS NOT NULL`,
  );
  let imageCount = 0;
  for await (const batch of rowBatches(result)) {
    const images = batch.getRows().map(([key, sha256]) => ({ key: String(key), sha256: String(sha256) }));
    for (let start = 0; start < images.length; start += CONCURRENCY) {
      signal?.throwIfAborted();
      const found = await Promise.all(
        images.slice(start, start + CONCURRENCY).map((image) => checkImage(store, image)),
      );
      problems.push(...found.filter((problem) => problem !== undefined));
      imageCount += found.length;
    }
  }
  return imageCount;
}

async function checkImage(
  store: ObjectStore,
  { key, sha256 }: ImageReference,
): Promise<VerifyProblem | undefined> {
  try {
    const found = sha256Of(await store.read(key));
    return found === sha256 ? undefined : { key, problem: `has the sha256 ${found}, not ${sha256}` };
  } catch (error) {
    if (!(error instanceof PixlakeError)) throw error;
    const problem = error.code === 'OBJECT_NOT_FOUND' ? 'is missing' : `cannot be read: ${error.message}`;
    return { key, problem };
  }
}
