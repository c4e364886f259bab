import { join } from 'node:path';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { quoteName, quoteText } from '../sql/sql-text.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { DatasetSchema } from './dataset-schema.ts';
import type { IngestReport } from './ingest-spec.ts';

type ListName = keyof IngestReport['lists'];

/** Number of lines of each list of an ingest. */
export type ListedCounts = Readonly<Record<ListName, number>>;

/** The lists of an ingest as local files, and the number of lines of each. */
export interface StagedLists {
  readonly counts: ListedCounts;
  /** Moves lists that are not empty into a folder of the lake and returns their keys. */
  readonly publish: (store: ObjectStore, folder: string) => Promise<IngestReport['lists']>;
}

/** Writes what an ingest left out, and why, as CSV files below `scratchDir`. */
export async function stageLists(
  db: DuckDb,
  schema: DatasetSchema,
  scratchDir: string,
): Promise<StagedLists> {
  const id = quoteName(schema.idColumn);
  const queries: Record<ListName, string> = {
    rejects: 'SELECT line, reason, raw FROM rejects ORDER BY line',
    withoutImage: `
      SELECT __line AS line, staged_rows.${id}, CASE
        WHEN __image_ref IS NULL THEN 'the image column is empty'
        WHEN unread_images.name IS NULL THEN 'no image file has this name'
        ELSE unread_images.name || ': ' || unread_images.reason END AS reason
      FROM staged_rows ANTI JOIN row_images ON row_images.image_ref = __image_ref
      LEFT JOIN unread_images ON unread_images.image_ref = __image_ref ORDER BY line`,
    imagesWithoutRow: 'SELECT name, reason FROM images_without_row ORDER BY ALL',
    brokenImages: `SELECT ${id}, image_key, image_status, image_reason FROM incoming WHERE image_status <> 'ok' ORDER BY ${id}`,
  };
  const names = Object.keys(queries) as ListName[];
  const pathOf = (name: ListName): string => join(scratchDir, `${name}.csv`);
  const counts = { rejects: 0, withoutImage: 0, imagesWithoutRow: 0, brokenImages: 0 };
  for (const name of names) {
    const [copied] = await db.rows<{ Count: bigint }>(
      `COPY (${queries[name]}) TO ${quoteText(pathOf(name))} (FORMAT csv, HEADER)`,
    );
    counts[name] = Number(copied?.Count ?? 0);
  }
  return {
    counts,
    async publish(store, folder) {
      const lists: Partial<Record<ListName, string>> = {};
      for (const name of names.filter((list) => counts[list] > 0)) {
        const key = `${folder}/${name.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)}.csv`;
        await store.moveIn(key, pathOf(name));
        lists[name] = key;
      }
      return lists;
    },
  };
}
