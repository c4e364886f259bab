import type { DuckDBValue } from '@duckdb/node-api';
import { duckdb } from '../duckdb/duckdb-api.ts';
import { PixlakeError } from '../errors.ts';
import type { QueriedTable } from './lake-tables.ts';
import type { RowBatch, RowBatches } from '../duckdb/result-stream.ts';

/** Column of a result that names objects, and the column of links that is added. */
const KEY_COLUMN = 'image_key';
const URL_COLUMN = 'image_url';

/** Links that Signature Version 4 allows hold for a week at most. */
const MAX_EXPIRY_MS = 7 * 24 * 60 * 60_000;

/**
 * Adds the column `image_url` to a result: for each `image_key` a link to the image that anyone may read for so many ms. The keys are taken
 * for those of the first table that has such a column.
 *
 * @throws `ARGUMENT_INVALID` if the result has no keys, lies in a folder, or the time is out of range
 */
export function signUrls(
  batches: RowBatches,
  tables: readonly QueriedTable[],
  expiresMs: number,
): RowBatches {
  if (!(expiresMs >= 1000 && expiresMs <= MAX_EXPIRY_MS))
    throw new PixlakeError('ARGUMENT_INVALID', 'links hold for a second at least and 7 days at most');
  const index = batches.columns.findIndex(({ name }) => name === KEY_COLUMN);
  if (index === -1) {
    throw new PixlakeError('ARGUMENT_INVALID', `the SQL returns no column ${KEY_COLUMN} to make links of`, {
      remedy: `select ${KEY_COLUMN} too`,
    });
  }
  const owner = tables.find(({ snapshot }) => snapshot.schema.fields.some(({ name }) => name === KEY_COLUMN));
  const remote = owner?.store.remote;
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
