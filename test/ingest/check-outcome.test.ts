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
  { schema = SCHEMA, staging = '' } = {},
): Promise<string | undefined> {
  using db = await openTestDb();
  await db.run(`
    CREATE TABLE rejects (line BIGINT, reason VARCHAR);
    INSERT INTO rejects VALUES (7, 'too short'), (3, 'no id');
    CREATE TABLE unread_images (name VARCHAR, reason VARCHAR);
    INSERT INTO unread_images VALUES ('b.jpg', 'it vanished'), ('a.jpg', 'it is a link');
    ${staging}`);
  const failure = await checkOutcome(db, schema, { ...FINE, ...outcome, counts: { ...COUNTS, ...counts } });
  return failure && [`${failure.code}: ${failure.message}`, failure.remedy].filter(Boolean).join(' | ');
}

test('an ingest without errors may commit, and one with some where no limit is set', async () => {
  expect(await check({})).toBeUndefined();
  expect(await check({ ingestedCount: 1 }, { rejects: 4, withoutImage: 5, brokenImages: 1 })).toBeUndefined();
});

test.each<[Partial<Outcome>, Partial<Outcome['counts']>, string]>([
  [{ ingestedCount: 9 }, {}, '10 rows, but these are known: 9 to ingest, 0 without an image and 0 rejected'],
  [
    { ingestedCount: 11 },
    {},
    '10 rows, but these are known: 11 to ingest, 0 without an image and 0 rejected',
  ],
  [
    { ingestedCount: 9 },
    { rejects: 1, withoutImage: 2 },
    '10 rows, but these are known: 9 to ingest, 2 without an image and 1 rejected',
  ],
  [
    { ingestedCount: 8 },
    { withoutImage: 1 },
    '10 rows, but these are known: 8 to ingest, 1 without an image and 0 rejected',
  ],
  [{ rowCount: 0 }, {}, '0 rows, but these are known: 10 to ingest, 0 without an image and 0 rejected'],
])('an ingest whose counts do not add up, %j and %j, must not', async (outcome, counts, found) => {
  expect(await check(outcome, counts)).toBe(
    `ROW_COUNT_MISMATCH: a.csv has ${found}; nothing was committed | report this as a bug`,
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

  test('names each kind of error and the limit', async () => {
    const counts = { rejects: 1, withoutImage: 2, brokenImages: 3, imagesWithoutRow: 9 };
    expect(await check({ maxErrors: { kind: 'count', value: 5 }, ingestedCount: 7 }, counts)).toBe(
      'TOO_MANY_ERRORS: 6 of 10 rows have errors (1 rejected, 2 without an image, 3 with a broken image), more than the limit of 5; nothing was committed | fix the source, or allow more errors',
    );
    expect(await check({ maxErrors: { kind: 'count', value: 6 }, ingestedCount: 7 }, counts)).toBeUndefined();
  });
});

describe('an ingest of nothing', () => {
  const found = (rejects: number, withoutImage: number): string =>
    `INGEST_EMPTY: none of the 10 rows of a.csv could be ingested: ${rejects} rejected, ${withoutImage} without an image`;

  test('names the file where it has no rows', async () => {
    expect(await check({ rowCount: 0, ingestedCount: 0 })).toBe(
      'INGEST_EMPTY: a.csv has no rows below its header | check that it is the right file and that it is complete',
    );
  });

  test('tells line ends that are no line ends here', async () => {
    const columns = ['id', 'a\rb'].map((name) => ({ name, type: 'BIGINT' }));
    const schema = parseDatasetSchema({ name: 't', idColumn: 'id', columns }, 'a test');
    expect(await check({ rowCount: 0, ingestedCount: 0 }, {}, { schema })).toBe(
      'INGEST_EMPTY: a.csv has no rows below its header | its lines end in CR only; save it with LF or CRLF line ends',
    );
  });

  test('names the first reject where all rows are', async () => {
    expect(await check({ ingestedCount: 0 }, { rejects: 10 })).toBe(`${found(10, 0)}; line 3: no id`);
  });

  test('names the first image that could not be read where rows lack theirs', async () => {
    expect(await check({ ingestedCount: 0 }, { rejects: 1, withoutImage: 9 })).toBe(
      `${found(1, 9)}; a.jpg: it is a link`,
    );
  });

  test.each([
    ['1.0', 'ids: 1.0; image files: 1.jpg', expect.stringContaining('write the ids as whole numbers')],
    [
      'x',
      'ids: x; image files: 1.jpg',
      'check that ids match the names of the image files, with or without ending and folder',
    ],
  ])('compares the names where no row has an image: %s', async (ref, examples, remedy) => {
    const staging = `
      DELETE FROM unread_images;
      CREATE TABLE staged_rows AS SELECT '${ref}' AS __image_ref, 2 AS __line, '${ref}' AS id;
      CREATE TABLE image_files AS SELECT '1.jpg' AS name, NULL::VARCHAR AS problem`;
    const failure = await check({ ingestedCount: 0 }, { withoutImage: 10 }, { staging });
    expect(failure?.split(' | ')).toEqual([`${found(0, 10)}. ${examples}`, remedy]);
  });
});
