import { join } from 'node:path';
import { openAppender, type TableAppender } from '../engine/appender.ts';
import { quoteName, quoteText } from '../engine/sql-text.ts';
import { writeDataFiles } from '../engine/write-data-files.ts';
import { PixlakeError } from '../errors.ts';
import type { AddAction } from '../table/delta-actions.ts';
import { executionKeys, type ShardMarker, shardName } from './execution.ts';
import { computedColumns, type ManifestColumn, selectLineage } from './manifest-columns.ts';
import type { ShardContext } from './shard-context.ts';
import { type FailedImage, type ProcessedImage, processImages, type ShardItem } from './process-images.ts';
import { workInOrder } from './work-in-order.ts';

/** Images in work at once where no model sets its own batch; bounds memory. */
const BATCH_SIZE = 16;

/** Images in work at once at most, whatever a model card asks for. */
const MAX_BATCH_SIZE = 64;

/**
 * Works on one shard: reads its rows from the plan, writes its images, its part of the manifest, its errors, and last its marker. Doing it
 * again, after a crash at any point, writes the same bytes.
 *
 * @throws `INTERRUPTED` when cancelled, `STORAGE_…`
 */
export async function processShard(context: ShardContext, shard: number): Promise<ShardMarker> {
  const { store, folder } = context;
  const columns = computedColumns(context.session?.card);
  await createTables(context, shard, columns);
  const counts = await processRows(context, shard, columns);
  const manifest = await writeManifest(context, shard, columns);
  if (counts.errorCount > 0) await writeErrors(context, shard);
  const marker: ShardMarker = { shard, ...counts, manifest };
  await store.write(executionKeys.shard(folder, shard), Buffer.from(JSON.stringify(marker)));
  return marker;
}

/** Reads the shard's rows of the plan into `planned`, and makes the tables that it fills: `written` and `failed`. */
async function createTables(
  { db, store, folder }: ShardContext,
  shard: number,
  columns: readonly ManifestColumn[],
): Promise<void> {
  const key = executionKeys.plan(folder);
  const entry = await store.stat(key);
  if (entry === undefined) throw new PixlakeError('OBJECT_NOT_FOUND', `${store.locate(key)} is gone`);
  const [path = ''] = await db.locate(store, [entry]);
  const definitions = columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(', ');
  await db.run(`
    CREATE OR REPLACE TABLE planned AS
      FROM read_parquet(${quoteText(path)}, hive_partitioning = false) WHERE __shard = ${shard};
    CREATE OR REPLACE TABLE written (__ordinal BIGINT, ${definitions});
    CREATE OR REPLACE TABLE failed
      (id VARCHAR, "copy" INTEGER, source_key VARCHAR, stage VARCHAR, code VARCHAR, message VARCHAR)`);
}

type ShardCounts = Pick<ShardMarker, 'imageCount' | 'errorCount' | 'imageBytes'>;

/** Writes the shard's images and fills the tables `written` and `failed`. */
async function processRows(
  context: ShardContext,
  shard: number,
  columns: readonly ManifestColumn[],
): Promise<ShardCounts> {
  const { db } = context;
  const written = await openAppender(db, 'written', ['BIGINT', ...columns.map(({ type }) => type)]);
  const failed = await openAppender(db, 'failed', [
    'VARCHAR',
    'INTEGER',
    'VARCHAR',
    'VARCHAR',
    'VARCHAR',
    'VARCHAR',
  ]);
  const rows = await db.rows<ShardRow>(
    'SELECT __ordinal AS ordinal, __id AS id, __image_key AS "imageKey", __image_sha256 AS sha256 FROM planned ORDER BY 1',
  );
  const total = { imageCount: 0, errorCount: 0, imageBytes: 0 };
  const work = async (batch: readonly ShardItem[]): Promise<(ProcessedImage | FailedImage)[]> => {
    if (context.isCancelled()) throw new PixlakeError('INTERRUPTED', `shard ${shard} was stopped`);
    return processImages(context, shard, batch);
  };
  for await (const results of workInOrder(toBatches(rows, context), batchesAtOnce(context), work)) {
    const counts = appendResults(results, columns, written, failed);
    total.imageCount += counts.imageCount;
    total.errorCount += counts.errorCount;
    total.imageBytes += counts.imageBytes;
    context.onBatch(counts.imageCount, counts.errorCount);
  }
  written.close();
  failed.close();
  return total;
}

function appendResults(
  results: readonly (ProcessedImage | FailedImage)[],
  columns: readonly ManifestColumn[],
  written: TableAppender,
  failed: TableAppender,
): ShardCounts {
  let errorCount = 0;
  let imageBytes = 0;
  for (const result of results) {
    if (result.kind === 'image') {
      const { item, image } = result;
      written.append([item.ordinal, ...columns.map((column) => column.valueOf(image))]);
      imageBytes += image.rendered.encoded.length;
    } else {
      const { item, stage, error } = result;
      failed.append([item.id, item.copy, item.imageKey, stage, error.code, error.message]);
      errorCount += 1;
    }
  }
  return { imageCount: results.length - errorCount, errorCount, imageBytes };
}

type ShardRow = Omit<ShardItem, 'copy'>;

/** Batches depend on the shard alone, so that a model sees the same ones whenever the shard is done again. */
function* toBatches(rows: readonly ShardRow[], { execution, session }: ShardContext): Generator<ShardItem[]> {
  const size = Math.min(session?.card.batchSize ?? BATCH_SIZE, MAX_BATCH_SIZE);
  let batch: ShardItem[] = [];
  for (const row of rows) {
    for (let copy = 0; copy < execution.run.copies; copy++) {
      batch.push({ ordinal: row.ordinal, id: row.id, copy, imageKey: row.imageKey, sha256: row.sha256 });
      if (batch.length < size) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

/** Other batches are computed while one waits for the network. */
function batchesAtOnce({ source, store }: ShardContext): number {
  return source.remote === undefined && store.remote === undefined ? 1 : 8;
}

async function writeManifest(
  { db, scratchDir, store, folder, execution }: ShardContext,
  shard: number,
  columns: readonly ManifestColumn[],
): Promise<AddAction | null> {
  const passed = execution.passedColumns.map((name) => `planned.${quoteName(name)}`);
  const computed = columns.map(({ name }) => `written.${quoteName(name)}`);
  const selected = [...passed, ...computed, ...selectLineage(execution)].join(', ');
  const [added] = await writeDataFiles(db, store, {
    query: `
      SELECT ${selected} FROM written JOIN planned USING (__ordinal)
      ORDER BY __ordinal, written."copy"`,
    schema: execution.manifestSchema,
    partitionColumns: [],
    folder: executionKeys.manifest(folder),
    fileName: `part-${shardName(shard)}.parquet`,
    scratchDir,
  });
  return added ?? null;
}

async function writeErrors({ db, store, scratchDir, folder }: ShardContext, shard: number): Promise<void> {
  const name = `part-${shardName(shard)}.parquet`;
  const path = join(scratchDir, name);
  await db.run(`COPY (FROM failed) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd)`);
  await store.moveIn(`${executionKeys.errors(folder)}/${name}`, path);
}
