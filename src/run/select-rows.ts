import { join } from 'node:path';
import { findVolatility, hasTotalOrder } from '../sql/find-volatility.ts';
import { createViews } from '../catalog/lake-tables.ts';
import { type DuckDb, sqlError } from '../duckdb/open-duckdb.ts';
import { parseSelect } from '../sql/parse-select.ts';
import { type ResultColumn, rowBatches } from '../duckdb/result-stream.ts';
import { quoteText } from '../sql/sql-text.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { checkCropColumns } from './crop-columns.ts';
import type { Run } from './run-spec.ts';
import { chooseSource, checkIdColumn } from './choose-source.ts';
import { type CheckedSql, type QueriedTable } from '../catalog/found-table.ts';

/** What running untrusted SQL gave besides its rows: the tables it read, and its syntax tree. */
export interface SelectedRows {
  readonly tables: readonly QueriedTable[];
  readonly tree: unknown;
}

/** Runs the SQL of a run where untrusted SQL is run: writes its rows to a Parquet file. */
export type SelectRows = (sql: string, path: string) => Promise<SelectedRows>;

/** Where untrusted SQL is run: the sandbox. */
export interface SqlRunner {
  /** Checks that a query could be run, and describes it, without running it. @throws `SQL_…`, `QUERY_…`, `TABLE_NOT_FOUND` */
  check(sql: string): Promise<CheckedSql>;
  /** Writes what one SELECT matches to a local Parquet file. @throws as `check` does */
  selectInto(sql: string, path: string, timeoutMs: number, signal?: AbortSignal): Promise<SelectedRows>;
}

/** The rows that a run's SQL selects, not yet read. */
export interface Selection {
  /** SQL that this DuckDB can run for the rows. */
  readonly sql: string;
  readonly tables: readonly QueriedTable[];
  /** The table that holds the originals. */
  readonly source: QueriedTable;
  readonly columns: readonly ResultColumn[];
  /** Why the SQL may select other rows when it is run again. */
  readonly volatileBecause: readonly string[];
  /** Whether only one thread gives the same rows and values each time. */
  readonly needsOneThread: boolean;
}

/**
 * Checks a run's SQL and makes the tables that it names readable by a DuckDB.
 *
 * @throws `SQL_…`, `TABLE_NOT_FOUND`, `PLAN_SOURCE_MISSING`, `PLAN_ID_MISSING`, `PLAN_CROP_INVALID`
 */
export async function openSelection(
  db: DuckDb,
  store: ObjectStore,
  run: Run,
  scratchDir: string,
  selectRows: SelectRows | undefined,
): Promise<Selection> {
  let sql: string;
  let selected: SelectedRows;
  if (selectRows === undefined) {
    const parsed = await parseSelect(db, run.sql);
    sql = parsed.sql;
    selected = { tables: await createViews(db, store, parsed), tree: parsed.tree };
  } else {
    const path = join(scratchDir, 'selected.parquet');
    selected = await selectRows(run.sql, path);
    sql = `FROM read_parquet(${quoteText(path)}, hive_partitioning = false)`;
  }
  const source = await chooseSource(store, run, selected.tables);
  const columns = await describe(db, sql);
  checkIdColumn(
    run,
    columns.map(({ name }) => name),
  );
  checkCropColumns(run, columns);
  return { sql, tables: selected.tables, source, columns, ...judgeOrder(run, selected.tree, selectRows) };
}

function judgeOrder(
  run: Run,
  tree: unknown,
  selectRows: SelectRows | undefined,
): Pick<Selection, 'volatileBecause' | 'needsOneThread'> {
  const { reasons, addsNumbers } = findVolatility(tree, run.idColumn);
  const volatileBecause = [...reasons];
  if (run.limit !== undefined && !hasTotalOrder(tree, run.idColumn))
    volatileBecause.push(`--limit takes the first rows, and the SQL has no ORDER BY ${run.idColumn}`);
  // Where untrusted SQL runs, the number of threads is the server's.
  if (addsNumbers && selectRows !== undefined)
    volatileBecause.push('it adds numbers, which threads do in any order');
  return { volatileBecause, needsOneThread: addsNumbers || volatileBecause.length > 0 };
}

async function describe(db: DuckDb, sql: string): Promise<readonly ResultColumn[]> {
  try {
    return rowBatches(await db.connection.stream(`FROM (${sql}\n) LIMIT 0`)).columns;
  } catch (error) {
    throw sqlError(error);
  }
}
