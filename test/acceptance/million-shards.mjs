// The coordinator of a run of very many shards that do no work: PIXLAKE_SHARDS of them, 20,000 by default. Prints the seconds from the
// first shard to _SUCCESS, those of the commit alone, those of `runs list` before and after it, and the peak memory of the process. Each
// shard leaves a real file of errors with its one row, and its marker; files are not synced to disk.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDuckDb } from '../../dist/duckdb/open-duckdb.js';
import { BlockMerger } from '../../dist/run/block-merger.js';
import { commitRun } from '../../dist/run/commit-run.js';
import { executionKeys, folderOf, numberName } from '../../dist/run/execution.js';
import { readFinishedShards } from '../../dist/run/finished-shards.js';
import { listRuns } from '../../dist/run/inspect-runs.js';
import { inputsOf, writeExecution } from '../../dist/run/read-executions.js';
import { parseRunSpec, toRunId } from '../../dist/run/run-spec.js';
import { placeMarker } from '../../dist/run/shard-marker.js';
import { createLake } from '../../dist/storage/lake-layout.js';
import { openLocalStore } from '../../dist/storage/local-store.js';

const SHARDS = Number(process.env.PIXLAKE_SHARDS ?? 20_000);
const PLACEHOLDER = 0x5e_a1_c0_de_5e_a1n;
const MAX_COMMIT_SECONDS = 30;
const MAX_MEMORY_BYTES = 300 * 1024 ** 2;

/** A frozen execution of one-row shards, whose plan nobody reads. */
function makeExecution() {
  const sha256 = '0'.repeat(64);
  const head = {
    layoutVersion: 2,
    run: parseRunSpec({ name: 'million', sql: 'SELECT id FROM images', shardSize: 1 }, 'million'),
    sourceTable: 'images',
    sourceVersion: 0,
    versions: { 'tables/images': '0' },
    software: 'pixlake/test',
    planVersion: 1,
    pixelsVersion: 1,
    manifestVersion: 1,
  };
  return {
    ...head,
    runId: toRunId(head.run, inputsOf(head)),
    plannedMs: Date.now(),
    rowCount: SHARDS,
    shardSize: 1,
    shardCount: SHARDS,
    plan: {
      sha256,
      volatileBecause: [],
      partRowCount: SHARDS,
      parts: [{ rowCount: SHARDS, sizeBytes: 1, sha256 }],
    },
    passedColumns: [],
    manifestSchema: {
      type: 'struct',
      fields: [{ name: 'id', type: 'string', nullable: true, metadata: {} }],
    },
  };
}

/** Gives a function that makes the bytes of a file of errors with one ordinal: those of one file that DuckDB wrote, with another number. */
async function makeErrorFiles(scratchDir) {
  const path = join(scratchDir, 'errors.parquet');
  const db = await openDuckDb({ scratchDir, threads: 1 });
  await db.run(`
    COPY (SELECT ${PLACEHOLDER}::BIGINT AS __ordinal, ${PLACEHOLDER}::BIGINT AS ordinal, 'id' AS id, 0::INTEGER AS copy,
            'key' AS source_key, 'read' AS stage, 'IMAGE_MISSING' AS code, 'not looked for' AS message)
    TO '${path}' (FORMAT parquet, COMPRESSION uncompressed)`);
  db[Symbol.dispose]();
  const template = await readFile(path);
  const placeholder = Buffer.alloc(8);
  placeholder.writeBigInt64LE(PLACEHOLDER);
  const places = [];
  for (let at = template.indexOf(placeholder); at !== -1; at = template.indexOf(placeholder, at + 8))
    places.push(at);
  return (ordinal) => {
    const bytes = Buffer.from(template);
    for (const place of places) bytes.writeBigInt64LE(BigInt(ordinal), place);
    return bytes;
  };
}

async function workOnShard(store, folder, shard, makeErrors) {
  const bytes = makeErrors(shard);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const name = `${numberName(shard)}-${sha256.slice(0, 8)}.parquet`;
  await store.write(`${executionKeys.errors(folder)}/${name}`, bytes);
  const errors = { name, sizeBytes: bytes.length, sha256 };
  const counts = { imageCount: 0, takenCount: 0, errorCount: 1, imageBytes: 0 };
  await placeMarker(store, folder, { shard, ...counts, part: null, errors });
}

async function timed(name, work) {
  const startMs = performance.now();
  const result = await work();
  const seconds = (performance.now() - startMs) / 1000;
  console.log(`      ${name}: ${seconds.toFixed(2)} s`);
  return { result, seconds };
}

const folder = await mkdtemp(join(tmpdir(), 'pixlake-million-'));
try {
  const local = openLocalStore(join(folder, 'lake'));
  const store = new Proxy(local, {
    get(target, name) {
      // Syncing each marker would measure the disk.
      if (name === 'writeIfAbsent') return (key, bytes) => target.writeIfAbsent(key, bytes);
      const value = target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  await createLake(store);
  const execution = makeExecution();
  await writeExecution(store, execution);
  const makeErrors = await makeErrorFiles(folder);
  const finished = await readFinishedShards(store, execution);
  let peakBytes = 0;
  const watch = setInterval(() => (peakBytes = Math.max(peakBytes, process.memoryUsage.rss())), 100);
  await timed(`${SHARDS} shards, merged in blocks meanwhile`, async () => {
    const merger = new BlockMerger(store, execution, finished);
    for (let shard = 0; shard < SHARDS; shard++) {
      await workOnShard(store, folderOf(execution), shard, makeErrors);
      merger.shardDone(shard);
    }
    assert.equal(await merger.finish(), 0);
    await merger[Symbol.asyncDispose]();
  });
  await timed('runs list before the commit', () => listRuns(store));
  const resumed = await timed('reading what is finished', () => readFinishedShards(store, execution));
  const { seconds } = await timed('the commit', () =>
    commitRun({ store, software: 'pixlake/test' }, execution, resumed.result),
  );
  const listed = await timed('runs list', () => listRuns(store));
  clearInterval(watch);
  const [run] = listed.result.runs;
  assert.equal(run.state, 'finished');
  assert.equal(run.errorCount, SHARDS);
  console.log(`      peak memory of the coordinator: ${(peakBytes / 1024 ** 2).toFixed(0)} MB`);
  assert.ok(seconds < MAX_COMMIT_SECONDS, `the commit took ${seconds} s`);
  assert.ok(peakBytes < MAX_MEMORY_BYTES, `the coordinator took ${peakBytes} bytes of memory`);
  console.log(`ok    a run of ${SHARDS} shards is committed within ${MAX_COMMIT_SECONDS} s and 300 MB`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
