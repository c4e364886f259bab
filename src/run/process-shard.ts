import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openAppender, type TableAppender } from '../duckdb/appender.ts';
import type { ModelSession } from '../model/open-session.ts';
import { valuesPerImage } from '../model/value-counts.ts';
import { quoteName, quoteText } from '../sql/sql-text.ts';
import { casedFileStem, fileStem } from '../storage/file-stem.ts';
import { executionKeys, imagesPerRow, numberName } from './execution.ts';
import { readBox } from './crop-columns.ts';
import { ERROR_COLUMNS } from './error-columns.ts';
import { computedColumns, type ManifestColumn } from './manifest-columns.ts';
import type { ShardContext } from './shard-context.ts';
import { type ProcessedImage, processImages } from './process-images.ts';
import type { ShardFile, ShardMarker } from './marker-schema.ts';
import { placeMarker, readMarker } from './shard-marker.ts';
import { selectTaken } from './select-taken.ts';
import { sha256Of } from '../storage/hash-file.ts';
import { workInOrder } from './work-in-order.ts';
import type { FailedImage, ShardItem } from './shard-item.ts';

/** Images in work at once where no model sets its own batch; bounds memory. */
const BATCH_SIZE = 16;

/** Images in work at once at most, whatever a model card asks for. */
const MAX_BATCH_SIZE = 64;

/** Batches in work at once where the network is waited for, and bytes of what a model takes of them. */
const MAX_BATCHES = 8;
const MAX_MODEL_BYTES = 128 * 1024 ** 2;

/**
 * Works on one shard: reads its rows from the plan, writes its images, its part of the manifest, its errors, and last its marker. A shard that has
 * a marker is left as it is, and where two work on one shard the marker that is placed first holds.
 *
 * @throws `INTERRUPTED`, `RUN_CANCELLED`, `RUN_CORRUPT`, `STORAGE_…`
 */
export async function processShard(context: ShardContext, shard: number): Promise<ShardMarker> {
  const { store, folder } = context;
  const present = await readMarker(store, folder, shard);
  if (present !== undefined) {
    context.onBatch(present);
    return present;
  }
  const columns = computedColumns(context.session?.card);
  await context.plan.load(shard);
  await createTables(context, columns);
  const counts = await processRows(context, shard, columns);
  const part = counts.imageCount === 0 ? null : await writePart(context, shard, columns);
  const errors = counts.errorCount === 0 ? null : await writeErrors(context, shard);
  return placeMarker(store, folder, { shard, ...counts, part, errors });
}

/** Makes the tables that a shard fills: `written` and `failed`. */
async function createTables({ db }: ShardContext, columns: readonly ManifestColumn[]): Promise<void> {
  const define = (defined: readonly { readonly name: string; readonly type: string }[]): string =>
    defined.map(({ name, type }) => `${quoteName(name)} ${type}`).join(', ');
  await db.run(`
    CREATE OR REPLACE TABLE written (__ordinal BIGINT, ${define(columns)});
    CREATE OR REPLACE TABLE failed (__ordinal BIGINT, ${define(ERROR_COLUMNS)})`);
}

type ShardCounts = Pick<ShardMarker, 'imageCount' | 'takenCount' | 'errorCount' | 'imageBytes'>;

/** Writes the shard's images and fills the tables `written` and `failed`. */
async function processRows(
  context: ShardContext,
  shard: number,
  columns: readonly ManifestColumn[],
): Promise<ShardCounts> {
  const { db } = context;
  const written = await openAppender(db, 'written', ['BIGINT', ...columns.map(({ type }) => type)]);
  const failed = await openAppender(db, 'failed', ['BIGINT', ...ERROR_COLUMNS.map(({ type }) => type)]);
  const isRetry = context.execution.retry !== undefined;
  const takesOver = context.execution.takesOver !== undefined;
  const rows = await db.rows<ShardRow>(`
    SELECT __ordinal AS ordinal, __id AS id, __image_key AS "imageKey", __image_sha256 AS sha256, ${readBox(context.execution.run)} AS box,
      ${isRetry ? '__first_ordinal' : '__ordinal'} AS "firstOrdinal", ${isRetry ? '__copy' : 'NULL'} AS "onlyCopy"
    FROM planned ${takesOver ? 'WHERE __taken IS NULL' : ''} ORDER BY 1`);
  const takenCount = takesOver ? await countTaken(context) : 0;
  const total = { imageCount: takenCount, takenCount, errorCount: 0, imageBytes: 0 };
  context.onBatch(total);
  const work = async (batch: readonly ShardItem[]): Promise<(ProcessedImage | FailedImage)[]> => {
    context.throwIfStopped();
    return processImages(context, batch);
  };
  for await (const results of workInOrder(toBatches(rows, context, shard), batchesAtOnce(context), work)) {
    const counts = appendResults(results, columns, written, failed);
    total.imageCount += counts.imageCount;
    total.errorCount += counts.errorCount;
    total.imageBytes += counts.imageBytes;
    context.onBatch(counts);
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
): Omit<ShardCounts, 'takenCount'> {
  let errorCount = 0;
  let imageBytes = 0;
  for (const result of results) {
    if (result.kind === 'image') {
      const { item, image } = result;
      written.append([item.ordinal, ...columns.map((column) => column.valueOf(image))]);
      imageBytes += image.rendered.encoded.length;
    } else {
      failed.append([result.item.ordinal, ...ERROR_COLUMNS.map((column) => column.valueOf(result))]);
      errorCount += 1;
    }
  }
  return { imageCount: results.length - errorCount, errorCount, imageBytes };
}

async function countTaken({ db }: ShardContext): Promise<number> {
  const [row] = await db.rows<{ count: bigint | null }>(
    'SELECT sum(len(__taken))::BIGINT AS count FROM planned',
  );
  return Number(row?.count ?? 0);
}

interface ShardRow extends Omit<ShardItem, 'copy' | 'stem'> {
  /** The copy that a retry makes again; null where all are made. */
  readonly onlyCopy: number | null;
}

function batchSizeOf(session: ModelSession | undefined): number {
  return Math.min(session?.card.batchSize ?? BATCH_SIZE, MAX_BATCH_SIZE);
}

/** Batches depend on the shard alone, so a model sees the same ones whenever the shard is done again. */
function* toBatches(rows: readonly ShardRow[], context: ShardContext, shard: number): Generator<ShardItem[]> {
  const { execution, session } = context;
  const size = batchSizeOf(session);
  const folder = executionKeys.images(context.folder, shard);
  const stems = stemsOf(rows);
  let batch: ShardItem[] = [];
  for (const [index, row] of rows.entries()) {
    // One by one: copying all of a row makes objects that are slow to read.
    const { ordinal, firstOrdinal, id, imageKey, sha256, box, onlyCopy } = row;
    const stem = `${folder}/${stems[index] ?? ''}`;
    for (let made = 0; made < imagesPerRow(execution); made++) {
      batch.push({ ordinal, firstOrdinal, id, stem, copy: onlyCopy ?? made, imageKey, sha256, box });
      if (batch.length < size) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

/** File stems of which no two ids share one that differs in case alone, since the images of a shard share a folder. */
function stemsOf(rows: readonly ShardRow[]): string[] {
  const stems = rows.map(({ id }) => fileStem(id));
  const isUnique = new Set(stems.map((stem) => stem.toLowerCase())).size === stems.length;
  // A retry has a row for each copy of an image.
  return isUnique ? stems : tellCaseApart(rows, stems);
}

function tellCaseApart(rows: readonly ShardRow[], stems: readonly string[]): string[] {
  const idsOf = new Map<string, Set<string>>();
  for (const [index, { id }] of rows.entries()) {
    const folded = stems[index]?.toLowerCase() ?? '';
    idsOf.set(folded, (idsOf.get(folded) ?? new Set()).add(id));
  }
  return rows.map(({ id }, index) => {
    const stem = stems[index] ?? '';
    return idsOf.get(stem.toLowerCase())?.size === 1 ? stem : casedFileStem(id);
  });
}

/** Other batches are computed while one waits for the network; what a model takes of them lies in memory meanwhile. */
function batchesAtOnce({ source, store, session }: ShardContext): number {
  if (source.remote === undefined && store.remote === undefined) return 1;
  const batchBytes =
    session === undefined ? 1 : batchSizeOf(session) * valuesPerImage(session.card.input) * 4;
  return Math.max(1, Math.min(MAX_BATCHES, Math.floor(MAX_MODEL_BYTES / batchBytes)));
}

async function writePart(
  context: ShardContext,
  shard: number,
  columns: readonly ManifestColumn[],
): Promise<ShardFile> {
  const passed = context.execution.passedColumns.map((name) => `planned.${quoteName(name)}`);
  const computed = columns.map(({ name }) => name);
  const selected = ['__ordinal', ...passed, ...computed.map((name) => `written.${quoteName(name)}`)].join(
    ', ',
  );
  const written = `SELECT ${selected} FROM written JOIN planned USING (__ordinal)`;
  const taken = context.execution.takesOver === undefined ? '' : `UNION ALL ${selectTaken(passed, computed)}`;
  const query = `FROM (${written} ${taken}) ORDER BY __ordinal, "copy"`;
  return writeShardFile(context, shard, executionKeys.parts(context.folder), query);
}

async function writeErrors(context: ShardContext, shard: number): Promise<ShardFile> {
  return writeShardFile(context, shard, executionKeys.errors(context.folder), 'FROM failed');
}

/** Writes rows as a Parquet file that is named by its contents: the same rows have the same name, and other ones never replace them. */
async function writeShardFile(
  { db, store, scratchDir }: ShardContext,
  shard: number,
  folder: string,
  query: string,
): Promise<ShardFile> {
  const path = join(scratchDir, 'shard.parquet');
  await db.run(`COPY (${query}) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION snappy)`);
  const bytes = await readFile(path);
  const sha256 = sha256Of(bytes);
  const name = `${numberName(shard)}-${sha256.slice(0, 8)}.parquet`;
  await store.moveIn(`${folder}/${name}`, path);
  return { name, sizeBytes: bytes.length, sha256 };
}
