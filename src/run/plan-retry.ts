import { rm } from 'node:fs/promises';
import { type DuckDb, openDuckDb } from '../duckdb/open-duckdb.ts';
import { quoteName, quoteText } from '../sql/sql-text.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { boxColumns } from './crop-columns.ts';
import { folderOf } from './execution.ts';
import type { Execution } from './execution-schema.ts';
import { fetchPlanPart } from './plan-reader.ts';
import { PLAN_MEMORY_BYTES } from './write-plan.ts';
import { chooseShardSize, cutPlan } from './shard-size.ts';
import type { Stage } from './stages.ts';
import { hashPlan, PLANNED, writePlanFiles } from './write-plan.ts';
import type { PlannedRun } from './freeze-plan.ts';
import { selectErrors } from './select-errors.ts';

/** Which errors of a run to retry; all by default. */
export interface RetryFilter {
  readonly stage?: Stage;
  readonly code?: string;
}

/** A planned retry. Disposing it removes its temporary files. */
export interface PlannedRetry extends AsyncDisposable {
  readonly planned: PlannedRun;
}

/**
 * Plans the failed images of a finished execution again: one row for each, with the columns of the execution's plan. `undefined` if no error
 * matches the filter.
 *
 * @throws `RUN_CORRUPT`, `STORAGE_…`
 */
export async function planRetry(
  store: ObjectStore,
  execution: Execution,
  number: number,
  filter: RetryFilter,
  software: string,
): Promise<PlannedRetry | undefined> {
  const scratchDir = await store.makeScratchDir();
  const db = await openDuckDb({ scratchDir, memoryBytes: PLAN_MEMORY_BYTES });
  const close = async (): Promise<void> => {
    db[Symbol.dispose]();
    await rm(scratchDir, { recursive: true, force: true });
  };
  try {
    const rowCount = await orderErrors(db, store, execution, filter, scratchDir);
    if (rowCount === 0) {
      await close();
      return undefined;
    }
    const cut = cutPlan(rowCount, execution.run.shardSize ?? chooseShardSize(rowCount, 1, 1));
    const files = await writePlanFiles(db, rowCount, cut, scratchDir);
    const parts = files.map(({ part }) => part);
    const { takesOver: _takesOver, ...rest } = execution;
    const planned: PlannedRun = {
      execution: {
        ...rest,
        software,
        plannedMs: Date.now(),
        retry: { number, ...filter },
        rowCount,
        shardSize: cut.shardSize,
        shardCount: Math.ceil(rowCount / cut.shardSize),
        plan: { sha256: hashPlan(parts), volatileBecause: [], partRowCount: cut.partRowCount, parts },
      },
      files,
    };
    return { planned, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function orderErrors(
  db: DuckDb,
  store: ObjectStore,
  execution: Execution,
  { stage, code }: RetryFilter,
  scratchDir: string,
): Promise<number> {
  const errors = await selectErrors(db, store, execution.run.name);
  if (errors === undefined) return 0;
  const conditions = [
    ...(stage === undefined ? [] : [`stage = ${quoteText(stage)}`]),
    ...(code === undefined ? [] : [`code = ${quoteText(code)}`]),
  ];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  await db.run(`CREATE TABLE wanted AS SELECT ordinal, "copy" FROM (${errors}) ${where}`);
  const { partRowCount } = execution.plan;
  const wantedParts = await db.rows<{ part: bigint }>(
    `SELECT DISTINCT ordinal // ${partRowCount} AS part FROM wanted ORDER BY 1`,
  );
  if (wantedParts.length === 0) return 0;
  const paths: string[] = [];
  for (const { part } of wantedParts)
    paths.push(await fetchPlanPart(store, folderOf(execution), execution.plan, Number(part), scratchDir));
  const whole = `read_parquet([${paths.map(quoteText).join(', ')}], hive_partitioning = false)`;
  const passed = execution.passedColumns.map((name) => `plan.${quoteName(name)}`);
  const columns = ['__id', '__image_key', '__image_sha256', ...boxColumns(execution.run), ...passed].join(
    ', ',
  );
  await db.run(`
    CREATE TABLE ${PLANNED} AS
      SELECT ${columns}, wanted.ordinal AS __first_ordinal, wanted."copy" AS __copy
      FROM wanted JOIN ${whole} AS plan ON plan.__ordinal = wanted.ordinal ORDER BY wanted.ordinal, wanted."copy"`);
  const [counted] = await db.rows<{ count: bigint }>(`SELECT count(*) AS count FROM ${PLANNED}`);
  return Number(counted?.count ?? 0);
}
