import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, test } from 'vitest';
import { CHECKPOINT_SCHEMA } from '../../src/table/checkpoint-schema.ts';
import { duckDb } from '../support/delta-table.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const TEXTS = 'MAP(VARCHAR, VARCHAR)';

test('another reader sees the columns and types of the protocol, all of which may be null', async () => {
  const names = ['txn', 'add', 'remove', 'metaData', 'protocol'];
  const columnData = names.map((name) => ({ name, data: [null] }));
  const path = join(await makeTestFolder(), 'c.parquet');
  await writeFile(path, Buffer.from(parquetWriteBuffer({ columnData, schema: CHECKPOINT_SCHEMA })));
  const columns = await duckDb(`SELECT column_name, column_type FROM (DESCRIBE FROM '${path}')`);
  expect(columns).toEqual([
    ['txn', 'STRUCT(appId VARCHAR, "version" BIGINT, lastUpdated BIGINT)'],
    [
      'add',
      `STRUCT(path VARCHAR, partitionValues ${TEXTS}, size BIGINT, modificationTime BIGINT, dataChange BOOLEAN, tags ${TEXTS}, stats VARCHAR)`,
    ],
    [
      'remove',
      `STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, extendedFileMetadata BOOLEAN, partitionValues ${TEXTS}, size BIGINT, ` +
        'deletionVector STRUCT(storageType VARCHAR, pathOrInlineDv VARCHAR, "offset" INTEGER, sizeInBytes INTEGER, cardinality BIGINT))',
    ],
    [
      'metaData',
      `STRUCT(id VARCHAR, "name" VARCHAR, description VARCHAR, format STRUCT(provider VARCHAR, "options" ${TEXTS}), schemaString VARCHAR, ` +
        `partitionColumns VARCHAR[], "configuration" ${TEXTS}, createdTime BIGINT)`,
    ],
    [
      'protocol',
      'STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER, readerFeatures VARCHAR[], writerFeatures VARCHAR[])',
    ],
  ]);
  expect(await duckDb(`FROM '${path}'`)).toEqual([[null, null, null, null, null]]);
});
