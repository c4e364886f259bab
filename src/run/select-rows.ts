import { join } from 'node:path';
import { findVolatility, hasTotalOrder } from '../sql/find-volatility.ts';
import { createViews } from '../catalog/lake-tables.ts';
import { type DuckDb, sqlError } from '../duckdb/open-duckdb.ts';
import { parseSelect } from '../sql/parse-select.ts';
import { type ResultColumn, rowBatches } from '../duckdb/result-stream.ts';
import { quoteText } from '../sql/sql-text.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { checkCropTypes } from './crop-columns.ts';
import type { Run } from './run-spec.ts';
import { checkCropNames, checkIdColumn, chooseSource } from './choose-source.ts';
import type { CheckedSql, QueriedTable } from '../catalog/found-table.ts';

/** Tables and syntax tree of untrusted SQL that was run. */
export interface SelectedRows {
  readonly tables: readonly QueriedTable[];
  readonly tree: unknown;
}

/** Runs the untrusted SQL of a run and writes its rows to a Parquet file. */
export type SelectRows = (sql: string, path: string) => Promise<SelectedRows>;

/** Runs untrusted SQL: the sandbox. */
export interface SqlRunner {
  /** Checks and describes a query without running it. @throws `SQL_…`, `QUERY_…`, `TABLE_NOT_FOUND` */
  check(sql: string): Promise<CheckedSql>;
  /** Writes the rows of one SELECT to a local Parquet file. @throws as `check` does */
  selectInto(sql: string, path: string, timeoutMs: number, signal?: AbortSignal): Promise<SelectedRows>;
}

/** The rows of a run's SQL, not yet read. */
export interface Selection {
  /** SQL for the rows in this DuckDB. */
  readonly sql: string;
  readonly tables: readonly QueriedTable[];
  /** The table of the originals. */
  readonly source: QueriedTable;
  readonly columns: readonly ResultColumn[];
  /** Why the SQL may select other rows when it runs again. */
  readonly volatileBecause: readonly string[];
  /** Whether the rows and values are the same each time only with one thread. */
  readonly needsOneThread: boolean;
}

/**
 * Checks a run's SQL and makes its tables readable in a DuckDB.
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
  const names = columns.map(({ name }) => name);
  checkIdColumn(run, names);
  checkCropNames(run, names);
  checkCropTypes(run, columns);
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
    volatileBecause.push(`--limit uses the first rows, but the SQL has no ORDER BY ${run.idColumn}`);
  // The server decides about the threads of untrusted SQL.
  if (addsNumbers && selectRows !== undefined)
    volatileBecause.push('it adds numbers, whose order depends on threads');
  return { volatileBecause, needsOneThread: addsNumbers || volatileBecause.length > 0 };
}

async function describe(db: DuckDb, sql: string): Promise<readonly ResultColumn[]> {
  try {
    return rowBatches(await db.connection.stream(`FROM (${sql}\n) LIMIT 0`)).columns;
  } catch (error) {
    throw sqlError(error);
  }
}
