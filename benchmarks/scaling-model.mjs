// From what was measured to a million and a billion images: writes results/scaling.json and its plot, then the figures of all documents.
// Usage: npm run bench:model      (needs the results of `npm run bench` and `npm run bench:million`)
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeFigures } from './figures.mjs';
import { plotScaling } from './plots.mjs';
import { renderPlot } from './render-plot.mjs';
import { computeScaling } from './scaling/compute-scaling.mjs';

const folder = fileURLToPath(new URL('./results/', import.meta.url));
const read = (name) => JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8'));
const measured = Object.fromEntries(['jobs', 'workers', 'million'].map((name) => [name, read(name)]));

const result = computeScaling(measured);
writeFileSync(`${folder}scaling.json`, `${JSON.stringify(result, null, 2)}\n`);
const { svg, png } = await renderPlot(plotScaling(result, measured.jobs));
writeFileSync(`${folder}scaling.svg`, svg);
writeFileSync(`${folder}scaling.png`, png);
for (const path of writeFigures()) console.log(`${path} has new figures`);
