import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { quoteName, quoteText } from '../sql/sql-text.ts';
import { callNames } from './choose-images.ts';
import type { DatasetSchema } from './dataset-schema.ts';

/** Number of example names. */
const SHOWN = 3;

/** A frequent difference between the names of rows and files: SQL that makes both equal if this is the difference, and a hint. */
interface Difference {
  readonly row: (ref: string) => string;
  readonly file: (name: string) => string;
  readonly hint: string;
}

const same = (name: string): string => name;
const lastOf = (path: string): string => `regexp_extract(${path}, '[^/]*$')`;

const FOLDERS = 'the folders in the names differ; write paths relative to the folder of --images';
const ENDINGS =
  'the endings of the names differ; ids need no ending, but paths in the image column need that of the file';

/** The most likely first. File names are those of {@link callNames}. */
const DIFFERENCES: readonly Difference[] = [
  // Matches only if rows name paths: ids would have found the file by one of these names.
  { row: same, file: same, hint: ENDINGS },
  {
    row: (ref) => `regexp_replace(${ref}, '\\.0+$', '')`,
    file: same,
    hint: 'the ids are written as decimals such as 1.0, the file names as whole numbers such as 1; write the ids as whole numbers',
  },
  {
    row: (ref) => `ltrim(${ref}, '0')`,
    file: (name) => `ltrim(${name}, '0')`,
    hint: 'leading zeros in the names differ; write them in the same way',
  },
  {
    row: (ref) => `lower(${ref})`,
    file: (name) => `lower(${name})`,
    hint: 'upper and lower case in the names differ; write them in the same way',
  },
  { row: (ref) => `regexp_replace(${ref}, '\\.[^./]*$', '')`, file: same, hint: ENDINGS },
  { row: lastOf, file: same, hint: FOLDERS },
  {
    row: (ref) => `nfc_normalize(${ref})`,
    file: (name) => `nfc_normalize(${name})`,
    hint: 'accented letters are in different Unicode forms; write all names in NFC',
  },
];

/** Example names of rows and files, and how they differ if that is known. */
export interface Mismatch {
  readonly examples: string;
  readonly hint: string | undefined;
}

/** Explains why no row matched an image. Needs the staging tables `staged_rows` and `image_files`. */
export async function findMismatch(db: DuckDb, schema: DatasetSchema): Promise<Mismatch> {
  const refs = await namesOf(
    db,
    `SELECT __image_ref AS name FROM staged_rows WHERE __image_ref IS NOT NULL ORDER BY __line LIMIT ${SHOWN}`,
  );
  const files = await namesOf(
    db,
    `SELECT name FROM image_files WHERE problem IS NULL ORDER BY name LIMIT ${SHOWN}`,
  );
  const [problem] = await namesOf(
    db,
    `SELECT name || ': ' || problem AS name FROM image_files WHERE problem IS NOT NULL ORDER BY ALL LIMIT 1`,
  );
  const kind = schema.imageColumn === undefined ? 'ids' : `column ${schema.imageColumn}`;
  const rowText = refs.length === 0 ? `${kind}: all empty` : `${kind}: ${list(refs)}`;
  const none = `no image files were found${problem === undefined ? '' : ` (${problem})`}`;
  const fileText = files.length === 0 ? none : `image files: ${list(files)}`;
  return {
    examples: `${rowText}; ${fileText}`,
    hint: await findHint(db, schema),
  };
}

async function findHint(db: DuckDb, schema: DatasetSchema): Promise<string | undefined> {
  const isNamedBy = (text: string, names: string): Promise<boolean> =>
    hasRows(db, `FROM staged_rows WHERE ${text} IN (SELECT ${names})`);
  const files = 'FROM image_files WHERE problem IS NULL';
  if (await isNamedBy(lastOf('__image_ref'), `${lastOf('name')} ${files}`)) return FOLDERS;
  await db.run(
    `CREATE OR REPLACE TEMP TABLE call_names AS SELECT DISTINCT unnest(${callNames('name', false)}) AS name ${files}`,
  );
  for (const { row, file, hint } of DIFFERENCES) {
    if (await isNamedBy(row('__image_ref'), `${file('name')} FROM call_names`)) return hint;
  }
  for (const { name } of schema.columns) {
    if (name !== schema.imageColumn && (await isNamedBy(`${quoteName(name)}::VARCHAR`, `name ${files}`)))
      return `column ${name} contains file names; use --image-column ${quoteText(name)}`;
  }
  return undefined;
}

async function hasRows(db: DuckDb, from: string): Promise<boolean> {
  return (await db.rows(`SELECT 1 ${from} LIMIT 1`)).length > 0;
}

async function namesOf(db: DuckDb, sql: string): Promise<string[]> {
  return (await db.rows<{ name: string }>(sql)).map(({ name }) => name);
}

function list(names: readonly string[]): string {
  return names.map((name) => (name.length > 60 ? `${name.slice(0, 60)}…` : name)).join(', ');
}
