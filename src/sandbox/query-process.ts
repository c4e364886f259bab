import type { DuckDBPreparedStatement, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { duckdb } from '../duckdb/duckdb-api.ts';
import { PixlakeError, toPixlakeError } from '../errors.ts';
import { deltaTypeOf, duckDbTypeOf } from '../duckdb/column-type.ts';
import { encodeResult } from '../result/encodings.ts';
import { type DuckDb, openDuckDb, sqlError } from '../duckdb/open-duckdb.ts';
import type {
  LockedStatement,
  QueryReply,
  QueryRequest,
  ResultPiece,
  SqlParameter,
  SqlParameters,
} from './query-messages.ts';
import { type RowBatches, rowBatches } from '../duckdb/result-stream.ts';
import { quoteName, quoteText } from '../sql/sql-text.ts';

/** Entry of a query process. It runs one query at a time for the server, each in its own DuckDB that can read only the files of the query. */

interface Session {
  readonly db: DuckDb;
  readonly scratchDir: string;
  isLocked: boolean;
  pull?: () => Promise<ResultPiece>;
}

let session: Session | undefined;

function current(): Session {
  if (session === undefined) throw new PixlakeError('INTERNAL_ERROR', 'no session is open');
  return session;
}

async function answer(request: QueryRequest): Promise<unknown> {
  switch (request.kind) {
    case 'open': {
      const { scratchDir } = request;
      session = { db: await openDuckDb(request), scratchDir, isLocked: false };
      return undefined;
    }
    case 'serialize':
      return current().db.serialize(request.sql);
    case 'run':
      return current().db.run(request.sql);
    case 'check':
      return columnNamesOf(await prepare(request));
    case 'start':
      return start(request);
    case 'pull':
      return current().pull?.();
    case 'copy':
      return copy(request);
    case 'interrupt':
      return session?.db.connection.interrupt();
    case 'close':
      return close();
  }
}

/**
 * After this, DuckDB can only read the given files and write below its scratch folder, and this cannot be undone.
 * https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
 */
async function lock(paths: readonly string[]): Promise<void> {
  const open = current();
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

const READING = new Set([duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN]);

async function prepare({ sql, parameters, paths }: LockedStatement): Promise<DuckDBPreparedStatement> {
  await lock(paths);
  try {
    const prepared = await current().db.connection.prepare(sql);
    if (!READING.has(prepared.statementType)) {
      throw new PixlakeError('SQL_NOT_SELECT', 'not a SELECT');
    }
    bind(prepared, parameters);
    return prepared;
  } catch (error) {
    throw sqlError(error);
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

/** Also returns the first bytes, so most failures happen before the first byte of a response is sent. */
async function start(request: Extract<QueryRequest, { kind: 'start' }>): Promise<ResultPiece> {
  const prepared = await prepare(request);
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
    current().pull = pull;
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
async function copy({
  path,
  asTableTypes,
  ...statement
}: Extract<QueryRequest, { kind: 'copy' }>): Promise<number> {
  const prepared = await prepare(statement);
  const { connection } = current().db;
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
    throw sqlError(error);
  }
}

/** Work in progress must have ended before its DuckDB is closed. */
async function close(): Promise<void> {
  session?.db.connection.interrupt();
  await inWork;
  session?.db[Symbol.dispose]();
  session = undefined;
}

function send(reply: QueryReply): void {
  process.send?.(reply);
}

/** The request in progress. The server sends the next one of a session after the reply. */
let inWork: Promise<unknown> = Promise.resolve();

process.on('message', ({ id, request }: { id: number; request: QueryRequest }) => {
  const answered = answer(request);
  if (request.kind !== 'interrupt' && request.kind !== 'close') inWork = answered.catch(() => undefined);
  answered.then(
    (value) => send({ id, value }),
    (error: unknown) => {
      const { code, message, remedy } = toPixlakeError(error);
      send({ id, error: { code, message, ...(remedy === undefined ? {} : { remedy }) } });
    },
  );
});

// The server is gone, so nobody would read the result, and native work cannot be asked to end.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Ctrl-C in a terminal reaches all processes of the group; the server decides when to end.
process.on('SIGINT', () => undefined);
