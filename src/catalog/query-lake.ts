import { rename, rm, writeFile } from 'node:fs/promises';
import { messageOf, PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { parseAsOf } from '../table/as-of.ts';
import { createViews } from './lake-tables.ts';
import { type DuckDb, openDuckDb, sqlError } from '../duckdb/open-duckdb.ts';
import { parseSelect } from '../sql/parse-select.ts';
import { type RowBatches, rowBatches } from '../duckdb/result-stream.ts';
import { signUrls } from './sign-urls.ts';
import { quoteText } from '../sql/sql-text.ts';
import type { QueriedTable } from './found-table.ts';

/** A query in progress. Read `batches` once, then dispose it. Disposing early cancels it. */
export interface RunningQuery extends AsyncDisposable {
  readonly batches: RowBatches;
  /** The tables that it reads, at their snapshots. */
  readonly tables: readonly QueriedTable[];
}

/** Options of a query. */
export interface QueryOptions {
  /** Maximum number of rows. */
  readonly limit?: number;
  /** Returns DuckDB's plan instead of the rows. */
  readonly isExplained?: boolean;
  /** Version or time for tables without one in the SQL; see {@link parseAsOf}. */
  readonly at?: string;
  /** Adds links to the images that are valid for this many ms; see {@link signUrls}. */
  readonly urlExpiresMs?: number;
}

/**
 * Starts one SELECT over the newest snapshots of the lake's tables; rows stream as they are pulled.
 *
 * @throws `SQL_…`, `TABLE_NOT_FOUND`
 */
export async function queryLake(
  store: ObjectStore,
  sql: string,
  options: QueryOptions = {},
): Promise<RunningQuery> {
  const prepared = await prepare(store, sql, options);
  try {
    const { urlExpiresMs } = options;
    const rows = rowBatches(await prepared.db.connection.stream(prepared.sql));
    return {
      batches: urlExpiresMs === undefined ? rows : signUrls(rows, store, urlExpiresMs),
      tables: prepared.tables,
      [Symbol.asyncDispose]: () => prepared.close(),
    };
  } catch (error) {
    await prepared.close();
    throw sqlError(error);
  }
}

/**
 * Runs one SELECT and writes its rows as a local Parquet file (zstd). An existing file is replaced only after success.
 *
 * @returns rows written
 * @throws `SQL_…`, `TABLE_NOT_FOUND`, `STORAGE_FULL`, `OUTPUT_FAILED`
 */
export async function queryToParquet(
  store: ObjectStore,
  sql: string,
  path: string,
  options: Omit<QueryOptions, 'isExplained' | 'urlExpiresMs'> = {},
): Promise<number> {
  const prepared = await prepare(store, sql, options);
  const partial = `${path}.partial`;
  try {
    // Done before the query runs, because DuckDB's error for an output file looks like that for a missing data file.
    await orOutputFailed(path, () => writeFile(partial, ''));
    const [copied] = await prepared.db.rows<{ Count: bigint }>(
      `COPY (${prepared.sql}\n) TO ${quoteText(partial)} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)`,
    );
    await orOutputFailed(path, () => rename(partial, path));
    return Number(copied?.Count ?? 0);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw error;
  } finally {
    await prepared.close();
  }
}

async function orOutputFailed(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw new PixlakeError('OUTPUT_FAILED', `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
}

interface PreparedQuery {
  readonly db: DuckDb;
  readonly sql: string;
  readonly tables: readonly QueriedTable[];
  close(): Promise<void>;
}

async function prepare(store: ObjectStore, sql: string, options: QueryOptions): Promise<PreparedQuery> {
  if (options.limit !== undefined && !(Number.isSafeInteger(options.limit) && options.limit >= 0)) {
    throw new PixlakeError('ARGUMENT_INVALID', `the limit ${options.limit} is not a whole number of rows`);
  }
  const scratchDir = await store.nameScratchDir();
  const db = await openDuckDb({ scratchDir, isSpillOnly: true });
  const close = async (): Promise<void> => {
    db[Symbol.dispose]();
    await rm(scratchDir, { recursive: true, force: true });
  };
  try {
    const parsed = await parseSelect(db, sql);
    const asOf = options.at === undefined ? undefined : parseAsOf(options.at);
    const tables = await createViews(db, store, parsed, asOf);
    // The newline ends a comment at the end of the query.
    const limited =
      options.limit === undefined ? parsed.sql : `FROM (${parsed.sql}\n) LIMIT ${options.limit}`;
    return { db, sql: options.isExplained ? `EXPLAIN ${limited}` : limited, tables, close };
  } catch (error) {
    await close();
    throw error;
  }
}
