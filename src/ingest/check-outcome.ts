import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { describeErrorLimit, type ErrorLimit, exceedsErrors } from '../error-limit.ts';
import { PixlakeError } from '../errors.ts';
import type { DatasetSchema } from './dataset-schema.ts';
import { findMismatch } from './find-mismatch.ts';
import type { ListedCounts } from './stage-lists.ts';

/** What an ingest is about to commit, and its limit of errors. */
export interface Outcome {
  readonly csvPath: string;
  readonly rowCount: number;
  readonly ingestedCount: number;
  readonly counts: ListedCounts;
  readonly maxErrors: ErrorLimit | undefined;
}

/**
 * Explains why an ingest must not commit: its counts do not add up, it has no row to ingest, or too many errors.
 *
 * @returns `ROW_COUNT_MISMATCH`, `INGEST_EMPTY` or `TOO_MANY_ERRORS`; `undefined` if it may commit
 */
export async function checkOutcome(
  db: DuckDb,
  schema: DatasetSchema,
  outcome: Outcome,
): Promise<PixlakeError | undefined> {
  const { csvPath, rowCount, ingestedCount, counts, maxErrors } = outcome;
  const { rejects, withoutImage, brokenImages } = counts;
  if (rowCount !== ingestedCount + withoutImage + rejects) {
    const found = `${ingestedCount} to ingest, ${withoutImage} without an image and ${rejects} rejected`;
    return new PixlakeError(
      'ROW_COUNT_MISMATCH',
      `${csvPath} has ${rowCount} rows, but these are known: ${found}; nothing was committed`,
      { remedy: 'report this as a bug' },
    );
  }
  if (rowCount === 0) {
    const hasOddLineEnds = schema.columns.some(({ name }) => name.includes('\r'));
    return new PixlakeError('INGEST_EMPTY', `${csvPath} has no rows below its header`, {
      remedy: hasOddLineEnds
        ? 'its lines end in CR only; save it with LF or CRLF line ends'
        : 'check that it is the right file and that it is complete',
    });
  }
  if (ingestedCount === 0) {
    const found = `none of the ${rowCount} rows of ${csvPath} could be ingested: ${rejects} rejected, ${withoutImage} without an image`;
    if (withoutImage === 0) {
      const [first] = await db.rows<{ line: bigint; reason: string }>(
        'SELECT line, reason FROM rejects ORDER BY line LIMIT 1',
      );
      return new PixlakeError('INGEST_EMPTY', `${found}; line ${first?.line}: ${first?.reason}`);
    }
    const [unread] = await db.rows<{ name: string; reason: string }>(
      'SELECT name, reason FROM unread_images ORDER BY name LIMIT 1',
    );
    if (unread !== undefined)
      return new PixlakeError('INGEST_EMPTY', `${found}; ${unread.name}: ${unread.reason}`);
    const { examples, hint } = await findMismatch(db, schema);
    return new PixlakeError('INGEST_EMPTY', `${found}. ${examples}`, {
      remedy: hint ?? 'check that ids match the names of the image files, with or without ending and folder',
    });
  }
  const errorCount = rejects + withoutImage + brokenImages;
  if (maxErrors === undefined || !exceedsErrors(maxErrors, errorCount, rowCount)) return undefined;
  return new PixlakeError(
    'TOO_MANY_ERRORS',
    `${errorCount} of ${rowCount} rows have errors (${rejects} rejected, ${withoutImage} without an image, ${brokenImages} with a broken image), more than the limit of ${describeErrorLimit(maxErrors)}; nothing was committed`,
    { remedy: 'fix the source, or allow more errors' },
  );
}
