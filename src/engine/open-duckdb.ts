import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { messageOf, PixlakeError } from '../errors.ts';
import type { ObjectEntry, ObjectStore } from '../storage/object-store.ts';
import { ObjectLocator } from './object-locator.ts';
import { quoteText } from './sql-text.ts';

/** How a DuckDB is opened: `threads` to use, and a local folder for what does not fit into memory. */
export interface DuckDbOptions {
  readonly threads?: number;
  readonly scratchDir: string;
  /** Keeps tables in a file below `scratchDir` instead of in memory, so that staging may outgrow it. */
  readonly onDisk?: boolean;
}

/** An open DuckDB with one connection; disposing closes both. */
export interface DuckDb extends Disposable {
  readonly connection: DuckDBConnection;
  /** Runs one statement for its effect. @throws `SQL_FAILED` */
  run(sql: string): Promise<void>;
  /** Runs one query and gives its rows as objects of JavaScript values; for small results. @throws `SQL_FAILED` */
  rows<Row>(sql: string): Promise<Row[]>;
  /** Makes objects readable and gives the path or URI of each for DuckDB's readers; see {@link ObjectLocator.locate}. */
  locate(store: ObjectStore, objects: readonly ObjectEntry[]): Promise<string[]>;
}

/** Opens a private DuckDB that never loads extensions by itself and reckons time in UTC, so that results do not depend on the machine. */
export async function openDuckDb(options: DuckDbOptions): Promise<DuckDb> {
  const instance = await DuckDBInstance.create(
    options.onDisk ? join(options.scratchDir, 'staging.duckdb') : ':memory:',
    {
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    },
  );
  const connection = await instance.connect();
  const run = async (sql: string): Promise<void> => {
    try {
      await connection.run(sql);
    } catch (error) {
      throw sqlError(error);
    }
  };
  await run(`SET TimeZone = 'UTC'`);
  await run(`SET temp_directory = ${quoteText(join(options.scratchDir, 'spill'))}`);
  const locator = new ObjectLocator(run, options.scratchDir);
  return {
    connection,
    run,
    locate: (store, objects) => locator.locate(store, objects),
    async rows<Row>(sql: string): Promise<Row[]> {
      try {
        const reader = await connection.runAndReadAll(sql);
        return reader.getRowObjectsJS() as Row[];
      } catch (error) {
        throw sqlError(error);
      }
    },
    [Symbol.dispose](): void {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Turns an error of DuckDB into a {@link PixlakeError}: `STORAGE_FULL`, `OBJECT_NOT_FOUND` for missing files, else `SQL_FAILED`. */
export function sqlError(error: unknown): PixlakeError {
  if (error instanceof PixlakeError) return error;
  const message = messageOf(error);
  if (/no space left on device|ENOSPC/iu.test(message))
    return new PixlakeError('STORAGE_FULL', message, { cause: error });
  if (/No files found that match|Cannot open file .*No such file/iu.test(message)) {
    return new PixlakeError('OBJECT_NOT_FOUND', message, {
      cause: error,
      remedy: 'files of old versions go with `pixlake vacuum`; `pixlake verify` tells what is missing',
    });
  }
  return new PixlakeError('SQL_FAILED', message, { cause: error });
}
