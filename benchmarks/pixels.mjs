// The whole job, files in and files out: crop at random, resize into 256x256, encode as JPEG. pixlake (which also hashes both sides and writes a
// manifest) against plain sharp, OpenCV and Pillow in pools of processes, and for large originals vipsthumbnail; all on the same files and cores,
// interleaved. Usage: npm run bench:pixels [-- <folder of JPEGs>] [--images 6000] [--runs 5] [--only pixlake,opencv] [--save thumbnails]
import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import sharp from 'sharp';
import { openLakehouse } from '../dist/bundle/index.js';
import { makeVenv } from './make-venv.mjs';
import { median } from './median.mjs';
import { saveResult } from './scaling/machine.mjs';

const PACKAGES = ['opencv-python-headless==4.11.0.86', 'numpy==2.2.6', 'pillow==11.3.0'];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: 'string', default: '6000' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string' },
    // Saves the result as one of those of the documents.
    save: { type: 'string' },
  },
});
const imageCount = Number(values.images);
const runCount = Number(values.runs);
const cores = availableParallelism();
const work = mkdtempSync(join(tmpdir(), 'pixlake-bench-pixels-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));

/** A lake whose originals are so many copies of the images of a folder, by default of the generated sample. */
async function makeLake() {
  let folder = positionals[0];
  if (folder === undefined) {
    const main = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));
    execFileSync(process.execPath, [main, 'sample', join(work, 'sample')], { stdio: 'ignore' });
    folder = join(work, 'sample', 'images');
  }
  const names = readdirSync(folder).filter((name) => /\.jpe?g$/iu.test(name));
  const catalogue = join(work, 'catalogue');
  mkdirSync(join(catalogue, 'images'), { recursive: true });
  const ids = Array.from({ length: imageCount }, (_, index) => index + 1);
  for (const id of ids)
    copyFileSync(join(folder, names[id % names.length]), join(catalogue, 'images', `${id}.jpg`));
  writeFileSync(join(catalogue, 'all.csv'), `id\n${ids.join('\n')}\n`);
  const lakehouse = openLakehouse({ lake: join(work, 'lake') });
  await lakehouse.ingest({ source: join(catalogue, 'all.csv'), images: join(catalogue, 'images') });
  // The others are spared the images that are broken.
  const good = await lakehouse.query(`SELECT image_key FROM images WHERE image_status = 'ok'`);
  const sources = join(work, 'good');
  mkdirSync(sources);
  for await (const { image_key: key } of good.rows())
    copyFileSync(join(work, 'lake', key), join(sources, key.split('/').at(-1)));
  await good[Symbol.asyncDispose]();
  return { lakehouse, sources };
}

function openPython() {
  try {
    return makeVenv(join(work, 'venv'), ...PACKAGES);
  } catch {
    console.log('Python with venv and its packages is not here: OpenCV and Pillow are left out');
    return undefined;
  }
}

/** Runs the work on all names, several at once. */
async function forEach(names, atOnce, job) {
  const queue = names.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const name of queue) await job(name);
    }),
  );
}

async function plainSharp(sources, target) {
  sharp.concurrency(1);
  sharp.cache(false);
  await forEach(readdirSync(sources), cores * 2, async (name) => {
    const { width, height } = await sharp(join(sources, name)).metadata();
    const side = (length) => Math.ceil(length * (0.8 + 0.2 * Math.random()));
    const box = { left: 0, top: 0, width: side(width), height: side(height) };
    await sharp(join(sources, name))
      .extract(box)
      .resize(256, 256, { fit: 'contain', background: 'white', kernel: 'cubic' })
      .jpeg({ quality: 90 })
      .toFile(join(target, name));
  });
}

const run = promisify(execFile);

const { lakehouse, sources } = await makeLake();
const count = readdirSync(sources).length;
const { width, height } = await sharp(join(sources, readdirSync(sources)[0])).metadata();
const isLarge = width * height > 1_000_000;
const python = openPython();
const hasVips = await run('vipsthumbnail', ['--version']).then(
  () => true,
  () => false,
);
const jobs = {
  pixlake: async (_target, round) => {
    await lakehouse.run({ name: `round-${round}`, sql: `SELECT id FROM images WHERE image_status = 'ok'` });
  },
  'plain sharp': (target) => plainSharp(sources, target),
};
if (python !== undefined) {
  const script = fileURLToPath(new URL('./pixels.py', import.meta.url));
  const libraries = isLarge ? ['opencv', 'opencv-reduced-4', 'pillow'] : ['opencv', 'pillow'];
  for (const library of libraries)
    jobs[library] = (target) => run(python, [script, library, sources, target, String(cores)]);
}
if (isLarge && hasVips)
  jobs.vipsthumbnail = (target) =>
    forEach(readdirSync(sources), cores, (name) =>
      run('vipsthumbnail', [join(sources, name), '--size', '256x256', '-o', join(target, '%s.jpg[Q=90]')]),
    );

const only = values.only?.split(',') ?? Object.keys(jobs);
for (const name of Object.keys(jobs)) if (!only.includes(name)) delete jobs[name];

console.log(
  `${cores} x ${cpus()[0].model}, ${Math.round(totalmem() / 1024 ** 3)} GB, Node ${process.version}; ${count} JPEGs of about ${width}x${height}; medians of ${runCount}\n`,
);
const seconds = Object.fromEntries(Object.keys(jobs).map((name) => [name, []]));
for (let round = 0; round < runCount; round++) {
  for (const [name, job] of Object.entries(jobs)) {
    // Nothing is removed before the end: ext4 is slow to make files where many were deleted in the last minutes.
    const target = join(work, 'out', `${name}-${round}`);
    mkdirSync(target, { recursive: true });
    const startMs = performance.now();
    await job(target, round);
    seconds[name].push((performance.now() - startMs) / 1000);
  }
}
if (values.save !== undefined)
  saveResult(`pixels-${values.save}`, {
    originals: `${count} of ${width}x${height}`,
    images: count,
    tools: Object.entries(seconds).map(([tool, all]) => ({ tool, seconds: median(all) })),
  });
const rate = (name) => count / median(seconds[name]);
console.log('                   images/s   pixlake is so many times as fast');
for (const name of Object.keys(jobs))
  console.log(
    `${name.padEnd(18)}${rate(name).toFixed(0).padStart(9)}   ${(rate('pixlake') / rate(name)).toFixed(2)}`,
  );
