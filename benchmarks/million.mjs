// One run over a million images (copies of those there are), watched: images a second and memory as it goes, and what it leaves behind.
// Usage: npm run bench:million [-- --images 1000000] ; PIXLAKE_FASHION_DIR as for `npm run bench`. Takes about 10 GB of disk in the temporary folder.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openLakehouse } from '../dist/bundle/index.js';
import { plotMillion } from './plots.mjs';
import { renderPlot } from './render-plot.mjs';
import { makeLake, openCatalogue } from './scaling/catalogue.mjs';
import { saveResult } from './scaling/machine.mjs';

const { values } = parseArgs({ options: { images: { type: 'string', default: '1000000' } } });
const work = mkdtempSync(join(tmpdir(), 'pixlake-million-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
const output = fileURLToPath(new URL('./results', import.meta.url));
mkdirSync(output, { recursive: true });

const catalogue = await openCatalogue(work, false);
const { lake, goodCount } = await makeLake(work, catalogue);
const copies = Math.ceil(Number(values.images) / goodCount);
console.log(`${goodCount} images x ${copies} copies`);

const SAMPLE_MS = 5000;
const points = [];
const startMs = performance.now();
let plannedMs = 0;
let lastMs = startMs;
const watch = (images) => {
  const point = {
    seconds: Math.round((performance.now() - startMs) / 100) / 10,
    images,
    rssMb: Math.round(process.memoryUsage().rss / 1024 ** 2),
  };
  points.push(point);
  console.log(`  ${point.seconds} s: ${images} images, ${point.rssMb} MB`);
};
const report = await openLakehouse({ lake }).run(
  { name: 'million', sql: "SELECT * FROM images WHERE image_status = 'ok'", copies },
  {
    onStart: () => {
      plannedMs = performance.now() - startMs;
    },
    onProgress: ({ imageCount }) => {
      if (performance.now() - lastMs < SAMPLE_MS) return;
      lastMs = performance.now();
      watch(imageCount);
    },
  },
);
const seconds = (performance.now() - startMs) / 1000;

const folder = join(lake, report.folder);
const sizeOf = (path) => statSync(path).size;
const sumOf = (directory, end) =>
  readdirSync(directory)
    .filter((name) => name.endsWith(end))
    .reduce((sum, name) => sum + sizeOf(join(directory, name)), 0);
const manifest = join(folder, 'manifest');
const result = saveResult('million', {
  catalogue: catalogue.name,
  rows: report.rowCount,
  copies,
  images: report.imageCount,
  errors: report.errorCount,
  seconds,
  planSeconds: plannedMs / 1000,
  peakMb: Math.round(process.resourceUsage().maxRSS / 1024),
  shards: report.shardCount,
  bytes: {
    images: report.imageBytes,
    plan: sumOf(join(folder, 'plan', readdirSync(join(folder, 'plan'))[0]), '.parquet'),
    manifest: sumOf(manifest, '.parquet'),
    log: sumOf(join(manifest, '_delta_log'), '.json'),
  },
  points,
});
const { svg, png } = await renderPlot(plotMillion(result));
writeFileSync(join(output, 'million.svg'), svg);
writeFileSync(join(output, 'million.png'), png);
console.log(
  `${report.imageCount} images in ${seconds.toFixed(0)} s: ${(report.imageCount / seconds).toFixed(0)}/s`,
);
