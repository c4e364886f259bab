import { openAppender } from '../duckdb/appender.ts';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import type { ImageSource } from './image-source.ts';

/** The letters that file stems keep, in upper and lower case; see `fileStem`. */
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** SQL for an id as case-insensitive file systems see its stem. All other letters are percent-encoded there. */
export function foldedId(id: string): string {
  return `translate(${id}, '${UPPER}', '${UPPER.toLowerCase()}')`;
}

/**
 * SQL for the names by which a row may refer to a file, as a list: its path; unless rows name their files, also its path without the ending, its
 * name, and its name without the ending.
 */
export function callNames(name: string, hasImageColumn: boolean): string {
  if (hasImageColumn) return `[${name}]`;
  const last = `regexp_extract(${name}, '[^/]*$')`;
  const stem = (path: string): string => `regexp_replace(${path}, '([^/])\\.[^./]*$', '\\1')`;
  return `list_distinct([${name}, ${stem(name)}, ${last}, ${stem(last)}])`;
}

/**
 * Lists the files of a source and decides which file is the image of which row. Of several files the first by name wins. Fills `image_files`
 * (`position`, `name`, `problem`), `images_without_row` (`name`, `reason`) and `chosen_images`: a `number` from 0 in the order of the source,
 * `position` and `name` of the file, and the row of `known_images` that it is for.
 *
 * @throws as `ImageSource.list` does
 */
export async function chooseImages(
  db: DuckDb,
  source: ImageSource,
  hasImageColumn: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  await db.run('CREATE TABLE image_files (position BIGINT, name VARCHAR, problem VARCHAR)');
  const files = await openAppender(db, 'image_files', ['BIGINT', 'VARCHAR', 'VARCHAR']);
  let position = 0;
  for await (const { name, problem } of source.list()) {
    signal?.throwIfAborted();
    files.append([position, name, problem ?? null]);
    position += 1;
  }
  files.close();
  // If an archive has several entries with one name, the last one counts, as when it is unpacked.
  await db.run(`
    CREATE TABLE fitting_files AS
      SELECT position, name, image_ref
      FROM (SELECT position, name, unnest(${callNames('name', hasImageColumn)}) AS image_ref FROM image_files WHERE problem IS NULL)
      SEMI JOIN known_images USING (image_ref);
    CREATE TABLE chosen_images AS
      SELECT row_number() OVER (ORDER BY position, image_ref) - 1 AS number, position, name, known_images.*
      FROM (
        SELECT * FROM fitting_files
        QUALIFY row_number() OVER (PARTITION BY image_ref ORDER BY name, position DESC) = 1
      ) JOIN known_images USING (image_ref)
      ORDER BY number;
    CREATE TABLE images_without_row AS
      SELECT name, coalesce(problem, 'another file is the image of ' || min(image_ref), 'no row names it') AS reason
      FROM image_files LEFT JOIN (SELECT position, image_ref FROM fitting_files) USING (position)
      WHERE position NOT IN (SELECT position FROM chosen_images)
      GROUP BY position, name, problem;
    DROP TABLE fitting_files`);
}
