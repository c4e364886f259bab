import { describe, expect, test } from 'vitest';
import { parseDatasetSchema } from '../../src/ingest/dataset-schema.ts';
import { findMismatch, type Mismatch } from '../../src/ingest/find-mismatch.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { openTestDb } from '../support/run-in-process.ts';

/** What an ingest has staged where no row has found its image. */
interface Staged {
  /** What rows call their images: ids, or with `isPath` paths in a column `file`. */
  readonly refs: readonly (string | null)[];
  readonly isPath?: boolean;
  /** A text beside each id. */
  readonly note?: string;
  readonly files: readonly string[];
  /** Files that are not looked at, and why. */
  readonly problems?: Readonly<Record<string, string>>;
}

async function explain({
  refs,
  isPath = false,
  note = 'x',
  files,
  problems = {},
}: Staged): Promise<Mismatch> {
  using db = await openTestDb();
  const columns = ['id', 'file', 'note'].map((name) => ({ name, type: 'VARCHAR' }));
  const schema = parseDatasetSchema(
    { name: 't', idColumn: 'id', columns, ...(isPath ? { imageColumn: 'file' } : {}) },
    'a test',
  );
  await db.run(`
    CREATE TABLE staged_rows (__image_ref VARCHAR, __line BIGINT, id VARCHAR, file VARCHAR, note VARCHAR);
    CREATE TABLE image_files (position BIGINT, name VARCHAR, problem VARCHAR)`);
  // The last row comes first, as it may in a table.
  for (const [index, ref] of [...refs.entries()].toReversed()) {
    const row = [ref, String(index + 2), isPath ? `id ${index}` : ref, isPath ? ref : 'none', note];
    const values = row.map((value) => (value === null ? 'NULL' : quoteText(value)));
    await db.run(`INSERT INTO staged_rows VALUES (${values.join(', ')})`);
  }
  for (const name of files) await db.run(`INSERT INTO image_files VALUES (0, ${quoteText(name)}, NULL)`);
  for (const [name, problem] of Object.entries(problems))
    await db.run(`INSERT INTO image_files VALUES (0, ${quoteText(name)}, ${quoteText(problem)})`);
  return await findMismatch(db, schema);
}

const DECIMALS =
  'the ids are written as decimals such as 1.0, the file names as whole numbers such as 1; write the ids as whole numbers';
const ZEROS = 'leading zeros in the names differ; write them in the same way';
const CASE = 'upper and lower case in the names differ; write them in the same way';
const ENDINGS =
  'the endings of the names differ; ids need no ending, but paths in the image column need that of the file';
const FOLDERS = 'the folders in the names differ; write paths relative to the folder of --images';
const UNICODE = 'accented letters are in different Unicode forms; write all names in NFC';

describe('the likely cause is told', () => {
  test.each<[string, Staged, string | undefined]>([
    ['decimals', { refs: ['1.0', '2.00'], files: ['2.jpg'] }, DECIMALS],
    ['leading zeros of files', { refs: ['1', '2'], files: ['001.jpg'] }, ZEROS],
    ['leading zeros of ids', { refs: ['002'], files: ['2.jpg'] }, ZEROS],
    ['case of ids', { refs: ['IMG_1'], files: ['img_1.jpg'] }, CASE],
    ['case of files', { refs: ['img_1'], files: ['a/IMG_1.jpg'] }, CASE],
    ['endings of ids', { refs: ['1.png'], files: ['1.jpg'] }, ENDINGS],
    ['no ending in a path', { refs: ['a/1'], isPath: true, files: ['a/1.jpg'] }, ENDINGS],
    ['folders in paths', { refs: ['images/1.jpg'], isPath: true, files: ['1.jpg'] }, FOLDERS],
    ['folders of files', { refs: ['1.jpg'], isPath: true, files: ['x/1.jpg'] }, FOLDERS],
    ['folders of ids', { refs: ['a/1'], files: ['b/1.jpg'] }, FOLDERS],
    ['Unicode', { refs: ['caf\u00e9'], files: ['cafe\u0301.jpg'] }, UNICODE],
    ['Unicode of ids', { refs: ['cafe\u0301'], files: ['caf\u00e9.jpg'] }, UNICODE],
    [
      'another column than the id',
      { refs: ['a'], note: 'x/1.jpg', files: ['x/1.jpg'] },
      "column note contains file names; use --image-column 'note'",
    ],
    [
      'another column than the one of paths',
      { refs: ['a.jpg'], isPath: true, note: '1.jpg', files: ['1.jpg'] },
      "column note contains file names; use --image-column 'note'",
    ],
    ['nothing to tell', { refs: ['red'], files: ['blue.jpg'] }, undefined],
    ['one of several rows and files', { refs: ['q', '5.0'], files: ['z.jpg', '5.jpg'] }, DECIMALS],
    [
      'a file that is not looked at',
      { refs: ['1.0'], files: ['z.jpg'], problems: { '1.jpg': 'a link' } },
      undefined,
    ],
    ['no file', { refs: ['1'], files: [] }, undefined],
    ['no name in any row', { refs: [null], isPath: true, files: ['1.jpg'] }, undefined],
    [
      'no name in any row, but in another column',
      { refs: [null], isPath: true, note: '1.jpg', files: ['1.jpg'] },
      "column note contains file names; use --image-column 'note'",
    ],
  ])('%s', async (_, staged, hint) => {
    expect((await explain(staged)).hint).toBe(hint);
  });
});

test('a row that calls its image by no name has none to compare', async () => {
  expect((await explain({ refs: [null, 'a'], isPath: true, files: ['b.jpg'] })).hint).toBeUndefined();
});

describe('examples are the first three names, cut to 60 characters', () => {
  test.each<[Staged, string]>([
    [{ refs: ['d', 'c', 'b', 'a'], files: ['9', '3', '2', '1'] }, 'ids: d, c, b; image files: 1, 2, 3'],
    [
      { refs: [null, 'b.jpg'], isPath: true, files: ['1'], problems: { '0': 'a link' } },
      'column file: b.jpg; image files: 1',
    ],
    [{ refs: [null], isPath: true, files: ['1'] }, 'column file: all empty; image files: 1'],
    [{ refs: ['1'], files: [] }, 'ids: 1; no image files were found'],
    [
      { refs: ['1'], files: [], problems: { b: 'a link', a: 'a hidden file' } },
      'ids: 1; no image files were found (a: a hidden file)',
    ],
    [
      { refs: ['x'.repeat(60)], files: ['y'.repeat(61)] },
      `ids: ${'x'.repeat(60)}; image files: ${'y'.repeat(60)}…`,
    ],
  ])('%j', async (staged, examples) => {
    expect((await explain(staged)).examples).toBe(examples);
  });
});
