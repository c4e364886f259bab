import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openAppender } from '../engine/appender.ts';
import { type DuckDb, openDuckDb } from '../engine/open-duckdb.ts';
import { quoteName, quoteText } from '../engine/sql-text.ts';
import { writeDataFiles } from '../engine/write-data-files.ts';
import { PixlakeError } from '../errors.ts';
import type { ModelSession } from '../model/open-session.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AddAction } from '../table/delta-actions.ts';
import { type Execution, executionKeys, shardName } from './execution.ts';
import { computedColumns, selectLineage } from './manifest-columns.ts';
import { type FailedImage, type ProcessedImage, processImages, type ShardItem } from './process-images.ts';

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

/** What working on a shard needs. */
export interface ShardContext {
  readonly store: ObjectStore;
  /** Object key of the execution's folder. */
  readonly folder: string;
  readonly execution: Execution;
  readonly session: ModelSession | undefined;
  readonly isCancelled: () => boolean;
  /** Called for every batch with the images written and failed in it. */
  readonly onBatch: (imageCount: number, errorCount: number) => void;
}

/** Images in work at once: bounds memory, and is the model's batch. */
const BATCH_SIZE = 16;

/**
 * Works on one shard: reads its rows from the plan, writes its images, its part of the manifest, its errors, and last its marker. Doing it
 * again, after a crash at any point, writes the same bytes.
 *
 * @throws `INTERRUPTED` when cancelled, `STORAGE_…`
 */
export async function processShard(context: ShardContext, shard: number): Promise<ShardMarker> {
  const { store, folder, execution } = context;
  const scratchDir = await store.makeScratchDir();
  try {
    using db = await openDuckDb({ scratchDir, threads: 1 });
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
    let imageCount = 0;
    let errorCount = 0;
    let imageBytes = 0;
    const items = await readItems(db, context, shard);
    for (let start = 0; start < items.length; start += BATCH_SIZE) {
      if (context.isCancelled()) throw new PixlakeError('INTERRUPTED', `shard ${shard} was stopped`);
      const results = await processImages(context, shard, items.slice(start, start + BATCH_SIZE));
      const images = results.filter((result): result is ProcessedImage => result.kind === 'image');
      const failures = results.filter((result): result is FailedImage => result.kind === 'failure');
      for (const image of images) {
        written.append([image.item.ordinal, ...columns.map(({ name }) => image.values[name] ?? null)]);
        imageBytes += Number(image.values['image_bytes']);
      }
      for (const { item, stage, error } of failures) {
        failed.append([item.id, item.copy, item.imageKey, stage, error.code, error.message]);
      }
      imageCount += images.length;
      errorCount += failures.length;
      context.onBatch(images.length, failures.length);
    }
    written.close();
    failed.close();
    const manifest = await writeManifest(db, context, shard, scratchDir);
    if (errorCount > 0) await writeErrors(db, context, shard, scratchDir);
    const marker: ShardMarker = { shard, imageCount, errorCount, imageBytes, manifest };
    await store.write(executionKeys.shard(folder, shard), Buffer.from(JSON.stringify(marker)));
    return marker;
  } finally {
    await rm(scratchDir, { recursive: true, force: true });
  }

  async function writeManifest(
    db: DuckDb,
    { execution: frozen }: ShardContext,
    number: number,
    scratch: string,
  ): Promise<AddAction | null> {
    const passed = execution.passedColumns.map((name) => `plan.${quoteName(name)}`);
    const computed = computedColumns(context.session?.card).map(({ name }) => `written.${quoteName(name)}`);
    const adds = await writeDataFiles(db, store, {
      query: `SELECT ${[...passed, ...computed, ...selectLineage(frozen)].join(', ')}
              FROM written JOIN (${selectPlan(context, number)}) plan USING (__ordinal) ORDER BY __ordinal, written."copy"`,
      schema: frozen.manifestSchema,
      partitionColumns: [],
      folder: executionKeys.manifest(folder),
      fileName: `part-${shardName(number)}.parquet`,
      scratchDir: scratch,
    });
    return adds[0] ?? null;
  }
}

function selectPlan({ store, folder }: ShardContext, shard: number): string {
  return `FROM read_parquet(${quoteText(store.locate(executionKeys.plan(folder)))}, hive_partitioning = false) WHERE __shard = ${shard}`;
}

async function readItems(db: DuckDb, context: ShardContext, shard: number): Promise<ShardItem[]> {
  const rows = await db.rows<{ ordinal: bigint; id: string; key: string | null; sha256: string | null }>(`
    SELECT __ordinal AS ordinal, __id AS id, __image_key AS key, __image_sha256 AS sha256
    FROM (${selectPlan(context, shard)}) ORDER BY __ordinal`);
  const { copies } = context.execution.run;
  return rows.flatMap(({ ordinal, id, key, sha256 }) =>
    Array.from({ length: copies }, (_, copy) => ({ ordinal, id, copy, imageKey: key, sha256 })),
  );
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
