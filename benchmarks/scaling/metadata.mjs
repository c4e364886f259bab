// A table of synthetic metadata of any size, in twenty ingests or more, of a million rows at most.
import { openDuckDb } from '../../dist/duckdb/open-duckdb.js';
import { writeDataFiles } from '../../dist/duckdb/write-data-files.js';
import { createLake } from '../../dist/storage/lake-layout.js';
import { openStore } from '../../dist/storage/open-store.js';
import { deltaField } from '../../dist/table/delta-schema.js';
import { readSnapshot } from '../../dist/table/read-snapshot.js';
import { transact } from '../../dist/table/transaction.js';
import { availableParallelism } from 'node:os';

const FOLDER = 'tables/catalogue';

const COLUMNS = [
  ['id', 'long'],
  ['gender', 'string'],
  ['masterCategory', 'string'],
  ['articleType', 'string'],
  ['baseColour', 'string'],
  ['season', 'string'],
  ['year', 'integer'],
  ['usage', 'string'],
  ['productDisplayName', 'string'],
  ['image_key', 'string'],
  ['image_status', 'string'],
];

const pick = (values, salt) =>
  `[${values.map((value) => `'${value}'`).join(', ')}][(1 + hash(i, ${salt}) % ${values.length})::BIGINT]`;

/** Rows [first, end): categories as skewed as in the real catalogue, years that grow with the id. */
const rowsOf = (first, end, rowCount) => `
  SELECT i AS id, ${pick(['Men', 'Men', 'Men', 'Women', 'Women', 'Boys', 'Girls', 'Unisex'], 1)} AS gender,
    ${pick(['Apparel', 'Apparel', 'Apparel', 'Accessories', 'Accessories', 'Footwear', 'Personal Care', 'Home'], 2)} AS "masterCategory",
    'Article ' || (hash(i, 3) % 140) AS "articleType", 'Colour ' || (hash(i, 4) % 46) AS "baseColour",
    ${pick(['Summer', 'Summer', 'Fall', 'Winter', 'Spring'], 5)} AS season, (2007 + 12 * i // ${rowCount})::INTEGER AS year,
    ${pick(['Casual', 'Casual', 'Casual', 'Sports', 'Formal', 'Ethnic'], 6)} AS usage,
    'Brand ' || (hash(i, 7) % 400) || ' product ' || (hash(i, 8) % 100000) AS "productDisplayName",
    'originals/catalogue/' || i || '.jpg' AS image_key, 'ok' AS image_status
  FROM range(${first}, ${end}) t(i)`;

/** Writes the table and gives the bytes of its Parquet files. */
export async function makeMetadata(lake, rowCount) {
  const store = openStore(lake);
  await createLake(store);
  const schema = { type: 'struct', fields: COLUMNS.map(([name, type]) => deltaField(name, type)) };
  const partitionColumns = ['masterCategory'];
  const scratchDir = await store.makeScratchDir();
  const db = await openDuckDb({ scratchDir, threads: availableParallelism() });
  const batchRows = Math.max(50_000, Math.min(1_000_000, Math.ceil(rowCount / 20)));
  const added = [];
  try {
    for (let first = 0; first < rowCount; first += batchRows) {
      const query = rowsOf(first, Math.min(rowCount, first + batchRows), rowCount);
      added.push(
        ...(await writeDataFiles(db, store, {
          query,
          schema,
          partitionColumns,
          folder: FOLDER,
          scratchDir,
          rowGroupSize: 122_880,
        })),
      );
    }
  } finally {
    db[Symbol.dispose]();
  }
  const start = async () => (await readSnapshot(store, FOLDER)) ?? FOLDER;
  await transact(store, start, async (transaction) => {
    transaction.setMetadata({ schema, partitionColumns });
    transaction.addShared(added);
    const commit = { reads: { kind: 'none' }, operation: 'WRITE', parameters: {}, metrics: {} };
    await transaction.commit({ ...commit, software: 'pixlake-benchmark' });
  });
  return { fileCount: added.length, sizeBytes: added.reduce((sum, { size }) => sum + size, 0) };
}
