import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { quoteName, quoteText } from '../sql/sql-text.ts';
import { writeDataFiles } from '../duckdb/write-data-files.ts';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readIfPresent } from '../storage/read-if-present.ts';
import { encodeStored } from '../storage/stored-json.ts';
import type { AddAction } from '../table/delta-actions.ts';
import type { DeltaStruct } from '../table/delta-schema.ts';
import { fileKeyOf } from '../table/file-identity.ts';
import { ERRORS_SCHEMA } from './error-columns.ts';
import {
  executionKeys,
  folderOf,
  imagesPerRow,
  numberName,
  rowsOf,
  shardsOf,
  tablesFolderOf,
} from './execution.ts';
import type { Execution } from './execution-schema.ts';
import { computedNames, selectLineage } from './manifest-columns.ts';
import type { ShardFile, ShardMarker } from './marker-schema.ts';
import { readMarker } from './shard-marker.ts';
import { sha256Of } from '../storage/hash-file.ts';
import { workInOrder } from './work-in-order.ts';
import { readBlock, type BlockMarker } from './block-marker.ts';

/** Shards of a block whose markers or files are missing or damaged, so they are not done. */
export interface DamagedShards {
  readonly kind: 'damaged';
  readonly shards: readonly number[];
}

/** Context for merging a block. */
export interface MergeContext {
  readonly db: DuckDb;
  readonly store: ObjectStore;
  readonly execution: Execution;
  readonly scratchDir: string;
}

const FILES_AT_ONCE = 32;

/**
 * Merges the parts and errors of a block's shards into one data file each, checks that the block has every image exactly once, and places
 * the block's marker. Returns the valid marker, or the shards that must be done again.
 *
 * @throws `RUN_CORRUPT` if images are missing or duplicate, `STORAGE_…`
 */
export async function mergeBlock(context: MergeContext, block: number): Promise<BlockMarker | DamagedShards> {
  const { store, execution } = context;
  const folder = folderOf(execution);
  const { first, count: shardCount } = shardsOf(execution, block);
  const parts: string[] = [];
  const errors: string[] = [];
  const damaged: number[] = [];
  const totals = { imageCount: 0, takenCount: 0, errorCount: 0, imageBytes: 0 };
  const shards = Array.from({ length: shardCount }, (_, index) => first + index);
  const read = async (shard: number): Promise<ReadShard | undefined> => readShard(context, folder, shard);
  let shard = first;
  for await (const found of workInOrder(shards, FILES_AT_ONCE, read)) {
    if (found === undefined) damaged.push(shard);
    else {
      totals.imageCount += found.marker.imageCount;
      totals.takenCount += found.marker.takenCount;
      totals.errorCount += found.marker.errorCount;
      totals.imageBytes += found.marker.imageBytes;
      if (found.part !== undefined) parts.push(found.part);
      if (found.errors !== undefined) errors.push(found.errors);
    }
    shard += 1;
  }
  if (damaged.length > 0) {
    // A shard with a marker would be skipped.
    await store.deleteMany(damaged.map((index) => executionKeys.shard(folder, index)));
    return { kind: 'damaged', shards: damaged };
  }
  if (parts.length + errors.length > 0) await checkWhole(context, block, parts, errors);
  const marker: BlockMarker = {
    block,
    shardCount,
    ...totals,
    manifest: await writeManifest(context, block, parts),
    errors: await writeErrors(context, block, errors),
  };
  return placeBlock(store, execution, marker);
}

interface ReadShard {
  readonly marker: ShardMarker;
  /** Local paths. */
  readonly part: string | undefined;
  readonly errors: string | undefined;
}

/** Reads the marker and files of a shard; `undefined` if one is missing or damaged. */
async function readShard(
  context: MergeContext,
  folder: string,
  shard: number,
): Promise<ReadShard | undefined> {
  const marker = await readMarker(context.store, folder, shard);
  if (marker === undefined) return undefined;
  const part = await fetchFile(context, executionKeys.parts(folder), marker.part);
  const errors = await fetchFile(context, executionKeys.errors(folder), marker.errors);
  return part === null || errors === null ? undefined : { marker, part, errors };
}

/** A local path of a file that matches its marker; null if it differs, `undefined` if it does not exist. */
async function fetchFile(
  { store, scratchDir }: MergeContext,
  folder: string,
  file: ShardFile | null,
): Promise<string | null | undefined> {
  if (file === null) return undefined;
  const key = `${folder}/${file.name}`;
  const bytes = await readIfPresent(store, key);
  if (bytes === undefined || sha256Of(bytes) !== file.sha256) return null;
  if (store.remote === undefined) return store.locate(key);
  const path = join(scratchDir, file.name);
  await writeFile(path, bytes);
  return path;
}

/** Counts images by their position in the plan: each ordinal and copy is written or failed, exactly once. */
async function checkWhole(
  { db, execution }: MergeContext,
  block: number,
  parts: readonly string[],
  errors: readonly string[],
): Promise<void> {
  const perRow = imagesPerRow(execution);
  const place = perRow === 1 ? '__ordinal' : `__ordinal * ${perRow} + "copy"`;
  const shards = shardsOf(execution, block);
  const { first } = rowsOf(execution, shards.first);
  const { end } = rowsOf(execution, shards.first + shards.count - 1);
  const sources = [
    ...(parts.length === 0 ? [] : [`SELECT ${place} AS place FROM ${readFiles(parts)}`]),
    ...(errors.length === 0 ? [] : [`SELECT ${place} AS place FROM ${readFiles(errors)}`]),
  ];
  const [found] = await db.rows<{ images: bigint; places: bigint; first: bigint; last: bigint }>(`
    SELECT count(*) AS images, count(DISTINCT place) AS places, min(place) AS first, max(place) AS last
    FROM (${sources.join(' UNION ALL ')})`);
  const expected = (end - first) * perRow;
  const isWhole =
    Number(found?.images) === expected &&
    Number(found?.places) === expected &&
    Number(found?.first) === first * perRow &&
    Number(found?.last) === end * perRow - 1;
  if (isWhole) return;
  throw new PixlakeError(
    'RUN_CORRUPT',
    `block ${block} of ${folderOf(execution)} has ${String(found?.images)} images of ${expected}, ${String(found?.places)} of them different`,
    { remedy: 'start a run with another name' },
  );
}

async function writeManifest(
  context: MergeContext,
  block: number,
  parts: readonly string[],
): Promise<AddAction | null> {
  const { execution } = context;
  const names = [...execution.passedColumns, ...computedNames(execution)];
  const selected = [...names.map(quoteName), ...selectLineage(execution)];
  return writeBlockFile(
    context,
    `SELECT ${selected.join(', ')} FROM ${readFiles(parts)}`,
    parts.length,
    execution.manifestSchema,
    executionKeys.manifest(tablesFolderOf(execution)),
    block,
  );
}

async function writeErrors(
  context: MergeContext,
  block: number,
  errors: readonly string[],
): Promise<AddAction | null> {
  const folder = executionKeys.errors(tablesFolderOf(context.execution));
  return writeBlockFile(
    context,
    `SELECT * EXCLUDE (__ordinal) FROM ${readFiles(errors)}`,
    errors.length,
    ERRORS_SCHEMA,
    folder,
    block,
  );
}

async function writeBlockFile(
  { db, store, execution, scratchDir }: MergeContext,
  query: string,
  fileCount: number,
  schema: DeltaStruct,
  folder: string,
  block: number,
): Promise<AddAction | null> {
  if (fileCount === 0) return null;
  const [added] = await writeDataFiles(db, store, {
    query,
    schema,
    partitionColumns: [],
    folder,
    namePrefix: `${execution.retry === undefined ? '' : `retry-${execution.retry.number}-`}block-${numberName(block)}`,
    scratchDir,
    // Hashes and keys hardly compress: a higher level takes a third longer and gives no smaller files.
    compressionLevel: 1,
  });
  return added ?? null;
}

function readFiles(paths: readonly string[]): string {
  return `read_parquet([${paths.map(quoteText).join(', ')}], hive_partitioning = false)`;
}

/** If two processes merge one block, the first marker is valid, and the other data files are removed unless they are the same. */
async function placeBlock(
  store: ObjectStore,
  execution: Execution,
  marker: BlockMarker,
): Promise<BlockMarker> {
  const folder = folderOf(execution);
  const key = executionKeys.block(folder, marker.block);
  const bytes = encodeStored(marker);
  if (await store.writeIfAbsent(key, bytes, { durable: true })) return marker;
  const present = await readBlock(store, execution, marker.block);
  if (present === undefined) {
    await store.write(key, bytes);
    return marker;
  }
  for (const table of ['manifest', 'errors'] as const) {
    const own = marker[table];
    if (own === null || own.path === present[table]?.path) continue;
    await store.delete(fileKeyOf(store, executionKeys[table](tablesFolderOf(execution)), own));
  }
  return present;
}
