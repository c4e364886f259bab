import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { QuerySandbox, SandboxQuery } from '../../src/sandbox/query-sandbox.ts';
import { DeltaTable, duckDb } from '../support/delta-table.ts';

// The entry of query processes is in the build alone.
const build = join(import.meta.dirname, '../../dist');
const from = async <T>(file: string): Promise<T> =>
  (await import(pathToFileURL(join(build, file)).href)) as T;
const { QuerySandbox: Sandbox, SANDBOX_FORMATS } =
  await from<typeof import('../../src/sandbox/query-sandbox.ts')>('sandbox/query-sandbox.js');
const { openStore } = await from<typeof import('../../src/storage/open-store.ts')>('storage/open-store.js');

const MAX_ROWS = 5000;
const MAX_BYTES = 60_000;

let folder: string;
let sandbox: QuerySandbox;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  const table = await DeltaTable.begin(join(folder, 'lake'));
  table.protocol().metadata({ id: 'long', part: 'string' }, { partitionColumns: ['part'] });
  await table.addRows('part=a/f.parquet', 'SELECT 1::BIGINT AS id', {
    partitionValues: { part: 'a' },
    stats: { numRecords: 1, minValues: { id: 1 }, maxValues: { id: 1 }, nullCount: { id: 0 } },
  });
  await table.commit();
  await table.addRows('part=b/f.parquet', 'SELECT 2::BIGINT AS id', { partitionValues: { part: 'b' } });
  await table.commit();
  sandbox = await Sandbox.open(openStore(join(folder, 'lake')), {
    slots: 1,
    maxRows: MAX_ROWS,
    maxResultBytes: MAX_BYTES,
    timeoutMs: 60_000,
    stallMs: 9000,
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  // Whatever a query ends with, its process is free again.
  expect(sandbox.status).toMatchObject({ slotCount: 1, busyCount: 0, waitingCount: 0 });
});

afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const bytesOf = async (sql: string, more: Partial<SandboxQuery> = {}): Promise<Buffer> => {
  await using result = await sandbox.query({ format: 'csv', ...more, sql });
  const pieces: Uint8Array[] = [];
  for await (const piece of result.bytes) pieces.push(piece);
  return Buffer.concat(pieces);
};

const csvOf = async (sql: string, more: Partial<SandboxQuery> = {}): Promise<string> =>
  (await bytesOf(sql, more)).toString();

describe('a query', () => {
  test('reads the tables of the lake, and tells which and what of them', async () => {
    await using result = await sandbox.query({ sql: 'SELECT id FROM t WHERE id < 2', format: 'csv' });
    expect(sandbox.status.busyCount).toBe(1);
    expect(
      result.tables.map(({ reference, snapshot, readFiles }) => [
        reference,
        snapshot.version,
        readFiles.length,
      ]),
    ).toEqual([[{ schema: '', name: 't' }, 1, 2]]);
    const pieces: string[] = [];
    for await (const piece of result.bytes) pieces.push(Buffer.from(piece).toString());
    expect(pieces.join('')).toBe('id\n1\n');
    await result[Symbol.asyncDispose]();
    expect(sandbox.status.busyCount).toBe(0);
  });

  test('reads the version that it asks for', async () => {
    expect(await csvOf('SELECT count(*) AS n FROM t', { at: '0' })).toBe('n\n1\n');
    expect(await csvOf('SELECT count(*) AS n FROM t@v0, t')).toBe('n\n2\n');
    const now = new Date().toISOString();
    expect(await csvOf(`SELECT count(*) AS n FROM t AT (TIMESTAMP => '${now}')`)).toBe('n\n2\n');
    await expect(csvOf('FROM t', { at: 'noon' })).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
    await expect(csvOf('FROM t', { at: '7' })).rejects.toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
  });

  test('takes parameters, and a limit', async () => {
    expect(await csvOf('SELECT $a AS a -- end', { parameters: { a: 7 } })).toBe('a\n7\n');
    expect(await csvOf('FROM range(9)', { limit: 2 })).toBe('range\n0\n1\n');
    expect(await csvOf('FROM range(9)', { limit: 0 })).toBe('range\n');
  });

  test.each([
    ['a table that does not exist', 'FROM none', 'TABLE_NOT_FOUND'],
    ['a column that does not exist', 'SELECT nope FROM t', 'SQL_FAILED'],
    ['a function that is not allowed', `FROM read_csv('/etc/passwd')`, 'SQL_REFUSED'],
    ['a function that does not exist', 'SELECT flor(id) FROM t', 'SQL_REFUSED'],
    ['too long a text', `SELECT '${'x'.repeat(20_000)}'`, 'SQL_REFUSED'],
    ['another statement', 'DROP TABLE t', 'SQL_NOT_SELECT'],
    ['a parameter without a value', 'SELECT $a', 'ARGUMENT_INVALID'],
  ])('is refused for %s, and so is its check', async (_what, sql, code) => {
    await expect(csvOf(sql)).rejects.toMatchObject({ code });
    await expect(sandbox.check(sql)).rejects.toMatchObject({ code });
  });

  test('is explained if it asks for that', async () => {
    expect(await csvOf('EXPLAIN SELECT count(*) FROM t')).toMatch(/READ_PARQUET|COLUMN_DATA_SCAN/u);
    await expect(csvOf('EXPLAIN ANALYZE SELECT 1')).rejects.toMatchObject({ code: 'SQL_REFUSED' });
    await expect(csvOf('EXPLAIN SELECT 1', { format: 'parquet' })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: 'a plan is not available as Parquet; use JSON or CSV',
    });
  });

  test('has a result in each format', async () => {
    const beginnings: Record<string, string> = {};
    for (const format of SANDBOX_FORMATS)
      beginnings[format] = (await bytesOf('SELECT 1 AS a', { format })).subarray(0, 4).toString('latin1');
    expect(beginnings).toEqual({
      json: '[\n{"',
      ndjson: '{"a"',
      csv: 'a\n1\n',
      arrow: 'ÿÿÿÿ',
      parquet: 'PAR1',
    });
  });
});

describe('a result may have', () => {
  const tooMany = { code: 'RESULT_TOO_LARGE', message: `the result has more than ${MAX_ROWS} rows` };

  test.each(['csv', 'parquet'] as const)('so many rows and no more, as %s', async (format) => {
    const most = await bytesOf(`SELECT 1::UTINYINT AS a FROM range(${MAX_ROWS})`, { format });
    expect(most.length).toBeGreaterThan(100);
    const more = `SELECT 1::UTINYINT AS a FROM range(${MAX_ROWS + 1})`;
    await expect(bytesOf(more, { format })).rejects.toMatchObject({
      ...tooMany,
      remedy: expect.stringContaining('LIMIT'),
    });
    expect((await bytesOf(more, { format, limit: MAX_ROWS })).length).toBe(most.length);
    await expect(bytesOf('FROM range(10000000000)', { format, limit: 6000 })).rejects.toMatchObject(tooMany);
  });

  test('so many bytes and no more', async () => {
    const sqlOf = (size: number): string => `SELECT repeat('x', ${size}) AS a`;
    expect(await csvOf(sqlOf(MAX_BYTES - 3))).toHaveLength(MAX_BYTES);
    await expect(csvOf(sqlOf(MAX_BYTES - 2))).rejects.toMatchObject({
      code: 'RESULT_TOO_LARGE',
      message: `the result has more than ${MAX_BYTES} bytes`,
      remedy: expect.stringContaining('Arrow'),
    });
    await expect(csvOf(`SELECT repeat('x', 20) AS a FROM range(${MAX_ROWS})`)).rejects.toMatchObject({
      code: 'RESULT_TOO_LARGE',
    });
  });
});

describe('a reader', () => {
  const long = { sql: 'FROM range(4000)', format: 'csv' } as const;

  test('who stops early frees the process', async () => {
    const result = await sandbox.query(long);
    const pieces = result.bytes[Symbol.asyncIterator]();
    expect((await pieces.next()).done).toBe(false);
    await pieces.return?.();
    await result[Symbol.asyncDispose]();
    await result[Symbol.asyncDispose]();
    expect(await csvOf('SELECT 1 AS a')).toBe('a\n1\n');
  });

  test('who does not read for long loses the rest, but may take some time', async () => {
    const result = await sandbox.query(long);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const pieces = result.bytes[Symbol.asyncIterator]();
    await pieces.next();
    vi.advanceTimersByTime(8999);
    expect((await pieces.next()).done).toBe(false);
    vi.advanceTimersByTime(9000);
    await expect(pieces.next()).rejects.toMatchObject({
      code: 'QUERY_TIMEOUT',
      message: 'the client stopped reading the result',
    });
    vi.useRealTimers();
    await result[Symbol.asyncDispose]();
    expect(await csvOf('SELECT 1 AS a')).toBe('a\n1\n');
  });

  test('whose time is over after the last piece loses nothing', async () => {
    const result = await sandbox.query({ sql: 'SELECT 1 AS a', format: 'csv' });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const pieces: string[] = [];
    for await (const piece of result.bytes) pieces.push(Buffer.from(piece).toString());
    expect([pieces, vi.getTimerCount()]).toEqual([['a\n1\n'], 0]);
    await result[Symbol.asyncDispose]();
  });

  test('who has gone ends the query', async () => {
    await expect(sandbox.query({ ...long, signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow(
      'gone',
    );
    const client = new AbortController();
    const sql = 'SELECT count(*) AS n FROM range(1000000000000) AS t(i) WHERE hash(i) = 1';
    const outcome: { error?: unknown } = {};
    void sandbox
      .query({ sql, format: 'csv', signal: client.signal })
      .catch((error: unknown) => (outcome.error = error));
    await new Promise(setImmediate);
    expect(sandbox.status.busyCount).toBe(1);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    client.abort();
    // What does not hear of it is ended two seconds later.
    await expect
      .poll(() => {
        vi.advanceTimersByTime(100);
        return outcome.error;
      })
      .toMatchObject({ code: 'INTERRUPTED' });
    vi.useRealTimers();
    expect(await csvOf('SELECT 1 AS a')).toBe('a\n1\n');
  });

  test.each(['csv', 'parquet'] as const)(
    'who has gone when the first of %s is there gets nothing',
    async (format) => {
      const client = new AbortController();
      const asking = sandbox.query({ sql: 'SELECT 1 AS a', format, signal: goneAfter(client) });
      await expect(asking).rejects.toMatchObject({ code: 'INTERRUPTED' });
    },
  );
});

/** A signal of which nothing is heard, and that turns out to be aborted when a process was given. */
function goneAfter(client: AbortController): AbortSignal {
  const { signal } = client;
  vi.spyOn(signal, 'addEventListener').mockImplementation(() => client.abort());
  return signal;
}

test('a query is checked without being run', async () => {
  const sql = 'SELECT id, error(part) AS "a b" FROM t, range(1000000000000) WHERE id < 2 -- end';
  const { columns, tables } = await sandbox.check(sql);
  expect(columns).toEqual(['id', 'a b']);
  expect(tables.map(({ reference }) => reference.name)).toEqual(['t']);
});

describe('rows for a plan', () => {
  const select = async (
    sql: string,
    more: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): ReturnType<QuerySandbox['selectInto']> =>
    sandbox.selectInto(sql, join(folder, 'rows.parquet'), more.timeoutMs ?? 60_000, more.signal);

  test('are written in the types of tables, however many they are', async () => {
    const { tables, tree } = await select(
      'SELECT (i % 100)::UTINYINT AS a, part FROM t, range(3000) AS r(i) -- end',
    );
    expect(tables.map(({ reference }) => reference.name)).toEqual(['t']);
    expect(tree).toMatchObject({ node: { type: 'SELECT_NODE' } });
    const found = `FROM '${join(folder, 'rows.parquet')}'`;
    expect(await duckDb(`SELECT count(*)::INTEGER, any_value(typeof(a)), max(part) ${found}`)).toEqual([
      [6000, 'SMALLINT', 'b'],
    ]);
  });

  test('may take as long as is said, and may be given up', async () => {
    const endless = 'SELECT count(*) AS n FROM range(1000000000000) AS t(i) WHERE hash(i) = 1';
    await expect(select(endless, { timeoutMs: 1 })).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
    await expect(select('SELECT 1 AS a', { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow(
      'gone',
    );
    await expect(select('DROP TABLE t')).rejects.toMatchObject({ code: 'SQL_NOT_SELECT' });
  });
});
