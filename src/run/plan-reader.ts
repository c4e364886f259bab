import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { quoteText } from '../sql/sql-text.ts';
import { PixlakeError } from '../errors.ts';
import { hashFile } from '../storage/hash-file.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { executionKeys, rowsOf } from './execution.ts';
import type { Execution, Plan } from './execution-schema.ts';

/** Reads the rows of shards from a plan, after checking that it is the frozen one. */
export interface PlanReader {
  /** Fills the table `planned` with the rows of a shard. @throws `RUN_CORRUPT`, `STORAGE_…` */
  load(shard: number): Promise<void>;
}

/** Opens a plan for one DuckDB. Downloaded files go below `scratchDir`. */
export function openPlanReader(
  db: DuckDb,
  store: ObjectStore,
  folder: string,
  execution: Execution,
  scratchDir: string,
): PlanReader {
  const { plan } = execution;
  // The last part is kept, because shards are worked on in order.
  let current: { readonly part: number; readonly rows: string } | undefined;
  const open = async (part: number): Promise<string> => {
    if (current?.part === part) return current.rows;
    const path = await fetchPlanPart(store, folder, plan, part, scratchDir);
    let rows = `read_parquet(${quoteText(path)}, hive_partitioning = false)`;
    if (plan.parts.length === 1) {
      await db.run(`CREATE OR REPLACE TABLE whole_plan AS FROM ${rows}`);
      rows = 'whole_plan';
    }
    current = { part, rows };
    return rows;
  };
  return {
    async load(shard) {
      const { first, end } = rowsOf(execution, shard);
      const rows = await open(Math.floor(first / plan.partRowCount));
      await db.run(
        `CREATE OR REPLACE TABLE planned AS FROM ${rows} WHERE __ordinal >= ${first} AND __ordinal < ${end}`,
      );
    },
  };
}

/**
 * Returns a local path of a part of a plan, downloaded below `scratchDir` if needed, after checking that its bytes are the frozen ones.
 *
 * @throws `RUN_CORRUPT`, `STORAGE_…`
 */
export async function fetchPlanPart(
  store: ObjectStore,
  folder: string,
  plan: Plan,
  part: number,
  scratchDir: string,
): Promise<string> {
  const key = executionKeys.planPart(folder, plan, part);
  const frozen = plan.parts[part];
  if (frozen === undefined) throw damaged(store, key);
  const path = store.remote === undefined ? store.locate(key) : join(scratchDir, `plan-${part}.parquet`);
  if (store.remote !== undefined && (await stat(path).catch(() => undefined)) === undefined)
    await store.remote.download(key, path, frozen.sizeBytes);
  if ((await hashIfPresent(path)) !== frozen.sha256) throw damaged(store, key);
  return path;
}

async function hashIfPresent(path: string): Promise<string | undefined> {
  try {
    return await hashFile(path);
  } catch {
    return undefined;
  }
}

function damaged(store: ObjectStore, key: string): PixlakeError {
  return new PixlakeError('RUN_CORRUPT', `the plan ${store.locate(key)} is missing or damaged`, {
    remedy: 'restore it from a copy of the lake, or start a run with another name',
  });
}
