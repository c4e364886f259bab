// Queries over REST at 1, 16 and 64 clients, against DuckDB called in this process, alone and by way of the library: what the sandbox costs.
// Usage: npm run bench:rest [-- <lake>]      (default: a lake of the generated sample)
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import autocannon from 'autocannon';
import { openLakehouse } from '../dist/bundle/index.js';
import { median } from './median.mjs';
import { saveResult } from './scaling/machine.mjs';

const SECONDS = 8;
const RUNS = 3;
const CLIENTS = [1, 16, 64];
const QUERIES = {
  'count by class': 'SELECT gender, count(*) AS images FROM images WHERE year > 2012 GROUP BY ALL ORDER BY 1',
  'first 100 rows': 'SELECT * FROM images ORDER BY id LIMIT 100',
};
const MAIN = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));

const work = mkdtempSync(join(tmpdir(), 'pixlake-bench-rest-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));

function makeLake() {
  const lake = join(work, 'lake');
  const run = (...args) => execFileSync(process.execPath, [MAIN, ...args], { stdio: 'ignore' });
  run('sample', join(work, 'sample'));
  run('ingest', join(work, 'sample'), '--lake', lake);
  return lake;
}

async function serve(lake) {
  const server = spawn(
    process.execPath,
    [MAIN, 'serve', '--lake', lake, '--port', '0', '--requests-at-once', '1000'],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, PIXLAKE_LOG_LEVEL: 'warn' },
    },
  );
  const url = await new Promise((resolve) => {
    server.stdout.on('data', (text) => resolve(/at (http:\S+)/u.exec(String(text))?.[1]));
  });
  return { server, url };
}

/** One after another for some seconds: ms of each. */
async function repeat(query) {
  const durations = [];
  const endMs = performance.now() + SECONDS * 1000;
  while (performance.now() < endMs) {
    const startMs = performance.now();
    await query();
    durations.push(performance.now() - startMs);
  }
  return durations;
}

const percentile = (values, share) =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)];

/** Queries a second, and the median and 99th percentile of their ms. */
const summarize = (durations) => [
  1000 / (durations.reduce((a, b) => a + b) / durations.length),
  percentile(durations, 0.5),
  percentile(durations, 0.99),
];

function report(label, perSecond, p50, p99, note = '') {
  const cells = [perSecond.toFixed(1).padStart(9), p50.toFixed(1).padStart(9), p99.toFixed(1).padStart(9)];
  console.log(`${label.padEnd(34)}${cells.join('')}  ${note}`);
}

async function measureDirect(lake, sql) {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(
    `CREATE VIEW images AS FROM read_parquet('${lake}/tables/images/**/*.parquet', hive_partitioning = true)`,
  );
  const medians = [];
  for (let run = 0; run < RUNS; run++) {
    const durations = await repeat(async () => (await connection.runAndReadAll(sql)).getRowObjectsJson());
    medians.push(summarize(durations));
  }
  connection.closeSync();
  instance.closeSync();
  return [0, 1, 2].map((index) => median(medians.map((values) => values[index])));
}

async function measureLibrary(lake, sql) {
  const lakehouse = openLakehouse({ lake });
  const durations = await repeat(async () => {
    const query = await lakehouse.query(sql);
    await query.toArray();
    await query[Symbol.asyncDispose]();
  });
  return summarize(durations);
}

async function load(url, sql, connections) {
  return autocannon({
    url: `${url}/v1/query`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql }),
    connections,
    duration: SECONDS,
  });
}

const lake = process.argv[2] ?? makeLake();
console.log(
  `${cpus().length} x ${cpus()[0].model}, ${Math.round(totalmem() / 1024 ** 3)} GB, Node ${process.version}; lake ${process.argv[2] ?? 'of the generated sample'}`,
);
console.log(`median of ${RUNS} times ${SECONDS} s each\n`);
const { server, url } = await serve(lake);
const queries = [];
try {
  for (const [name, sql] of Object.entries(QUERIES)) {
    console.log(`${name.padEnd(34)}queries/s   p50 ms   p99 ms`);
    const direct = await measureDirect(lake, sql);
    const rest = [];
    queries.push({ name, directP50Ms: direct[1], rest });
    report('DuckDB in this process', ...direct);
    report('library: a DuckDB a query', ...(await measureLibrary(lake, sql)));
    await load(url, sql, 4);
    for (const connections of CLIENTS) {
      const results = [];
      for (let run = 0; run < RUNS; run++) results.push(await load(url, sql, connections));
      const of = (read) => median(results.map(read));
      const refused = results.reduce((sum, result) => sum + result['5xx'] + result['4xx'], 0);
      const failed = results.reduce((sum, result) => sum + result.errors + result.timeouts, 0);
      const p50 = of((result) => result.latency.p50);
      rest.push({ clients: connections, perSecond: of((result) => result.requests.average), p50Ms: p50 });
      const note = connections === 1 ? `${(p50 - direct[1]).toFixed(1)} ms more than in this process` : '';
      report(
        `REST, ${connections} ${connections === 1 ? 'client' : 'clients'}`,
        of((result) => result.requests.average),
        p50,
        of((result) => result.latency.p99),
        [note, refused > 0 ? `${refused} refused (429/503)` : '', failed > 0 ? `${failed} failed` : '']
          .filter(Boolean)
          .join('; '),
      );
    }
    console.log('');
  }
  saveResult('rest', { queries });
} finally {
  server.kill('SIGTERM');
}
