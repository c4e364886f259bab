// Where the time of one image goes: each step of a run by itself, in one thread, on the same files, and beside it a whole run with one worker; what
// the steps do not explain is the rest. Usage: npm run bench:profile [-- <folder of JPEGs>] [--images 3000] [--runs 5]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { openAppender } from '../dist/duckdb/appender.js';
import { openDuckDb } from '../dist/duckdb/open-duckdb.js';
import { drawTransform } from '../dist/image/draw-transform.js';
import { fitInto } from '../dist/image/fit-into.js';
import { parseJpegHeader } from '../dist/image/jpeg-header.js';
import { withKernel } from '../dist/image/pixel-kernel.js';
import { openLakehouse } from '../dist/index.js';
import { sha256Of } from '../dist/storage/hash-file.js';
import { median } from './median.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { images: { type: 'string', default: '3000' }, runs: { type: 'string', default: '5' } },
});
const [imageCount, runCount] = [Number(values.images), Number(values.runs)];
const work = mkdtempSync(join(tmpdir(), 'pixlake-bench-profile-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));

let folder = positionals[0];
if (folder === undefined) {
  const main = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));
  execFileSync(process.execPath, [main, 'sample', join(work, 'sample')], { stdio: 'ignore' });
  folder = join(work, 'sample', 'images');
}
const isUsed = (header) => header !== undefined && header.orientation === 1 && header.channels === 3;
const usable = readdirSync(folder)
  .filter((name) => /\.jpe?g$/iu.test(name))
  .map((name) => join(folder, name))
  .filter((path) => isUsed(parseJpegHeader(readFileSync(path))));
const images = join(work, 'catalogue', 'images');
mkdirSync(images, { recursive: true });
const paths = Array.from({ length: imageCount }, (_, index) => join(images, `${index + 1}.jpg`));
for (const [index, path] of paths.entries()) copyFileSync(usable[index % usable.length], path);
writeFileSync(join(work, 'catalogue', 'all.csv'), `id\n${paths.map((_, index) => index + 1).join('\n')}\n`);

const transform = { crop: 0.2, size: 256, fit: 'contain', flip: 0, rotate: 0, brightness: 0, blur: 0 };
const files = paths.map((path) => readFileSync(path));
const headers = files.map((bytes) => parseJpegHeader(bytes));
const draws = headers.map((header, index) =>
  drawTransform(transform, header, { seed: 0, id: String(index), copy: 0 }),
);
const placed = draws.map((drawn) => {
  const crop = {
    left: drawn.cropLeft,
    top: drawn.cropTop,
    width: drawn.cropWidth,
    height: drawn.cropHeight,
  };
  const { box, place } = fitInto(crop, { width: 256, height: 256 }, 'contain');
  return {
    box: { ...box, left: crop.left, top: crop.top },
    bounds: crop,
    place,
    isFlipped: false,
  };
});
const written = files.map(() => Buffer.alloc(0));
let decodedAlready;

/** Steps of one image, each given what the ones before it made. */
const steps = {
  'open, read, close': (index) => readFileSync(paths[index]),
  'sha-256 of the original': (index) => sha256Of(files[index]),
  'parse the header': (index) => parseJpegHeader(files[index]),
  'draw the parameters': (index) =>
    drawTransform(transform, headers[index], { seed: 0, id: String(index), copy: 0 }),
  'decode to planes': (index, kernel) => kernel.decodePlanes(files[index], 8, headers[index]),
  'crop and resize': (index, kernel, canvas) => kernel.resample(decodedAlready, canvas, placed[index]),
  pad: (index, kernel, canvas) => kernel.pad(canvas, placed[index].place, [255, 255, 255]),
  encode: (index, kernel, canvas) => {
    written[index] = kernel.encode(canvas, 90);
  },
  'sha-256 of the image': (index) => sha256Of(written[index]),
};

/** Microseconds for each step, as means over all images: steps follow each other, so that caches are as in a run. */
function measureSteps() {
  const total = Object.fromEntries(Object.keys(steps).map((name) => [name, 0]));
  withKernel((kernel) => {
    const canvas = kernel.canvas('written', 'subsampled', 256, 256);
    for (const index of files.keys()) {
      for (const [name, step] of Object.entries(steps)) {
        const startMs = performance.now();
        const result = step(index, kernel, canvas);
        total[name] += performance.now() - startMs;
        if (name === 'decode to planes') decodedAlready = result;
      }
    }
  });
  return Object.fromEntries(Object.entries(total).map(([name, ms]) => [name, (ms / files.length) * 1000]));
}

function measureWrites(round) {
  const folderOfRound = join(work, `written-${round}`);
  mkdirSync(folderOfRound);
  const startMs = performance.now();
  for (const [index, bytes] of written.entries()) writeFileSync(join(folderOfRound, `${index}.jpg`), bytes);
  return ((performance.now() - startMs) / files.length) * 1000;
}

/** A shard's DuckDB: opened, a row of 20 values for each image, written as Parquet, closed. */
async function measureManifest(round) {
  const startMs = performance.now();
  for (let start = 0; start < files.length; start += 1000) {
    const scratchDir = join(work, `scratch-${round}-${start}`);
    mkdirSync(scratchDir);
    const db = await openDuckDb({ scratchDir, threads: 1 });
    const names = Array.from({ length: 20 }, (_, column) => `c${column}`);
    await db.run(`CREATE TABLE written (${names.map((name) => `${name} VARCHAR`).join(', ')})`);
    const appender = await openAppender(
      db,
      'written',
      names.map(() => 'VARCHAR'),
    );
    for (let index = start; index < Math.min(files.length, start + 1000); index++)
      appender.append(names.map((name) => `${name} of image ${index}`));
    appender.close();
    await db.run(`COPY written TO '${join(scratchDir, 'part.parquet')}' (FORMAT parquet, COMPRESSION zstd)`);
    db[Symbol.dispose]();
  }
  return ((performance.now() - startMs) / files.length) * 1000;
}

const lakehouse = openLakehouse({ lake: join(work, 'lake'), workers: 1 });
await lakehouse.ingest({ source: join(work, 'catalogue', 'all.csv'), images });

async function measureRun(round) {
  const startMs = performance.now();
  await lakehouse.run({ name: `round-${round}`, sql: 'SELECT id FROM images' });
  return ((performance.now() - startMs) / files.length) * 1000;
}

const rows = [];
for (let round = 0; round < runCount; round++)
  rows.push({
    ...measureSteps(),
    'create and write the file': measureWrites(round),
    'manifest: DuckDB, rows, Parquet': await measureManifest(round),
    whole: await measureRun(round),
  });
const names = Object.keys(rows[0]);
const medians = Object.fromEntries(names.map((name) => [name, median(rows.map((row) => row[name]))]));
const { whole, ...parts } = medians;
const sum = Object.values(parts).reduce((total, us) => total + us, 0);
const { width, height } = await sharp(paths[0]).metadata();
console.log(
  `${cpus()[0].model}, ${Math.round(totalmem() / 1024 ** 3)} GB, Node ${process.version}; ${imageCount} JPEGs of about ${width}x${height} to 256x256; medians of ${runCount}, images ${createHash('sha256').update(Buffer.concat(written)).digest('hex').slice(0, 12)}\n`,
);
const print = (name, us) =>
  console.log(
    `${name.padEnd(36)}${us.toFixed(1).padStart(8)} us${((100 * us) / whole).toFixed(0).padStart(5)} %`,
  );
for (const [name, us] of Object.entries(parts)) print(name, us);
print('rest: start, compiling, threads, GC', whole - sum);
print('whole run with one worker', whole);
