import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { type DeltaField, isIntegerType } from '../table/delta-schema.ts';
import { parseTableName, sqlNameOf } from '../sql/table-reference.ts';
import { IMAGE_KEY, type ImageLocation, namesImages } from './image-location.ts';
import { findQueriedTable } from './find-table.ts';
import { queryLake } from './query-lake.ts';
import { quoteName, quoteText } from '../sql/sql-text.ts';

/** Columns with the ids of images, those of runs first. */
const ID_COLUMNS = ['image_id', 'id'];

/**
 * Finds the image of a row by its id: the column `image_id` in outputs of runs; `id`, or else the first column, in tables.
 *
 * @throws `TABLE_NOT_FOUND`, `IMAGE_MISSING`
 */
export async function findImage(store: ObjectStore, tableName: string, id: string): Promise<ImageLocation> {
  const { reference, snapshot } = await findQueriedTable(store, parseTableName(tableName));
  const { fields } = snapshot.schema;
  const table = sqlNameOf(reference);
  const idField =
    ID_COLUMNS.map((name) => fields.find((field) => field.name === name)).find(Boolean) ?? fields[0];
  const literal = idField === undefined ? undefined : toLiteral(idField, id);
  if (idField === undefined || literal === undefined || !namesImages(snapshot)) throw noImage(table, id);
  await using query = await queryLake(
    store,
    `SELECT ${IMAGE_KEY}, image_sha256, image_format FROM ${table} WHERE ${quoteName(idField.name)} = ${literal}`,
    { limit: 1 },
  );
  for await (const batch of query.batches) {
    for (const [key, sha256, format] of batch.getRows()) {
      if (typeof key === 'string') return { key, sha256: toText(sha256), format: toText(format) };
    }
  }
  throw noImage(table, id);
}

/** Numbers are compared as numbers, so files can be skipped by their bounds. */
function toLiteral({ type }: DeltaField, id: string): string | undefined {
  if (!isIntegerType(type)) return quoteText(id);
  return /^-?\d{1,19}$/u.test(id) ? id : undefined;
}

function toText(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function noImage(table: string, id: string): PixlakeError {
  return new PixlakeError(
    'IMAGE_MISSING',
    `${table} has no image with the id ${JSON.stringify(id.slice(0, 100))}`,
  );
}
