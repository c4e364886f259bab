import type { DuckDBValue } from '@duckdb/node-api';
import { duckdb } from '../duckdb/duckdb-api.ts';
import { PixlakeError } from '../errors.ts';
import type { RowBatch, RowBatches } from '../duckdb/result-stream.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { IMAGE_KEY } from './image-location.ts';

/** The column of links that is added. */
const URL_COLUMN = 'image_url';

/** Links that Signature Version 4 allows hold for a week at most. */
const MAX_EXPIRY_MS = 7 * 24 * 60 * 60_000;

/**
 * Adds the column `image_url` to a result: for each `image_key` a link to the image that anyone may read for so many ms. See
 * {@link ImageLocation} for what the keys name.
 *
 * @throws `ARGUMENT_INVALID` if the result has no keys, the lake lies in a folder, or the time is out of range
 */
export function signUrls(batches: RowBatches, store: ObjectStore, expiresMs: number): RowBatches {
  if (!(expiresMs >= 1000 && expiresMs <= MAX_EXPIRY_MS))
    throw new PixlakeError('ARGUMENT_INVALID', 'links hold for a second at least and 7 days at most');
  const index = batches.columns.findIndex(({ name }) => name === IMAGE_KEY);
  if (index === -1) {
    throw new PixlakeError('ARGUMENT_INVALID', `the SQL returns no column ${IMAGE_KEY} to make links of`, {
      remedy: `select ${IMAGE_KEY} too`,
    });
  }
  const { remote } = store;
  if (remote === undefined)
    throw new PixlakeError('ARGUMENT_INVALID', 'there are links only to images of a lake on S3');
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
