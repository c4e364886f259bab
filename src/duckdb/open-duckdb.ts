import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { duckdb } from './duckdb-api.ts';
import { type ErrorCode, messageOf, PixlakeError } from '../errors.ts';
import type { ObjectEntry, ObjectStore } from '../storage/object-store.ts';
import { ObjectLocator } from './object-locator.ts';
import { quoteText } from '../sql/sql-text.ts';

/** How to open a DuckDB: number of `threads`, and a local folder for data that does not fit into memory. */
export interface DuckDbOptions {
  readonly threads?: number;
  readonly scratchDir: string;
  /** Limits of the memory that DuckDB accounts for, and of the bytes that it writes below `scratchDir`; by default DuckDB's own. */
  readonly memoryBytes?: number;
  readonly spillBytes?: number;
  /** `scratchDir` need not exist: DuckDB makes it when it has to spill. */
  readonly isSpillOnly?: boolean;
  /** Keeps tables in a file below `scratchDir` instead of in memory, so staged data may be larger than memory. */
  readonly onDisk?: boolean;
}

/** What is needed to check a query and make its views. A DuckDB in another process offers it too. */
export interface SqlSession {
  /** Executes one statement and ignores its result. @throws `SQL_FAILED` */
  run(sql: string): Promise<void>;
  /** DuckDB's syntax tree of an SQL text, as JSON; nothing is run. */
  serialize(sql: string): Promise<string>;
  /** Makes objects readable and returns the path or URI of each for DuckDB's readers; see {@link ObjectLocator.locate}. */
  locate(store: ObjectStore, objects: readonly ObjectEntry[]): Promise<string[]>;
}

/** An open DuckDB with one connection. Disposing closes both. */
export interface DuckDb extends SqlSession, Disposable {
  readonly connection: DuckDBConnection;
  /** Executes one query and returns its rows as objects of JavaScript values. For small results. @throws `SQL_FAILED` */
  rows<Row>(sql: string): Promise<Row[]>;
}

/** Opens a private DuckDB that never loads extensions by itself and uses UTC, so results do not depend on the machine. */
export async function openDuckDb(options: DuckDbOptions): Promise<DuckDb> {
  const instance = await duckdb.DuckDBInstance.create(
    options.onDisk ? join(options.scratchDir, 'staging.duckdb') : ':memory:',
    {
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
      ...(options.memoryBytes === undefined ? {} : { memory_limit: `${options.memoryBytes}B` }),
      ...(options.spillBytes === undefined ? {} : { max_temp_directory_size: `${options.spillBytes}B` }),
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
  // DuckDB makes the folder itself, but not its parent.
  const spillDir = quoteText(options.isSpillOnly ? options.scratchDir : join(options.scratchDir, 'spill'));
  await run(`SET TimeZone = 'UTC'; SET temp_directory = ${spillDir}`);
  const locator = new ObjectLocator(run, options.scratchDir);
  return {
    connection,
    run,
    async serialize(sql): Promise<string> {
      try {
        const reader = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql]);
        return String(reader.getRows()[0]?.[0]);
      } catch (error) {
        throw sqlError(error);
      }
    },
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

/** Codes for responses of S3 servers to httpfs. DuckDB's message contains only the status. */
const CODE_OF_STATUS: Readonly<Record<string, ErrorCode>> = {
  400: 'STORAGE_DENIED',
  401: 'STORAGE_DENIED',
  403: 'STORAGE_DENIED',
  404: 'OBJECT_NOT_FOUND',
};

const REMEDIES: Partial<Readonly<Record<ErrorCode, string>>> = {
  QUERY_OUT_OF_MEMORY: 'ask for less at once: fewer rows, columns or groups',
  OBJECT_NOT_FOUND: '`pixlake vacuum` removes files of old versions; `pixlake verify` lists missing files',
  STORAGE_DENIED:
    'check the permissions of the credentials; if they expire during long queries, use --s3-reader cache, which renews them',
};

/**
 * Turns an error of DuckDB into a {@link PixlakeError}: `INTERRUPTED`, `QUERY_OUT_OF_MEMORY`, `STORAGE_FULL`, `OBJECT_NOT_FOUND` for missing files, `STORAGE_DENIED` and
 * `STORAGE_FAILED` for responses of a server, else `SQL_FAILED`.
 */
export function sqlError(error: unknown): PixlakeError {
  if (error instanceof PixlakeError) return error;
  // Further lines give advice about DuckDB's settings.
  const message = messageOf(error).replace(/\n+Possible solutions:[\s\S]*$/u, '');
  const code = codeOf(message);
  const remedy = REMEDIES[code] ?? remedyOf(message);
  return new PixlakeError(code, message, { cause: error, ...(remedy === undefined ? {} : { remedy }) });
}

/** For text in double quotes, which name columns. */
function remedyOf(message: string): string | undefined {
  const text = /^Binder Error: Referenced column "(?<text>[^"]*)" not found/u.exec(message)?.groups?.['text'];
  if (text === undefined || !message.includes(`= "${text}"`)) return undefined;
  return `double quotes name columns; text has single quotes: '${text}'`;
}

function codeOf(message: string): ErrorCode {
  if (/no space left on device|ENOSPC/iu.test(message)) return 'STORAGE_FULL';
  if (message.startsWith('INTERRUPT Error')) return 'INTERRUPTED';
  if (/^Out of Memory Error|bad[_ ]alloc/iu.test(message)) return 'QUERY_OUT_OF_MEMORY';
  if (/No files found that match|Cannot open file .*No such file/iu.test(message)) return 'OBJECT_NOT_FOUND';
  if (!message.startsWith('HTTP Error')) return 'SQL_FAILED';
  const status = /\(HTTP (?<status>\d{3})\b/u.exec(message)?.groups?.['status'] ?? '';
  return CODE_OF_STATUS[status] ?? 'STORAGE_FAILED';
}
