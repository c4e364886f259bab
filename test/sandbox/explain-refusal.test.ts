import { expect, test } from 'vitest';
import type { DuckDb } from '../../src/duckdb/open-duckdb.ts';
import { PixlakeError } from '../../src/errors.ts';
import { explainRefusal } from '../../src/sandbox/explain-refusal.ts';
import { guardSelect } from '../../src/sql/guard-select.ts';
import { parseSelect } from '../../src/sql/parse-select.ts';
import { openTestDb } from '../support/run-in-process.ts';

async function refusalOf(db: DuckDb, sql: string): Promise<unknown> {
  return parseSelect(db, sql, guardSelect).catch((error: unknown) => error);
}

test.each([
  ['SELECT cuont(*) FROM images', 'cuont', 'did you mean count?'],
  ['SELECT FLOR(1.5)', 'flor', 'did you mean floor?'],
  ['FROM generate_serie(3)', 'generate_serie', 'did you mean generate_series?'],
  [`SELECT "o'no"(1)`, "o'no", undefined],
  ['SELECT classify_this_picture_please(1)', 'classify_this_picture_please', 'see https://duckdb.org'],
])('%s calls a function that does not exist', async (sql, name, remedy) => {
  using db = await openTestDb();
  const refusal = await refusalOf(db, sql);
  const explained = await explainRefusal(db, refusal);
  expect(explained).toMatchObject({
    code: 'SQL_REFUSED',
    message: `no function is named ${name}`,
    cause: refusal,
    ...(remedy === undefined ? {} : { remedy: expect.stringContaining(remedy) }),
  });
});

test.each([
  "FROM read_csv('/etc/passwd')",
  'SELECT pg_sleep(1)',
  'SELECT current_setting(1)',
  'FROM "C:/secret"."x"."y"',
  `SELECT ${'f'.repeat(101)}(1)`,
])('%s is refused as before', async (sql) => {
  using db = await openTestDb();
  const refusal = await refusalOf(db, sql);
  expect(refusal).toMatchObject({ code: 'SQL_REFUSED' });
  expect(await explainRefusal(db, refusal)).toBe(refusal);
});

test('other errors, and those of a session that cannot answer, stay as they are', async () => {
  const run = async (): Promise<void> => {
    throw new PixlakeError('QUERY_CRASHED', 'the process has died');
  };
  using db = await openTestDb();
  const refusal = await refusalOf(db, 'SELECT cuont(*)');
  expect(await explainRefusal({ run }, refusal)).toBe(refusal);
  const other = new PixlakeError('SQL_SYNTAX', 'no');
  expect(await explainRefusal({ run }, other)).toBe(other);
});
