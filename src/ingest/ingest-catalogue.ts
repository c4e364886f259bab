import { withDuckDb } from '../duckdb/with-duckdb.ts';
import { randomUUID } from 'node:crypto';
import { checkNotAttached } from '../catalog/attached-table.ts';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { quoteName } from '../sql/sql-text.ts';
import { selectSnapshot } from '../catalog/table-view.ts';
import { parseErrorLimit } from '../error-limit.ts';
import { PixlakeError } from '../errors.ts';
import type { ImageStatus } from '../image/probe-image.ts';
import { createLake, ingestFolder, originalsFolder, tableFolder } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { DeltaStruct } from '../table/delta-schema.ts';
import { IMAGE_COLUMNS } from '../table/image-columns.ts';
import { readSnapshot } from '../table/read-snapshot.ts';
import type { Snapshot } from '../table/snapshot.ts';
import { transact } from '../table/transaction.ts';
import { checkOutcome } from './check-outcome.ts';
import { chooseImages, foldedId } from './choose-images.ts';
import type { DatasetSchema } from './dataset-schema.ts';
import { locateSource } from './locate-source.ts';
import { openImageSource } from './image-source.ts';
import { chooseSchema } from './infer-schema.ts';
import type { IngestProgress, IngestReport, IngestSpec } from './ingest-spec.ts';
import { datasetTypesOf, fitSchema, mergeRows, toTableSchema } from './merge-rows.ts';
import { type StagedRows, stageRows } from './stage-rows.ts';
import { storeOriginals } from './store-originals.ts';
import { watchFile } from './watch-file.ts';
import { stageLists } from './stage-lists.ts';
import { changesLimits, chooseLimits } from './table-limits.ts';

/** The context of an ingest. */
export interface IngestContext {
  readonly store: ObjectStore;
  /** Software that commits, such as `pixlake/0.1.0`. */
  readonly software: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: IngestProgress) => void;
}

const imageColumnNames = IMAGE_COLUMNS.map(({ name }) => name);
const imageColumnTypes = IMAGE_COLUMNS.map(({ name, type }) => `${name} ${type}`).join(', ');

/**
 * Ingests a CSV file and its images into a table: validates and stages the rows on disk, copies the originals, and merges new or
 * changed rows in one commit. Every row ends in the table or in one of the lists of the report, which are also written if the ingest fails because of them.
 *
 * @throws `SOURCE_NOT_FOUND`, `SOURCE_CHANGED`, `CSV_…`, `TAR_INVALID`, `INGEST_EMPTY`, `TOO_MANY_ERRORS`, `SCHEMA_MISMATCH`, `COMMIT_CONFLICT`, `WORKER_TOO_SMALL`, `STORAGE_…`
 */
export async function ingestCatalogue(context: IngestContext, spec: IngestSpec): Promise<IngestReport> {
  const startMs = performance.now();
  const { store, signal } = context;
  const table = spec.table ?? 'images';
  const maxErrors = spec.maxErrors === undefined ? undefined : parseErrorLimit(spec.maxErrors);
  const { csvPath, imagesPath } = await locateSource(spec);
  const folder = tableFolder(table);
  await createLake(store);
  await checkNotAttached(store, table);
  const base = await readSnapshot(store, folder);
  const limits = chooseLimits(spec, base);
  return withDuckDb(
    store,
    async (db, scratchDir) => {
      const report = (phase: IngestProgress['phase'], doneCount: number, totalCount?: number): void =>
        context.onProgress?.({ phase, doneCount, totalCount });
      const { schema, tableSchema, rowCount, repairedCount } = await readRows(
        db,
        csvPath,
        spec,
        base,
        (done) => {
          signal?.throwIfAborted();
          report('rows', done);
        },
      );
      await createImageTables(db, store, schema, base && { ...base, schema: tableSchema });
      const images = await openImageSource(imagesPath, schema.imageColumn !== undefined);
      await chooseImages(db, images, schema.imageColumn !== undefined, signal);
      const storedBytes = await storeOriginals(db, images, {
        store,
        folder: originalsFolder(table),
        limits,
        areLimitsNew: changesLimits(base, limits),
        signal,
        onImage: (done, total) => report('images', done, total),
      });
      await joinRowsWithImages(db, schema);
      const ingestedCount = await countOf(db, 'incoming');
      const { counts, publish } = await stageLists(db, schema, scratchDir);
      const listFolder = ingestFolder(table, newIngestId());
      const failure = await checkOutcome(db, schema, { csvPath, rowCount, ingestedCount, counts, maxErrors });
      if (failure !== undefined) throw withLists(failure, await publish(store, listFolder));
      report('commit', rowCount, rowCount);
      const merged = await transact(
        store,
        async (tryCount) => (tryCount === 0 ? base : await readSnapshot(store, folder)) ?? folder,
        async (transaction) => {
          const partitionBy = transaction.base?.partitionColumns ?? schema.partitionBy;
          const target = {
            store,
            partitionBy,
            scratchDir,
            software: context.software,
            source: csvPath,
            limits,
          };
          return mergeRows(db, schema, target, transaction);
        },
        signal,
      );
      return {
        table,
        schema: schema.name,
        rowCount,
        ingestedCount,
        withoutImageCount: counts.withoutImage,
        rejectedCount: counts.rejects,
        repairedCount,
        addedCount: merged.addedCount,
        changedCount: merged.changedCount,
        unchangedCount: ingestedCount - merged.addedCount - merged.changedCount,
        imagesWithoutRowCount: counts.imagesWithoutRow,
        imageStatusCounts: await countStatuses(db),
        storedBytes,
        version: merged.version,
        isCommitted: merged.isCommitted,
        newColumns: merged.newColumns,
        lists: await publish(store, listFolder),
        durationMs: performance.now() - startMs,
      };
    },
    { isForWriting: true, onDisk: true },
  );
}

/** Chooses the schema of a CSV file and stages its rows. This reads the file twice. @throws `SOURCE_CHANGED`, `CSV_…`, `SCHEMA_MISMATCH` */
async function readRows(
  db: DuckDb,
  csvPath: string,
  spec: IngestSpec,
  base: Snapshot | undefined,
  onRow: (rowCount: number) => void,
): Promise<StagedRows & { readonly schema: DatasetSchema; readonly tableSchema: DeltaStruct }> {
  const watch = await watchFile(csvPath);
  try {
    const chosen = await chooseSchema(csvPath, schemaOptions(spec, base));
    const schema = withPartitions(chosen, spec.partitionBy);
    // Checked before the long work, and again if another writer commits meanwhile.
    const tableSchema = fitSchema(base, toTableSchema(schema), spec.partitionBy);
    return { schema, tableSchema, ...(await stageRows(db, csvPath, schema, onRow)) };
  } finally {
    // A changed file may be the cause of any other error.
    await watch.throwIfChanged();
  }
}

function withLists({ code, message, remedy }: PixlakeError, lists: IngestReport['lists']): PixlakeError {
  const keys = Object.values(lists);
  const seeLists = keys.length === 0 ? [] : [`see ${keys.join(', ')} in the lake`];
  return new PixlakeError(code, message, {
    remedy: [...(remedy === undefined ? [] : [remedy]), ...seeLists].join('; '),
  });
}

function schemaOptions(spec: IngestSpec, base: Snapshot | undefined): Parameters<typeof chooseSchema>[1] {
  const { table = 'images', schema, idColumn, imageColumn } = spec;
  return {
    name: table,
    ...(base === undefined ? {} : { tableTypes: datasetTypesOf(base.schema) }),
    ...(schema === undefined ? {} : { schema }),
    ...(idColumn === undefined ? {} : { idColumn }),
    ...(imageColumn === undefined ? {} : { imageColumn }),
  };
}

/**
 * Fills `known_images`: for every image that a row needs, the id that names its original, whether another id of the table differs from it only in
 * case, and what the table already knows about the image.
 */
async function createImageTables(
  db: DuckDb,
  store: ObjectStore,
  schema: DatasetSchema,
  base: Snapshot | undefined,
): Promise<void> {
  await db.run(`
    CREATE TABLE stored_images (image_ref VARCHAR, ${imageColumnTypes});
    CREATE TABLE unread_images (image_ref VARCHAR, name VARCHAR, reason VARCHAR)`);
  const id = quoteName(schema.idColumn);
  const present =
    base === undefined
      ? `SELECT id, ${IMAGE_COLUMNS.map(({ name, type }) => `NULL::${type} AS ${name}`).join(', ')} FROM asked WHERE false`
      : `SELECT ${id} AS id, ${imageColumnNames.join(', ')} FROM (${await selectSnapshot(db, store, base)})`;
  // Numbers have no upper and lower case.
  const isText = schema.columns.some(({ name, type }) => name === schema.idColumn && type === 'VARCHAR');
  await db.run(`
    CREATE TABLE known_images AS
      WITH asked AS (SELECT __image_ref AS image_ref, ${id} AS id FROM staged_rows WHERE __image_ref IS NOT NULL),
        present AS (${present}),
        twins AS (
          SELECT ${foldedId('id')} AS folded FROM (SELECT id FROM asked UNION SELECT id FROM present) GROUP BY ALL HAVING count(*) > 1
        )
      SELECT DISTINCT ON (image_ref) image_ref, id::VARCHAR AS id, ${isText ? `${foldedId('id')} IN (FROM twins)` : 'false'} AS has_twin, ${imageColumnNames.join(', ')}
      FROM asked LEFT JOIN present USING (id)
      ORDER BY image_ref, image_key IS NULL, id`);
}

/** Fills `incoming` with every row that has an image, now or from an earlier ingest. */
async function joinRowsWithImages(db: DuckDb, schema: DatasetSchema): Promise<void> {
  await db.run('INSERT INTO images_without_row SELECT DISTINCT name, reason FROM unread_images');
  const fromStored = imageColumnNames.map(
    (name) => `CASE WHEN s.image_status IS NULL THEN k.${name} ELSE s.${name} END AS ${name}`,
  );
  await db.run(`
    CREATE TABLE row_images AS
      SELECT image_ref, ${fromStored.join(', ')} FROM stored_images s JOIN known_images k USING (image_ref)
      UNION ALL
      SELECT image_ref, ${imageColumnNames.join(', ')} FROM known_images ANTI JOIN stored_images USING (image_ref)
      WHERE image_status IS NOT NULL`);
  const columns = schema.columns.map((column) => `staged_rows.${quoteName(column.name)}`);
  await db.run(`
    CREATE TABLE incoming AS
      SELECT ${[...columns, ...imageColumnNames].join(', ')}
      FROM staged_rows JOIN row_images ON row_images.image_ref = __image_ref`);
}

async function countOf(db: DuckDb, table: string): Promise<number> {
  const [row] = await db.rows<{ count: bigint }>(`SELECT count(*) AS count FROM ${table}`);
  return Number(row?.count ?? 0);
}

async function countStatuses(db: DuckDb): Promise<Partial<Record<ImageStatus, number>>> {
  const rows = await db.rows<{ image_status: ImageStatus; count: bigint }>(
    'SELECT image_status, count(*) AS count FROM incoming GROUP BY ALL ORDER BY ALL',
  );
  return Object.fromEntries(rows.map((row) => [row.image_status, Number(row.count)]));
}

/** A unique id that sorts by time. */
function newIngestId(): string {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/gu, '');
  return `${time}-${randomUUID().slice(0, 8)}`;
}

function withPartitions(schema: DatasetSchema, partitionBy: readonly string[] | undefined): DatasetSchema {
  if (partitionBy === undefined) return schema;
  const names = schema.columns.map(({ name }) => name);
  const unknown = partitionBy.filter((name) => !names.includes(name) || name === schema.idColumn);
  if (unknown.length === 0) return { ...schema, partitionBy: [...partitionBy] };
  throw new PixlakeError('ARGUMENT_INVALID', `cannot partition by ${unknown.join(', ')}`, {
    remedy: `choose from: ${names.filter((name) => name !== schema.idColumn).join(', ')}`,
  });
}
