import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDb } from '../../src/duckdb/open-duckdb.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { executionKeys, folderOf, numberName } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { placeMarker } from '../../src/run/shard-marker.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { ShardExecutor } from '../../src/run/shard-executor.ts';
import { createExecutor } from './run-in-process.ts';

/** Stands for the ordinal in the file of errors that all others are made from. */
const PLACEHOLDER = 0x5e_a1_c0_de_5e_a1n;

/**
 * Works on shards of one row in no time: each leaves a real file of errors with its ordinal, and its marker. The files are one file with other
 * ordinals, since thousands of COPY statements would take longer than what is tested.
 */
export async function createOneRowExecutor(
  db: DuckDb,
  store: ObjectStore,
  execution: Execution,
  scratchDir: string,
): Promise<ShardExecutor> {
  const path = join(scratchDir, 'errors.parquet');
  await db.run(`
    COPY (SELECT ${PLACEHOLDER}::BIGINT AS __ordinal, ${PLACEHOLDER}::BIGINT AS ordinal, 'id' AS id, 0::INTEGER AS copy,
            'key' AS source_key, 'read' AS stage, 'IMAGE_MISSING' AS code, 'not looked for' AS message)
    TO ${quoteText(path)} (FORMAT parquet, COMPRESSION uncompressed)`);
  const template = await readFile(path);
  const placeholder = Buffer.alloc(8);
  placeholder.writeBigInt64LE(PLACEHOLDER);
  const places: number[] = [];
  for (let at = template.indexOf(placeholder); at !== -1; at = template.indexOf(placeholder, at + 8))
    places.push(at);
  const folder = folderOf(execution);
  return createExecutor(async ({ shard }) => {
    const bytes = Buffer.from(template);
    for (const place of places) bytes.writeBigInt64LE(BigInt(shard), place);
    const sha256 = sha256Of(bytes);
    const name = `${numberName(shard)}-${sha256.slice(0, 8)}.parquet`;
    await store.write(`${executionKeys.errors(folder)}/${name}`, bytes);
    const errors = { name, sizeBytes: bytes.length, sha256 };
    const counts = { imageCount: 0, takenCount: 0, errorCount: 1, imageBytes: 0 };
    await placeMarker(store, folder, { shard, ...counts, part: null, errors });
    return { kind: 'done', ...counts };
  });
}
