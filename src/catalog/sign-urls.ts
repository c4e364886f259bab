import type { DuckDBValue } from '@duckdb/node-api';
import { duckdb } from '../duckdb/duckdb-api.ts';
import { PixlakeError } from '../errors.ts';
import type { RowBatch, RowBatches } from '../duckdb/result-stream.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { IMAGE_KEY } from './image-location.ts';

/** The column with the links. */
const URL_COLUMN = 'image_url';

/** Signature Version 4 limits links to a week. */
const MAX_EXPIRY_MS = 7 * 24 * 60 * 60_000;

/**
 * Adds the column `image_url` to a result: for each `image_key` a link by which anyone can read the image for `expiresMs`. See
 * {@link ImageLocation} for the meaning of the keys.
 *
 * @throws `ARGUMENT_INVALID` if the result has no keys, the lake lies in a folder, or the time is out of range
 */
export function signUrls(batches: RowBatches, store: ObjectStore, expiresMs: number): RowBatches {
  if (!(expiresMs >= 1000 && expiresMs <= MAX_EXPIRY_MS))
    throw new PixlakeError(
      'ARGUMENT_INVALID',
      'links must be valid for at least 1 second and at most 7 days',
    );
  const index = batches.columns.findIndex(({ name }) => name === IMAGE_KEY);
  if (index === -1) {
    throw new PixlakeError(
      'ARGUMENT_INVALID',
      `the SQL returns no column ${IMAGE_KEY}, from which links are made`,
      {
        remedy: `select ${IMAGE_KEY} too`,
      },
    );
  }
  const { remote } = store;
  if (remote === undefined)
    throw new PixlakeError('ARGUMENT_INVALID', 'links are only available for lakes on S3');
  const { columns } = batches;
  return {
    columns: [...columns, { name: URL_COLUMN, type: duckdb.VARCHAR }],
    async *[Symbol.asyncIterator]() {
      for await (const batch of batches) {
        const keys = batch.getColumns()[index] ?? [];
        const urls = await Promise.all(
          keys.map(async (key) => (typeof key === 'string' ? remote.signUrl(key, expiresMs) : null)),
        );
        yield withColumn(batch, urls);
      }
    },
  };
}

function withColumn(batch: RowBatch, values: readonly DuckDBValue[]): RowBatch {
  return {
    rowCount: batch.rowCount,
    getRows: () => batch.getRows().map((row, index) => [...row, values[index] ?? null]),
    getColumns: () => [...batch.getColumns(), [...values]],
  };
}
