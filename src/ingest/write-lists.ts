import { join } from 'node:path';
import type { DuckDb } from '../engine/open-duckdb.ts';
import { quoteName, quoteText } from '../engine/sql-text.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { DatasetSchema } from './dataset-schema.ts';
import type { IngestReport } from './ingest-spec.ts';

/** The lists of an ingest, as CSV files in the lake, and how many lines each has. */
export interface WrittenLists {
  readonly lists: IngestReport['lists'];
  readonly counts: Readonly<Record<keyof IngestReport['lists'], number>>;
}

/** Writes what an ingest left out, and why, as CSV files below `folder`; a list without lines is not written. */
export async function writeLists(
  db: DuckDb,
  store: ObjectStore,
  schema: DatasetSchema,
  folder: string,
  scratchDir: string,
): Promise<WrittenLists> {
  const id = quoteName(schema.idColumn);
  const queries: Record<keyof IngestReport['lists'], string> = {
    rejects: 'SELECT line, reason, raw FROM rejects ORDER BY line',
    withoutImage: `SELECT __line AS line, staged_rows.${id} FROM staged_rows ANTI JOIN row_images ON row_images.image_ref = __image_ref ORDER BY line`,
    imagesWithoutRow: 'SELECT name, reason FROM images_without_row ORDER BY name',
    brokenImages: `SELECT ${id}, image_key, image_status, image_reason FROM incoming WHERE image_status <> 'ok' ORDER BY ${id}`,
  };
  const lists: Partial<Record<keyof IngestReport['lists'], string>> = {};
  const counts = { rejects: 0, withoutImage: 0, imagesWithoutRow: 0, brokenImages: 0 };
  for (const name of Object.keys(counts) as (keyof IngestReport['lists'])[]) {
    const path = join(scratchDir, `${name}.csv`);
    const [copied] = await db.rows<{ Count: bigint }>(
      `COPY (${queries[name]}) TO ${quoteText(path)} (FORMAT csv, HEADER)`,
    );
    counts[name] = Number(copied?.Count ?? 0);
    if (counts[name] === 0) continue;
    const key = `${folder}/${name.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)}.csv`;
    await store.moveIn(key, path);
    lists[name] = key;
  }
  return { lists, counts };
}
