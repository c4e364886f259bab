import type { DuckDBPreparedStatement, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { duckdb } from '../duckdb/duckdb-api.ts';
import { messageOf, PixlakeError } from '../errors.ts';
import { deltaTypeOf, duckDbTypeOf } from '../duckdb/column-type.ts';
import { encodeResult } from '../result/encodings.ts';
import { type DuckDb, openDuckDb, sqlError } from '../duckdb/open-duckdb.ts';
import type {
  LockedStatement,
  QueryRequest,
  ResultPiece,
  SqlParameter,
  SqlParameters,
} from './query-messages.ts';
import { type RowBatches, rowBatches } from '../duckdb/result-stream.ts';
import { quoteName, quoteText } from '../sql/sql-text.ts';

interface Session {
  readonly db: DuckDb;
  readonly scratchDir: string;
  isLocked: boolean;
  pull?: () => Promise<ResultPiece>;
}

const READING = new Set([duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN]);

/** The sessions of a query process, one at a time: each has a DuckDB of its own, which can read only the files of its query. */
export class QuerySessions {
  #session: Session | undefined;
  /** The request in progress. The server sends the next one of a session after the reply. */
  #inWork: Promise<unknown> = Promise.resolve();

  /** Does what a request asks for, and gives the value of the reply. @throws `SQL_…`, `QUERY_OUT_OF_MEMORY`, `ARGUMENT_INVALID`, `INTERRUPTED` */
  async answer(request: QueryRequest): Promise<unknown> {
    const answered = this.#answer(request);
    if (request.kind !== 'interrupt' && request.kind !== 'close')
      this.#inWork = answered.catch(() => undefined);
    return answered;
  }

  async #answer(request: QueryRequest): Promise<unknown> {
    switch (request.kind) {
      case 'open': {
        const { scratchDir } = request;
        this.#session = { db: await openDuckDb(request), scratchDir, isLocked: false };
        return undefined;
      }
      case 'serialize':
        return this.#current().db.serialize(request.sql);
      case 'run':
        return this.#current().db.run(request.sql);
      case 'check':
        return columnNamesOf(await this.#prepare(request));
      case 'start':
        return this.#start(request);
      case 'pull':
        return this.#current().pull?.();
      case 'copy':
        return this.#copy(request);
      case 'interrupt':
        return this.#session?.db.connection.interrupt();
      case 'close':
        return this.#close();
    }
  }

  #current(): Session {
    if (this.#session === undefined) throw new PixlakeError('INTERNAL_ERROR', 'no session is open');
    return this.#session;
  }

  /**
   * After this, DuckDB can only read the given files and write below its scratch folder, and this cannot be undone.
   * https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
   */
  async #lock(paths: readonly string[]): Promise<void> {
    const open = this.#current();
    if (open.isLocked) return;
    open.isLocked = true;
    const settings = [
      `allowed_paths = [${paths.map(quoteText).join(', ')}]`,
      `allowed_directories = [${quoteText(open.scratchDir)}]`,
      'enable_external_access = false',
      'lock_configuration = true',
    ];
    await open.db.run(settings.map((setting) => `SET ${setting}`).join('; '));
  }

  async #prepare({ sql, parameters, paths }: LockedStatement): Promise<DuckDBPreparedStatement> {
    await this.#lock(paths);
    try {
      const prepared = await this.#current().db.connection.prepare(sql);
      if (!READING.has(prepared.statementType)) {
        throw new PixlakeError('SQL_NOT_SELECT', 'not a SELECT');
      }
      bind(prepared, parameters);
      return prepared;
    } catch (error) {
      throw sqlError(error);
    }
  }

  /** Also returns the first bytes, so most failures happen before the first byte of a response is sent. */
  async #start(request: Extract<QueryRequest, { kind: 'start' }>): Promise<ResultPiece> {
    const prepared = await this.#prepare(request);
    let rowCount = 0;
    try {
      const result = rowBatches(await prepared.stream());
      const counted: RowBatches = {
        columns: result.columns,
        async *[Symbol.asyncIterator]() {
          for await (const batch of result) {
            rowCount += batch.rowCount;
            yield batch;
          }
        },
      };
      const pieces = encodeResult(request.format, counted)[Symbol.asyncIterator]();
      const pull = async (): Promise<ResultPiece> => {
        const { done, value } = await pieces.next();
        if (done === true) return { bytes: undefined, rowCount };
        return { bytes: typeof value === 'string' ? Buffer.from(value) : value, rowCount };
      };
      this.#current().pull = pull;
      const header = await pull();
      // CSV and Arrow have a header even without rows.
      if (header.bytes === undefined || header.rowCount > 0) return header;
      const rows = await pull();
      return { bytes: Buffer.concat([header.bytes, rows.bytes ?? new Uint8Array()]), rowCount };
    } catch (error) {
      throw sqlError(error);
    }
  }

  /** Writes the rows as Parquet, optionally in the types that tables store, and returns their number. */
  async #copy({
    path,
    asTableTypes,
    ...statement
  }: Extract<QueryRequest, { kind: 'copy' }>): Promise<number> {
    const prepared = await this.#prepare(statement);
    const { connection } = this.#current().db;
    try {
      let select = statement.sql;
      if (asTableTypes) {
        const { columns } = rowBatches(await connection.stream(`FROM (${statement.sql}\n) LIMIT 0`));
        const casts = columns.map(
          ({ name, type }) => `${quoteName(name)}::${duckDbTypeOf(deltaTypeOf(type))} AS ${quoteName(name)}`,
        );
        const names = columns.map(({ name }) => quoteName(name)).join(', ');
        select = `SELECT ${casts.join(', ')} FROM (${statement.sql}\n) AS result(${names})`;
      }
      prepared.destroySync();
      const copying = await connection.prepare(
        `COPY (${select}\n) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd)`,
      );
      bind(copying, statement.parameters);
      const reader = await copying.runAndReadAll();
      return Number(reader.getRows()[0]?.[0] ?? 0);
    } catch (error) {
      // The operating system bounds files, and Node ignores the signal that would tell of it.
      if (!/\bFile too large\b/u.test(messageOf(error))) throw sqlError(error);
      throw new PixlakeError('QUERY_OUT_OF_MEMORY', 'the result needs more disk space than allowed', {
        cause: error,
        remedy: 'select fewer rows or columns',
      });
    }
  }

  /** Work in progress must have ended before its DuckDB is closed. */
  async #close(): Promise<void> {
    this.#session?.db.connection.interrupt();
    await this.#inWork;
    this.#session?.db[Symbol.dispose]();
    this.#session = undefined;
  }
}

function columnNamesOf(prepared: DuckDBPreparedStatement): string[] {
  return Array.from({ length: prepared.columnCount }, (_, index) => prepared.columnName(index));
}

function bind(prepared: DuckDBPreparedStatement, parameters: SqlParameters): void {
  const wanted = Array.from({ length: prepared.parameterCount }, (_, index) =>
    prepared.parameterName(index + 1),
  );
  const missing = wanted.filter((name) => !Object.hasOwn(parameters, name));
  if (missing.length > 0) {
    throw new PixlakeError(
      'ARGUMENT_INVALID',
      `parameters of the SQL have no value: $${missing.join(', $')}`,
    );
  }
  const unknown = Object.keys(parameters).filter((name) => !wanted.includes(name));
  if (unknown.length > 0)
    throw new PixlakeError('ARGUMENT_INVALID', `the SQL has no parameters $${unknown.join(', $')}`);
  const typed = wanted.map((name) => [name, typeValue(parameters[name] ?? null)] as const);
  prepared.bind(
    Object.fromEntries(typed.map(([name, [value]]) => [name, value])),
    Object.fromEntries(typed.map(([name, [, type]]) => [name, type])),
  );
}

function typeValue(parameter: SqlParameter): [DuckDBValue, DuckDBType] {
  if (typeof parameter === 'object' && parameter !== null) {
    const items = parameter.map(typeValue);
    const [, type = duckdb.SQLNULL] = items.find(([value]) => value !== null) ?? [];
    return [duckdb.listValue(items.map(([value]) => value)), duckdb.LIST(type)];
  }
  if (typeof parameter === 'string') return [parameter, duckdb.VARCHAR];
  if (typeof parameter === 'boolean') return [parameter, duckdb.BOOLEAN];
  if (parameter === null) return [null, duckdb.SQLNULL];
  return Number.isSafeInteger(parameter) ? [BigInt(parameter), duckdb.BIGINT] : [parameter, duckdb.DOUBLE];
}
