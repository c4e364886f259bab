import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { QueryRequest, ResultPiece, SqlParameters } from '../../src/sandbox/query-messages.ts';
import { QuerySessions } from '../../src/sandbox/query-sessions.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { duckDb } from '../support/delta-table.ts';

let folder: string;
let scratchDir: string;
let sessions: QuerySessions;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  scratchDir = join(folder, 'scratch');
  await mkdir(scratchDir);
  await writeFile(join(folder, 'allowed.csv'), 'a\n1\n');
  await writeFile(join(folder, "it's.csv"), 'a\n2\n');
  await writeFile(join(folder, 'secret.csv'), 'a\n3\n');
});

beforeEach(async () => {
  sessions = new QuerySessions();
  await sessions.answer({
    kind: 'open',
    scratchDir,
    threads: 1,
    memoryBytes: 100 * 1024 ** 2,
    spillBytes: 1024 ** 2,
  });
  return () => sessions.answer({ kind: 'close' });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

type Start = Partial<Omit<Extract<QueryRequest, { kind: 'start' }>, 'kind' | 'sql'>>;

const start = async (sql: string, more: Start = {}): Promise<ResultPiece> =>
  (await sessions.answer({
    kind: 'start',
    format: 'csv',
    parameters: {},
    paths: [],
    ...more,
    sql,
  })) as ResultPiece;

const pull = async (): Promise<ResultPiece | undefined> =>
  (await sessions.answer({ kind: 'pull' })) as ResultPiece | undefined;

const check = async (sql: string, parameters: SqlParameters = {}): Promise<unknown> =>
  sessions.answer({ kind: 'check', sql, parameters, paths: [] });

const csvOf = async (sql: string, more: Start = {}): Promise<string> =>
  Buffer.from((await start(sql, more)).bytes ?? []).toString();

describe('a session', () => {
  test('runs SQL, and gives the tree of it', async () => {
    expect(await sessions.answer({ kind: 'run', sql: 'CREATE TABLE t AS SELECT 1 AS one' })).toBeUndefined();
    expect(await csvOf('FROM t')).toBe('one\n1\n');
    const json = await sessions.answer({ kind: 'serialize', sql: 'FROM t' });
    expect(JSON.parse(String(json))).toMatchObject({ error: false, statements: [{}] });
  });

  test('is as the server wants it', async () => {
    const sql = `SELECT current_setting('threads') AS n, current_setting('memory_limit') AS m, current_setting('max_temp_directory_size') AS d, current_setting('temp_directory') AS t`;
    expect(await csvOf(sql)).toBe(`n,m,d,t\n1,100.0 MiB,1.0 MiB,${join(scratchDir, 'spill')}\n`);
  });

  test('knows nothing of the one before', async () => {
    await sessions.answer({ kind: 'run', sql: 'CREATE TABLE t AS SELECT 1 AS one' });
    await sessions.answer({ kind: 'close' });
    await expect(sessions.answer({ kind: 'run', sql: 'SELECT 1' })).rejects.toMatchObject({
      code: 'INTERNAL_ERROR',
    });
    expect(await sessions.answer({ kind: 'interrupt' })).toBeUndefined();
    await sessions.answer({ kind: 'open', scratchDir, threads: 1, memoryBytes: 1e8, spillBytes: 1e6 });
    await expect(start('FROM t')).rejects.toMatchObject({ code: 'SQL_FAILED' });
    expect(await pull()).toBeUndefined();
  });

  test.each(['interrupt', 'close'] as const)('is stopped by a request to %s', async (kind) => {
    const path = join(scratchDir, kind);
    const sql = `COPY (FROM range(10000000000000)) TO ${quoteText(path)} (USE_TMP_FILE false)`;
    const stopped = expect(sessions.answer({ kind: 'run', sql })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    await expect.poll(() => existsSync(path), { interval: 5 }).toBe(true);
    await sessions.answer({ kind });
    await stopped;
    await rm(path, { force: true });
  });
});

describe('a statement', () => {
  test('reads the files that it is given and no others, from the first one on', async () => {
    const read = (name: string): string => `FROM read_csv(${quoteText(join(folder, name))})`;
    const paths = [join(folder, 'allowed.csv'), join(folder, "it's.csv")];
    expect(await csvOf(read('allowed.csv'), { paths })).toBe('a\n1\n');
    expect(await csvOf(read("it's.csv"), { paths: [join(folder, 'secret.csv')] })).toBe('a\n2\n');
    await expect(start(read('secret.csv'), { paths: [join(folder, 'secret.csv')] })).rejects.toMatchObject({
      code: 'SQL_FAILED',
    });
    await expect(
      sessions.answer({ kind: 'run', sql: 'SET lock_configuration = false' }),
    ).rejects.toMatchObject({
      code: 'SQL_FAILED',
    });
    const writing = `COPY (SELECT 1) TO ${quoteText(join(scratchDir, 'own.csv'))}`;
    expect(await sessions.answer({ kind: 'run', sql: writing })).toBeUndefined();
  });

  test.each(['CREATE TABLE t AS SELECT 1', 'SET threads = 2', "COPY (SELECT 1) TO 'x.csv'"])(
    'is a SELECT, not %s',
    async (sql) => {
      await expect(check(sql)).rejects.toMatchObject({ name: 'PixlakeError' });
      await expect(start(sql)).rejects.toMatchObject({ name: 'PixlakeError' });
    },
  );

  test('that would change something is refused before it does', async () => {
    await expect(check('CREATE TABLE t AS SELECT 1')).rejects.toMatchObject({ code: 'SQL_NOT_SELECT' });
    await expect(start('FROM t')).rejects.toMatchObject({ code: 'SQL_FAILED' });
  });

  test('is checked without being run', async () => {
    expect(await check('SELECT range AS a, 2 AS "b c" FROM range(1000000000000)')).toEqual(['a', 'b c']);
    expect(await check('EXPLAIN SELECT 1')).toHaveLength(2);
    await expect(check('SELECT nope')).rejects.toMatchObject({ code: 'SQL_FAILED' });
  });

  test.each<[string, SqlParameters[string], string]>([
    ['a text', "it's", "it's,VARCHAR"],
    ['a whole number', 7, '7,BIGINT'],
    ['a large one', 2 ** 53, '9007199254740992,DOUBLE'],
    ['a half', 0.5, '0.5,DOUBLE'],
    ['true', true, 'true,BOOLEAN'],
    ['null', null, ',"""NULL"""'],
    ['a list', [1, 2], '"[1,2]",BIGINT[]'],
    ['a list that begins with null', [null, 'x'], '"[null,""x""]",VARCHAR[]'],
    ['a list of nulls', [null], '[null],"""NULL""[]"'],
    ['an empty list', [], '[],"""NULL""[]"'],
  ])('takes %s for a parameter', async (_what, value, row) => {
    const parameters = { value };
    expect(await csvOf('SELECT $value AS v, typeof($value) AS t', { parameters })).toBe(`v,t\n${row}\n`);
  });

  test('says which parameters lack a value, and which it does not have', async () => {
    await expect(check('SELECT $a, $b, $c', { b: 1 })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: 'parameters of the SQL have no value: $a, $c',
    });
    await expect(check('SELECT $a', { a: 1, b: 2, c: 3 })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: 'the SQL has no parameters $b, $c',
    });
    await expect(check('SELECT $toString')).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
  });
});

describe('a result', () => {
  test('comes piece by piece, with the number of rows so far', async () => {
    const first = await start('FROM range(5000)');
    const pieces = [first];
    for (let piece = await pull(); piece?.bytes !== undefined; piece = await pull()) pieces.push(piece);
    expect(pieces.map(({ rowCount }) => rowCount)).toEqual([2048, 4096, 5000]);
    const text = Buffer.concat(pieces.map(({ bytes }) => bytes ?? new Uint8Array())).toString();
    expect(text.split('\n')).toHaveLength(5002);
    expect(text.startsWith('range\n0\n1\n')).toBe(true);
    expect(await pull()).toEqual({ bytes: undefined, rowCount: 5000 });
  });

  test('without rows has a header or nothing', async () => {
    expect(await start('SELECT 1 AS a WHERE false')).toEqual({ bytes: Buffer.from('a\n'), rowCount: 0 });
    expect((await pull())?.bytes).toBeUndefined();
    expect((await start('SELECT 1 AS a WHERE false', { format: 'ndjson' })).rowCount).toBe(0);
    expect(
      Buffer.from((await start('SELECT 1 AS a WHERE false', { format: 'json' })).bytes ?? []).toString(),
    ).toBe('[]\n');
  });

  test('that fails with its first rows fails at once', async () => {
    await expect(start("SELECT error('bad') AS a FROM range(3)")).rejects.toMatchObject({
      code: 'SQL_FAILED',
    });
  });
});

describe('a copy', () => {
  const copy = async (sql: string, asTableTypes: boolean, parameters: SqlParameters = {}): Promise<unknown> =>
    sessions.answer({
      kind: 'copy',
      path: join(scratchDir, "it's.parquet"),
      asTableTypes,
      sql,
      parameters,
      paths: [],
    });
  const copied = async (columns = '*'): Promise<unknown[][]> =>
    duckDb(`SELECT ${columns} FROM ${quoteText(join(scratchDir, "it's.parquet"))}`);

  test('holds the rows as they are, and says how many', async () => {
    expect(await copy('SELECT range::UTINYINT AS a FROM range(3) -- all', false)).toBe(3);
    expect(await copied('a, typeof(a)')).toEqual([0, 1, 2].map((value) => [value, 'UTINYINT']));
    expect(await copy('SELECT 1 AS a WHERE false', false)).toBe(0);
  });

  test('holds them in the types of tables, each column by a name of its own', async () => {
    const sql = `SELECT 7::UTINYINT AS "a ""b", TIME '10:00' AS t, 1 AS x, 2 AS x -- end`;
    expect(await copy(sql, true)).toBe(1);
    expect(await copied(`"a ""b", typeof("a ""b"), t, typeof(t), x, x_1`)).toEqual([
      [7, 'SMALLINT', '10:00:00', 'VARCHAR', 1, 2],
    ]);
    expect(
      await duckDb(
        `SELECT DISTINCT compression FROM parquet_metadata(${quoteText(join(scratchDir, "it's.parquet"))})`,
      ),
    ).toEqual([['ZSTD']]);
  });

  test('takes parameters', async () => {
    expect(await copy('SELECT $n AS n', false, { n: 7 })).toBe(1);
    expect(await copied()).toEqual([[7n]]);
  });

  test('is of a SELECT that works', async () => {
    await expect(copy('DROP TABLE t', false)).rejects.toMatchObject({ code: 'SQL_FAILED' });
    await expect(copy('SELECT 1; SELECT 2', true)).rejects.toMatchObject({ name: 'PixlakeError' });
    await expect(copy("SELECT error('bad') AS a FROM range(3)", true)).rejects.toMatchObject({
      code: 'SQL_FAILED',
    });
  });
});
