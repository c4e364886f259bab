import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { DuckDb } from '../../src/duckdb/open-duckdb.ts';
import { executionKeys, folderOf, numberName } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { manifestFields } from '../../src/run/manifest-columns.ts';
import type { ShardFile } from '../../src/run/marker-schema.ts';
import { placeMarker } from '../../src/run/shard-marker.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { deltaField } from '../../src/table/delta-schema.ts';
import { makeExecution } from './execution.ts';
import { makeTestFolder } from './pixlake.ts';
import { openTestDb } from './run-in-process.ts';

/** The manifest has the id of the SQL, the copy, and the lineage. */
const SCHEMA = {
  type: 'struct',
  fields: [
    deltaField('id', 'string'),
    deltaField('copy', 'integer'),
    ...manifestFields(undefined).slice(-10),
  ],
} as const;

/** Five rows twice each, in three shards of two rows. */
export function makeShards(fields: Partial<Pick<Execution, 'retry'>> = {}): Execution {
  const size = { rowCount: 5, shardSize: 2, shardCount: 3 };
  const made = makeExecution('r', { ...size, passedColumns: ['id'], manifestSchema: SCHEMA });
  return { ...made, run: { ...made.run, copies: 2 }, ...fields };
}

export interface Merging {
  readonly db: DuckDb;
  readonly store: ObjectStore;
  readonly execution: Execution;
  readonly scratchDir: string;
}

/** An image of a plan, by the place of its row and its copy; it is written unless it failed. */
export type Place = readonly [ordinal: number | 'NULL', copy: number, outcome?: 'failed'];

export const PLACES: readonly (readonly Place[])[] = [
  [
    [0, 0],
    [0, 1],
    [1, 0, 'failed'],
    [1, 1],
  ],
  [
    [2, 0, 'failed'],
    [2, 1, 'failed'],
    [3, 0, 'failed'],
    [3, 1, 'failed'],
  ],
  [
    [4, 0],
    [4, 1],
  ],
];

/** Writes a file of a shard as a worker does. */
async function writeShardFile(
  { db, store, scratchDir }: Merging,
  folder: string,
  shard: number,
  rows: readonly string[],
): Promise<ShardFile | null> {
  if (rows.length === 0) return null;
  const path = join(scratchDir, 'shard.parquet');
  await db.run(`COPY (${rows.join(' UNION ALL ')}) TO ${quoteText(path)} (FORMAT parquet)`);
  const bytes = await openLocalStore(scratchDir).read('shard.parquet');
  const sha256 = sha256Of(bytes);
  const name = `${numberName(shard)}-${sha256.slice(0, 8)}.parquet`;
  await store.write(`${folder}/${name}`, bytes);
  return { name, sizeBytes: bytes.length, sha256 };
}

export async function finishShard(merging: Merging, shard: number, places: readonly Place[]): Promise<void> {
  const folder = folderOf(merging.execution);
  const written = places.filter(([, , outcome]) => outcome === undefined);
  const failed = places.filter(([, , outcome]) => outcome !== undefined);
  const part = written.map(
    ([ordinal, copy]) =>
      `SELECT ${ordinal}::BIGINT AS __ordinal, 'id ${ordinal}' AS id, ${copy}::INTEGER AS "copy"`,
  );
  const errors = failed.map(
    ([
      ordinal,
      copy,
    ]) => `SELECT ${ordinal}::BIGINT AS __ordinal, 100 + ${ordinal}::BIGINT AS ordinal, 'id ${ordinal}' AS id,
      ${copy}::INTEGER AS "copy", NULL::VARCHAR AS source_key, 'read' AS stage, 'IMAGE_EMPTY' AS code, 'm' AS message`,
  );
  await placeMarker(merging.store, folder, {
    shard,
    imageCount: written.length,
    takenCount: Math.min(1, written.length),
    errorCount: failed.length,
    imageBytes: 10 * written.length,
    part: await writeShardFile(merging, executionKeys.parts(folder), shard, part),
    errors: await writeShardFile(merging, executionKeys.errors(folder), shard, errors),
  });
}

export async function beginBlock(execution: Execution, store?: ObjectStore): Promise<Merging> {
  const db = await openTestDb();
  onTestFinished(() => db[Symbol.dispose]());
  const scratchDir = await makeTestFolder();
  return { db, store: store ?? openLocalStore(await makeTestFolder()), execution, scratchDir };
}

export async function finishAll(merging: Merging, shards = PLACES): Promise<Merging> {
  for (const [shard, places] of shards.entries()) await finishShard(merging, shard, places);
  return merging;
}
