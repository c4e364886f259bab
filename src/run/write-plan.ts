import { totalmem } from 'node:os';
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { deltaTypeOf, duckDbTypeOf } from '../duckdb/column-type.ts';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import type { ResultColumn } from '../duckdb/result-stream.ts';
import { quoteName, quoteText } from '../sql/sql-text.ts';
import { selectSnapshot } from '../catalog/table-view.ts';
import { PixlakeError } from '../errors.ts';
import { hashFile } from '../storage/hash-file.ts';
import { selectBox } from './crop-columns.ts';
import type { Plan } from './execution-schema.ts';
import type { Run } from './run-spec.ts';
import type { Selection } from './select-rows.ts';
import type { PlanCut } from './shard-size.ts';
import type { EarlierImages } from './take-over.ts';

/** DuckDB's table of the matched rows in the order of the plan. */
export const PLANNED = 'planned_rows';

/** A part of a plan in a local file. */
export interface PlanFile {
  readonly path: string;
  readonly part: Plan['parts'][number];
}

/**
 * Runs a selection once and puts its rows in the order of the plan, which depends only on ids: by hash, then id. So neither the order in which
 * DuckDB finds rows nor its number of threads changes a plan. Selections larger than memory are sorted on disk.
 *
 * @returns number of rows
 * @throws `PLAN_EMPTY`, `PLAN_ID_DUPLICATE`, `SQL_FAILED`, `STORAGE_FULL`
 */
export async function orderRows(
  db: DuckDb,
  run: Run,
  selection: Selection,
  passed: readonly ResultColumn[],
  earlier: EarlierImages | undefined,
): Promise<number> {
  const { needsOneThread } = selection;
  const rows = await selectRows(db, run, selection, passed);
  const select =
    earlier === undefined
      ? rows
      : `SELECT rows.*, __taken FROM (${rows}) AS rows LEFT JOIN (${earlier.select})
           ON __taken_id = __id AND __taken_sha256 = __image_sha256`;
  if (needsOneThread) await db.run('SET threads = 1');
  await db.run(`
    CREATE TABLE ${PLANNED} AS
      FROM (${select}) ORDER BY hash(__id), __id`);
  if (needsOneThread) await db.run('RESET threads');
  return checkIds(db);
}

async function selectRows(
  db: DuckDb,
  run: Run,
  { sql, source, columns }: Selection,
  passed: readonly ResultColumn[],
): Promise<string> {
  const id = quoteName(run.idColumn);
  const limit = run.limit === undefined ? '' : `LIMIT ${run.limit}`;
  // A sample consists of the rows with the smallest hash of seed and id.
  const sample =
    run.sample === undefined
      ? ''
      : `ORDER BY md5('${run.seed}:' || ${id}::VARCHAR), ${id}::VARCHAR LIMIT ${run.sample}`;
  const matched = `(FROM (FROM (${sql}\n) ${limit}) ${sample})`;
  const names = new Set(columns.map(({ name }) => name));
  const isSelfContained = names.has('image_key') && names.has('image_sha256');
  const originals = isSelfContained
    ? matched
    : `${matched} LEFT JOIN (SELECT ${id} AS __source_id, image_key AS __key, image_sha256 AS __sha256
                               FROM (${await selectSnapshot(db, source.store, source.snapshot)}))
         ON __source_id::VARCHAR = ${id}::VARCHAR`;
  const selected = [
    `${id}::VARCHAR AS __id`,
    `${isSelfContained ? 'image_key' : '__key'} AS __image_key`,
    `${isSelfContained ? 'image_sha256' : '__sha256'} AS __image_sha256`,
    ...selectBox(run),
    ...passed.map(
      ({ name, type }) => `${quoteName(name)}::${duckDbTypeOf(deltaTypeOf(type))} AS ${quoteName(name)}`,
    ),
  ];
  return `SELECT ${selected.join(', ')} FROM ${originals}`;
}

async function checkIds(db: DuckDb): Promise<number> {
  const [counted] = await db.rows<{ count: bigint }>(`SELECT count(*) AS count FROM ${PLANNED}`);
  const rowCount = Number(counted?.count ?? 0);
  if (rowCount === 0) {
    throw new PixlakeError('PLAN_EMPTY', 'the SQL matched no rows', {
      remedy: 'check the SQL with `pixlake query`',
    });
  }
  // Rows with the same id are adjacent, so one pass finds them without memory.
  const wrong = await db.rows<{ id: string | null; count: bigint }>(`
    SELECT __id AS id, 1 + count(*) AS count FROM (SELECT __id, lag(__id) OVER () AS __previous FROM ${PLANNED})
    WHERE __id = __previous OR __id IS NULL GROUP BY 1 ORDER BY 1 LIMIT 5`);
  if (wrong.length === 0) return rowCount;
  const examples = wrong.map(({ id, count }) => (id === null ? 'null' : `${id} (${count} times)`)).join(', ');
  throw new PixlakeError(
    'PLAN_ID_DUPLICATE',
    `the SQL returns ids that are null or not unique: ${examples}`,
    {
      remedy: 'select distinct ids that are not null; to make several images of each original, set copies',
    },
  );
}

/** Writes the ordered rows as the parts of a plan. Equal rows give equal bytes, because one thread writes them. */
export async function writePlanFiles(
  db: DuckDb,
  rowCount: number,
  { partRowCount, rowGroupSize, compression }: PlanCut,
  folder: string,
): Promise<PlanFile[]> {
  const files: PlanFile[] = [];
  await db.run('SET threads = 1');
  for (let first = 0; first < rowCount; first += partRowCount) {
    const path = join(folder, `plan-${files.length}.parquet`);
    await db.run(`
      COPY (SELECT rowid AS __ordinal, * FROM ${PLANNED} WHERE rowid >= ${first} AND rowid < ${first + partRowCount})
      TO ${quoteText(path)} (FORMAT parquet, COMPRESSION ${compression}, ROW_GROUP_SIZE ${rowGroupSize})`);
    const part = {
      rowCount: Math.min(partRowCount, rowCount - first),
      sizeBytes: (await stat(path)).size,
      sha256: await hashFile(path),
    };
    files.push({ path, part });
  }
  await db.run('RESET threads');
  return files;
}

/** SHA-256 over the hashes of a plan's parts. */
export function hashPlan(parts: Plan['parts']): string {
  return createHash('sha256')
    .update(parts.map((part) => part.sha256).join())
    .digest('hex');
}

/** Mean size of the first originals in the first data file that the SQL also reads; 1 if unknown. */
export async function meanOriginalBytes(db: DuckDb, { source }: Selection): Promise<number> {
  const { store, snapshot, readFiles } = source;
  const hasSizes = snapshot.schema.fields.some(({ name }) => name === 'image_bytes');
  if (!hasSizes || readFiles.length === 0) return 1;
  const select = await selectSnapshot(db, store, { ...snapshot, files: readFiles.slice(0, 1) });
  const [row] = await db.rows<{ mean: number | null }>(
    `SELECT avg(image_bytes) AS mean FROM (SELECT image_bytes FROM (${select}) LIMIT 1000)`,
  );
  return Math.max(1, row?.mean ?? 1);
}

/** Memory of DuckDB for planning; the rest goes to disk. */
export const PLAN_MEMORY_BYTES = Math.min(1024 ** 3, Math.floor(totalmem() / 4));
