import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { executionKeys, numberName } from '../../src/run/execution.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import { openPlanReader, type PlanReader } from '../../src/run/plan-reader.ts';
import { placeMarker } from '../../src/run/shard-marker.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { ShardExecutor } from '../../src/run/shard-executor.ts';
import type { Workers } from '../../src/work/workers.ts';
import { makeTestFolder } from './pixlake.ts';

/**
 * Works on shards without touching an image: each row of the plan becomes a row of errors.
 *
 * @param reading SQL over the table `planned` of a shard, for rows that are to be lost or doubled
 */
export function createNoOpExecutor(
  store: ObjectStore,
  reading: (shard: number) => string = () => 'FROM planned',
): ShardExecutor {
  return {
    async start() {
      const scratchDir = await makeTestFolder();
      const db = await openDuckDb({ scratchDir, threads: 1 });
      let plan: PlanReader | undefined;
      const attempt: Workers['attempt'] = async ({ folder, shard }) => {
        plan ??= openPlanReader(db, store, folder, await readExecution(store, folder), scratchDir);
        await plan.load(shard);
        const path = join(scratchDir, 'errors.parquet');
        await db.run(`
          COPY (SELECT __ordinal, __ordinal AS ordinal, __id AS id, 0::INTEGER AS copy, __image_key AS source_key, 'read' AS stage,
                  'IMAGE_MISSING' AS code, 'not looked for' AS message FROM (${reading(shard)}))
          TO ${quoteText(path)} (FORMAT parquet)`);
        const [counted] = await db.rows<{ count: bigint }>(
          `SELECT count(*) AS count FROM ${quoteText(path)}`,
        );
        const bytes = await readFile(path);
        const sha256 = sha256Of(bytes);
        const name = `${numberName(shard)}-${sha256.slice(0, 8)}.parquet`;
        await store.moveIn(`${executionKeys.errors(folder)}/${name}`, path);
        await placeMarker(store, folder, {
          shard,
          imageCount: 0,
          takenCount: 0,
          errorCount: Number(counted?.count),
          imageBytes: 0,
          part: null,
          errors: { name, sizeBytes: bytes.length, sha256 },
        });
        return { kind: 'done', imageCount: 0, errorCount: Number(counted?.count) };
      };
      return { count: 1, attempt, [Symbol.asyncDispose]: async () => db[Symbol.dispose]() };
    },
  };
}
