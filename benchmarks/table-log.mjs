// How long a table with many data files takes to open, from its checkpoint and from its log entries alone, and how much memory that needs.
// Usage: npm run bench:log [-- <data files>...]      (default 10000 100000)
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore } from '../dist/storage/open-store.js';
import { checkpointKey, logKey } from '../dist/table/log-listing.js';
import { pruneFiles } from '../dist/table/prune-files.js';
import { readSnapshot } from '../dist/table/read-snapshot.js';
import { transact } from '../dist/table/transaction.js';
import { median } from './median.mjs';
import { saveResult } from './scaling/machine.mjs';

const RUNS = 5;
const FOLDER = 'tables/t';
/** The first commit brings most files, ten more the rest, so that version 10 has a checkpoint. */
const SMALL_COMMITS = 11;

const fields = ['id', 'year', 'gender', 'title', 'kind'].map((name) => ({
  name,
  type: name === 'id' ? 'long' : name === 'year' ? 'integer' : 'string',
  nullable: true,
  metadata: {},
}));
const schema = { type: 'struct', fields };

/** An action as a real table has it, with statistics of four columns; the file itself is not needed to open the table. */
function addOf(index) {
  const stats = {
    numRecords: 1000,
    minValues: { id: index * 1000, year: 2007 + (index % 5), gender: 'Boys', title: `Product ${index}` },
    maxValues: {
      id: index * 1000 + 999,
      year: 2012 + (index % 5),
      gender: 'Women',
      title: `Product ${index}z`,
    },
    nullCount: { id: 0, year: 1, gender: 0, title: 7 },
  };
  const kind = `kind ${index % 50}`;
  return {
    path: `kind=kind%2520${index % 50}/part-${String(index).padStart(32, '0')}.parquet`,
    partitionValues: { kind },
    size: 4_000_000 + index,
    modificationTime: 1_700_000_000_000,
    dataChange: true,
    stats: JSON.stringify(stats),
  };
}

async function makeTable(store, fileCount) {
  const smallCount = Math.floor(fileCount / 1000);
  let next = 0;
  for (let version = 0; version <= SMALL_COMMITS; version++) {
    const count = version === 0 ? fileCount - smallCount * SMALL_COMMITS : smallCount;
    const added = Array.from({ length: count }, () => addOf(next++));
    const start = async () => (await readSnapshot(store, FOLDER)) ?? FOLDER;
    await transact(store, start, async (transaction) => {
      transaction.setMetadata({ schema, partitionColumns: ['kind'] });
      transaction.addShared(added);
      const commit = { reads: { kind: 'none' }, operation: 'WRITE', parameters: {}, metrics: {} };
      await transaction.commit({ ...commit, software: 'benchmark' });
    });
  }
}

/** Runs in a process of its own, so that the peak of its memory is that of one opening. */
async function openOnce(lake) {
  const startMs = performance.now();
  const snapshot = await readSnapshot(openStore(lake), FOLDER);
  const openMs = performance.now() - startMs;
  const pruneStartMs = performance.now();
  const literal = { kind: 'number', value: 5_000_500 };
  const kept = pruneFiles(snapshot, { kind: 'compare', column: 'id', comparison: '=', literal });
  const pruneMs = performance.now() - pruneStartMs;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const figures = { openMs, pruneMs, peakBytes, fileCount: snapshot.files.length, keptCount: kept.length };
  console.log(JSON.stringify(figures));
}

function measure(lake) {
  const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--open', lake]);
  return JSON.parse(output.toString());
}

function medians(runs) {
  const figure = (name) => median(runs.map((run) => run[name]));
  return {
    openMs: figure('openMs'),
    pruneMs: figure('pruneMs'),
    peakBytes: figure('peakBytes'),
    last: runs.at(-1),
  };
}

async function benchmark(fileCount) {
  const root = mkdtempSync(join(tmpdir(), 'pixlake-bench-'));
  try {
    const [whole, entriesOnly] = [join(root, 'whole'), join(root, 'entries')];
    await makeTable(openStore(whole), fileCount);
    await makeTable(openStore(entriesOnly), fileCount);
    await openStore(entriesOnly).delete(checkpointKey(FOLDER, 10));
    const runs = { checkpoint: [], entries: [] };
    // Taken in turn, so that what else the machine does hits both alike.
    for (let run = 0; run < RUNS; run++) {
      runs.checkpoint.push(measure(whole));
      runs.entries.push(measure(entriesOnly));
    }
    const [checkpoint, entries] = [medians(runs.checkpoint), medians(runs.entries)];
    const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
    const sizeOf = (key) => megabytes(statSync(join(whole, key)).size);
    console.log(`
${fileCount} data files; checkpoint ${sizeOf(checkpointKey(FOLDER, 10))}, first log entry ${sizeOf(logKey(FOLDER, 0))}
  open from the checkpoint   ${(checkpoint.openMs / 1000).toFixed(2)} s, peak memory ${megabytes(checkpoint.peakBytes)}
  open from the log entries  ${(entries.openMs / 1000).toFixed(2)} s, peak memory ${megabytes(entries.peakBytes)}   (baseline)
  ratio                      ${(checkpoint.openMs / entries.openMs).toFixed(2)} of the time, ${(checkpoint.peakBytes / entries.peakBytes).toFixed(2)} of the memory
  prune by id = 5000500      ${checkpoint.pruneMs.toFixed(0)} ms, leaves ${checkpoint.last.keptCount} of ${checkpoint.last.fileCount} files`);
    const secondsAndBytes = ({ openMs, peakBytes }) => ({ openSeconds: openMs / 1000, peakBytes });
    return {
      fileCount,
      checkpoint: secondsAndBytes(checkpoint),
      entries: secondsAndBytes(entries),
      pruneMs: checkpoint.pruneMs,
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const [mode, lake] = process.argv.slice(2);
if (mode === '--open') await openOnce(lake);
else {
  const sizes = process.argv.slice(2).map(Number);
  const [cpu] = cpus();
  console.log(
    `${cpu?.model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}; medians of ${RUNS} runs`,
  );
  const tables = [];
  for (const fileCount of sizes.length === 0 ? [10_000, 100_000] : sizes)
    tables.push(await benchmark(fileCount));
  if (sizes.length === 0) saveResult('log', { tables });
}
