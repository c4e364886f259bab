import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openAppender } from '../engine/appender.ts';
import { type DuckDb, openDuckDb } from '../engine/open-duckdb.ts';
import { quoteName, quoteText } from '../engine/sql-text.ts';
import { writeDataFiles } from '../engine/write-data-files.ts';
import { PixlakeError } from '../errors.ts';
import type { AddAction } from '../table/delta-actions.ts';
import { executionKeys, shardName } from './execution.ts';
import { computedColumns, selectLineage } from './manifest-columns.ts';
import type { ShardContext } from './shard-context.ts';
import { processImages, type ShardItem } from './process-images.ts';

/** What a finished shard left: the contents of its marker `shards/<shard>.json`, written after everything it speaks of. */
export interface ShardMarker {
  readonly shard: number;
  readonly imageCount: number;
  readonly errorCount: number;
  /** Bytes of the written images. */
  readonly imageBytes: number;
  /** The shard's part of the manifest, ready to be committed; null where no image was written. */
  readonly manifest: AddAction | null;
}

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
  const scratchDir = await store.makeScratchDir();
  try {
    using db = await openDuckDb({ scratchDir, threads: 1 });
    const counts = await processRows(db, context, shard);
    const manifest = await writeManifest(db, context, shard, scratchDir);
    if (counts.errorCount > 0) await writeErrors(db, context, shard, scratchDir);
    const marker: ShardMarker = { shard, ...counts, manifest };
    await store.write(executionKeys.shard(folder, shard), Buffer.from(JSON.stringify(marker)));
    return marker;
  } finally {
    await rm(scratchDir, { recursive: true, force: true });
  }
}

type ShardCounts = Pick<ShardMarker, 'imageCount' | 'errorCount' | 'imageBytes'>;

/** Writes the shard's images and fills the tables `written` and `failed`. */
async function processRows(db: DuckDb, context: ShardContext, shard: number): Promise<ShardCounts> {
  const columns = computedColumns(context.session?.card);
  const definitions = columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(', ');
  await db.run(`CREATE TABLE written (__ordinal BIGINT, ${definitions})`);
  await db.run(
    'CREATE TABLE failed (id VARCHAR, "copy" INTEGER, source_key VARCHAR, stage VARCHAR, code VARCHAR, message VARCHAR)',
  );
  const written = await openAppender(db, 'written', ['BIGINT', ...columns.map(({ type }) => type)]);
  const failed = await openAppender(db, 'failed', [
    'VARCHAR',
    'INTEGER',
    'VARCHAR',
    'VARCHAR',
    'VARCHAR',
    'VARCHAR',
  ]);
  const rows = await readRows(db, context, shard);
  let imageCount = 0;
  let errorCount = 0;
  let imageBytes = 0;
  for (const batch of toBatches(rows, context)) {
    if (context.isCancelled()) throw new PixlakeError('INTERRUPTED', `shard ${shard} was stopped`);
    const results = await processImages(context, shard, batch);
    for (const result of results) {
      if (result.kind === 'image') {
        written.append([result.item.ordinal, ...columns.map(({ name }) => result.values[name] ?? null)]);
        imageBytes += Number(result.values['image_bytes']);
      } else {
        const { item, stage, error } = result;
        failed.append([item.id, item.copy, item.imageKey, stage, error.code, error.message]);
      }
    }
    const failures = results.filter(({ kind }) => kind === 'failure').length;
    imageCount += results.length - failures;
    errorCount += failures;
    context.onBatch(results.length - failures, failures);
  }
  written.close();
  failed.close();
  return { imageCount, errorCount, imageBytes };
}

type ShardRow = Omit<ShardItem, 'copy'>;

async function readRows(db: DuckDb, context: ShardContext, shard: number): Promise<ShardRow[]> {
  return db.rows<ShardRow>(`
    SELECT __ordinal AS ordinal, __id AS id, __image_key AS "imageKey", __image_sha256 AS sha256
    FROM (${selectPlan(context, shard)}) ORDER BY __ordinal`);
}

/** Batches depend on the shard alone, so that a model sees the same ones whenever the shard is done again. */
function* toBatches(rows: readonly ShardRow[], { execution, session }: ShardContext): Generator<ShardItem[]> {
  const size = Math.min(session?.card.batchSize ?? BATCH_SIZE, MAX_BATCH_SIZE);
  let batch: ShardItem[] = [];
  for (const row of rows) {
    for (let copy = 0; copy < execution.run.copies; copy++) {
      batch.push({ ...row, copy });
      if (batch.length < size) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

function selectPlan({ store, folder }: ShardContext, shard: number): string {
  const plan = quoteText(store.locate(executionKeys.plan(folder)));
  return `FROM read_parquet(${plan}, hive_partitioning = false) WHERE __shard = ${shard}`;
}

async function writeManifest(
  db: DuckDb,
  context: ShardContext,
  shard: number,
  scratchDir: string,
): Promise<AddAction | null> {
  const { store, folder, execution, session } = context;
  const passed = execution.passedColumns.map((name) => `plan.${quoteName(name)}`);
  const computed = computedColumns(session?.card).map(({ name }) => `written.${quoteName(name)}`);
  const columns = [...passed, ...computed, ...selectLineage(execution)].join(', ');
  const [added] = await writeDataFiles(db, store, {
    query: `
      SELECT ${columns} FROM written JOIN (${selectPlan(context, shard)}) plan USING (__ordinal)
      ORDER BY __ordinal, written."copy"`,
    schema: execution.manifestSchema,
    partitionColumns: [],
    folder: executionKeys.manifest(folder),
    fileName: `part-${shardName(shard)}.parquet`,
    scratchDir,
  });
  return added ?? null;
}

async function writeErrors(
  db: DuckDb,
  context: ShardContext,
  shard: number,
  scratchDir: string,
): Promise<void> {
  const name = `part-${shardName(shard)}.parquet`;
  const path = join(scratchDir, name);
  await db.run(`COPY (FROM failed) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd)`);
  await context.store.moveIn(`${executionKeys.errors(context.folder)}/${name}`, path);
}
