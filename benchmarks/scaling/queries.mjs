// (b) Latency of queries over tables of metadata, where files are ruled out by the log and where they cannot be.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { inProcess } from './machine.mjs';
import { makeMetadata } from './metadata.mjs';

/** An expression around a column hides its condition from partitions and statistics: nothing is ruled out. */
const queriesOf = (rows) => ({
  '500 ids, pruned': `SELECT * FROM catalogue WHERE masterCategory = 'Footwear' AND id BETWEEN ${rows / 2} AND ${rows / 2 + 4000}`,
  '500 ids, unpruned': `SELECT * FROM catalogue WHERE masterCategory || '' = 'Footwear' AND abs(id) BETWEEN ${rows / 2} AND ${rows / 2 + 4000}`,
  'one category and year, counted by article': `
    SELECT articleType, count(*) AS images FROM catalogue WHERE masterCategory = 'Footwear' AND year = 2013 GROUP BY ALL`,
  'histogram of all rows by category and year':
    'SELECT masterCategory, year, count(*) AS images FROM catalogue GROUP BY ALL',
});

export async function measureQueries(_, { work, isQuick, log }) {
  const points = [];
  const sizes = isQuick ? [44_000, 5_000_000] : [44_000, 1_000_000, 10_000_000, 100_000_000];
  const tables = [];
  for (const rows of sizes) {
    const lake = join(work, `metadata-${rows}`);
    const { fileCount, sizeBytes } = await makeMetadata(lake, rows);
    tables.push({ rows, fileCount, sizeBytes });
    for (const [query, sql] of Object.entries(queriesOf(rows))) {
      const { querySeconds, peakMb } = await inProcess({ lake, query: sql, repeat: isQuick ? 3 : 5 });
      points.push({ rows, query, ms: querySeconds * 1000, peakMb });
      log(`${rows} rows, ${query}: ${(querySeconds * 1000).toFixed(0)} ms`);
    }
    if (rows > 10_000_000) rmSync(lake, { recursive: true });
  }
  return { queries: Object.keys(queriesOf(1)), tables, points };
}
