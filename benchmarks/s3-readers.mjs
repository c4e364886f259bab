// How long queries on S3 take when DuckDB's httpfs reads, and when they go by way of the local cache, empty and filled.
// Usage: npm run bench:s3 -- s3://bucket/prefix [<rows>...]      (default 44000 10000000; what it writes there is removed)
// Each time is that of a fresh process's first query, from opening the lake, less what starting Node takes. PIXLAKE_HTTPFS as ever.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDuckDb } from '../dist/duckdb/open-duckdb.js';
import { openLakehouse } from '../dist/index.js';
import { openStore } from '../dist/storage/open-store.js';
import { median } from './median.mjs';
import { saveResult } from './scaling/machine.mjs';

const RUNS = 5;
const FILES = 16;
const QUERIES = {
  'count by class': 'SELECT kind, count(*) FROM TABLE GROUP BY ALL',
  'one id': 'SELECT * FROM TABLE WHERE id = 4242',
  'rows of one class and year': "SELECT * FROM TABLE WHERE kind = 'kind 7' AND year = 2012",
};

/** Writes a table of metadata as images have it, sorted by class, as Parquet files below the prefix. */
async function makeTable(store, name, rows) {
  const scratchDir = mkdtempSync(join(tmpdir(), 'pixlake-bench-'));
  try {
    const db = await openDuckDb({ scratchDir });
    await db.run(`COPY (
      SELECT i AS id, 'kind ' || (i * ${50 / rows})::INTEGER AS kind, 2007 + hash(i) % 10 AS year,
        'Product ' || md5(i::VARCHAR) AS title, 'originals/images/' || i || '.jpg' AS image_key, sha256(i::VARCHAR) AS image_sha256
      FROM range(${rows}) t(i)
    ) TO '${scratchDir}/out' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192, FILE_SIZE_BYTES ${Math.ceil((rows * 120) / FILES)})`);
    db[Symbol.dispose]();
    let bytes = 0;
    for (const file of readdirSync(join(scratchDir, 'out'))) {
      const key = `${name}/${file}`;
      await store.moveIn(key, join(scratchDir, 'out', file));
      bytes += (await store.stat(key)).sizeBytes;
    }
    return bytes;
  } finally {
    rmSync(scratchDir, { recursive: true, force: true });
  }
}

/** Asks one query and gives the ms that it took. */
async function ask(lake, reader, cacheDir, sql) {
  const startMs = performance.now();
  const lakehouse = openLakehouse({ lake, s3: { reader, cacheDir } });
  const query = await lakehouse.query(sql);
  await query.toArray();
  await query[Symbol.asyncDispose]();
  return performance.now() - startMs;
}

function askInProcess(...args) {
  return Number(execFileSync(process.execPath, [fileURLToPath(import.meta.url), 'ask', ...args]));
}

if (process.argv[2] === 'ask') {
  process.stdout.write(String(await ask(...process.argv.slice(3))));
} else {
  const [prefix = '', ...sizes] = process.argv.slice(2);
  if (!prefix.startsWith('s3://')) throw new Error('name a prefix such as s3://bucket/bench');
  const store = openStore(prefix);
  const folder = mkdtempSync(join(tmpdir(), 'pixlake-bench-'));
  const lake = join(folder, 'lake');
  console.log(
    `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 1024 ** 3)} GiB, Node ${process.version}; medians of ${RUNS} runs`,
  );
  const tables = [];
  try {
    for (const rows of sizes.length === 0 ? [44_000, 10_000_000] : sizes.map(Number)) {
      const name = `rows_${rows}`;
      const bytes = await makeTable(store, name, rows);
      await openLakehouse({ lake, s3: { cacheDir: folder } }).tables.attach(name, `${prefix}/${name}`);
      console.log(
        `\n${rows} rows, ${(bytes / 1e6).toFixed(1)} MB; ms with httpfs, cache empty, cache filled`,
      );
      const table = { rows, bytes, queries: [] };
      tables.push(table);
      for (const [title, sql] of Object.entries(QUERIES)) {
        const query = sql.replace('TABLE', name);
        const times = { httpfs: [], empty: [], filled: [] };
        for (let run = 0; run < RUNS; run++) {
          const cacheDir = join(folder, `cache-${run}`);
          times.httpfs.push(askInProcess(lake, 'httpfs', cacheDir, query));
          times.empty.push(askInProcess(lake, 'cache', cacheDir, query));
          times.filled.push(askInProcess(lake, 'cache', cacheDir, query));
          rmSync(cacheDir, { recursive: true, force: true });
        }
        const [httpfs, empty, filled] = Object.values(times).map(median);
        table.queries.push({ title, httpfsMs: httpfs, emptyMs: empty, filledMs: filled });
        const ratios = [empty, filled].map((time) => (time / httpfs).toFixed(2)).join(' and ');
        console.log(
          `  ${title.padEnd(28)} ${[httpfs, empty, filled].map((time) => time.toFixed(0).padStart(6)).join(' ')}   ${ratios} of httpfs`,
        );
      }
    }
    if (sizes.length === 0) saveResult('s3-readers', { tables });
  } finally {
    const keys = [];
    for await (const { key } of store.list('')) if (key.startsWith('rows_')) keys.push(key);
    await store.deleteMany(keys);
    rmSync(folder, { recursive: true, force: true });
  }
}
