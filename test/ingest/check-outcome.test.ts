import { describe, expect, test } from 'vitest';
import { checkOutcome, type Outcome } from '../../src/ingest/check-outcome.ts';
import { parseDatasetSchema } from '../../src/ingest/dataset-schema.ts';
import { openTestDb } from '../support/run-in-process.ts';

const SCHEMA = parseDatasetSchema(
  { name: 't', idColumn: 'id', columns: [{ name: 'id', type: 'BIGINT' }] },
  'a test',
);

const COUNTS = { rejects: 0, withoutImage: 0, imagesWithoutRow: 0, brokenImages: 0 };

const FINE: Outcome = {
  csvPath: 'a.csv',
  rowCount: 10,
  ingestedCount: 10,
  counts: COUNTS,
  maxErrors: undefined,
};

async function check(
  outcome: Partial<Outcome>,
  counts: Partial<Outcome['counts']> = {},
): Promise<string | undefined> {
  using db = await openTestDb();
  await db.run(`
    CREATE TABLE rejects (line BIGINT, reason VARCHAR);
    INSERT INTO rejects VALUES (7, 'too short'), (3, 'no id');
    CREATE TABLE unread_images (name VARCHAR, reason VARCHAR);
    INSERT INTO unread_images VALUES ('b.jpg', 'it vanished')`);
  const failure = await checkOutcome(db, SCHEMA, { ...FINE, ...outcome, counts: { ...COUNTS, ...counts } });
  return failure && `${failure.code}: ${failure.message}`;
}

test('an ingest without errors may commit, and one with some where no limit is set', async () => {
  expect(await check({})).toBeUndefined();
  expect(await check({ ingestedCount: 1 }, { rejects: 4, withoutImage: 5, brokenImages: 1 })).toBeUndefined();
});

test.each<[Partial<Outcome>, Partial<Outcome['counts']>]>([
  [{ ingestedCount: 9 }, {}],
  [{ ingestedCount: 11 }, {}],
  [{ ingestedCount: 9 }, { rejects: 1, withoutImage: 1 }],
  [{ ingestedCount: 8 }, { withoutImage: 1 }],
  [{ rowCount: 0 }, {}],
])('an ingest whose counts do not add up, %j and %j, must not', async (outcome, counts) => {
  expect(await check(outcome, counts)).toMatch(
    /^ROW_COUNT_MISMATCH: a\.csv has \d+ rows, but these are known: /u,
  );
});

describe('limits of errors', () => {
  test.each<[Outcome['maxErrors'], number, boolean]>([
    [{ kind: 'count', value: 3 }, 3, true],
    [{ kind: 'count', value: 2 }, 3, false],
    [{ kind: 'percent', value: 30 }, 3, true],
    [{ kind: 'percent', value: 29.9 }, 3, false],
  ])('%j with %i errors: %s', async (maxErrors, errorCount, mayCommit) => {
    const found = await check(
      { maxErrors, ingestedCount: 10 - errorCount + 1 },
      { rejects: errorCount - 1, brokenImages: 1 },
    );
    expect(found === undefined).toBe(mayCommit);
    expect(found ?? 'TOO_MANY_ERRORS').toMatch(/^TOO_MANY_ERRORS/u);
  });
});

describe('an ingest of nothing', () => {
  test('names the file where it has no rows', async () => {
    expect(await check({ rowCount: 0, ingestedCount: 0 })).toBe(
      'INGEST_EMPTY: a.csv has no rows below its header',
    );
  });

  test('names the first reject where all rows are', async () => {
    expect(await check({ ingestedCount: 0 }, { rejects: 10 })).toMatch(/^INGEST_EMPTY: .*; line 3: no id$/u);
  });

  test('names the first image that could not be read where rows lack theirs', async () => {
    expect(await check({ ingestedCount: 0 }, { withoutImage: 10 })).toMatch(
      /^INGEST_EMPTY: .*; b\.jpg: it vanished$/u,
    );
  });
});
