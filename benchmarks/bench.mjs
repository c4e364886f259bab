// Measures how pixlake scales and draws the curves into benchmarks/results: PNG, SVG and JSON for each part.
// Usage: npm run bench [-- --quick] [--only processing,queries,ingest,workers,jobs,peers] [--output <folder>]
//   --quick takes less than a minute: small sizes, one run of each, no peers. Ratios are then checked against ratios.json, as they always are.
//   PIXLAKE_FASHION_DIR names the folder of the Kaggle data; without it the generated sample is measured.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkRatios } from './scaling/check-ratios.mjs';
import { makeLake, openCatalogue } from './scaling/catalogue.mjs';
import { measureIngest } from './scaling/ingest.mjs';
import { measureJobs } from './scaling/jobs.mjs';
import { describeMachine, saveResult } from './scaling/machine.mjs';
import { measurePeers } from './scaling/peers.mjs';
import { measureProcessing, measureWorkers } from './scaling/processing.mjs';
import { measureQueries } from './scaling/queries.mjs';
import { plotIngest, plotJobs, plotPeers, plotProcessing, plotQueries, plotWorkers } from './plots.mjs';
import { renderPlot } from './render-plot.mjs';

const PARTS = {
  processing: { measure: measureProcessing, plot: plotProcessing },
  queries: { measure: measureQueries, plot: plotQueries },
  ingest: { measure: measureIngest, plot: plotIngest },
  workers: { measure: measureWorkers, plot: plotWorkers },
  jobs: { measure: measureJobs, plot: plotJobs },
  peers: { measure: measurePeers, plot: plotPeers },
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: Object.keys(PARTS).join(',') },
    output: { type: 'string', default: fileURLToPath(new URL('./results', import.meta.url)) },
  },
});
const isQuick = values.quick;
const work = mkdtempSync(join(tmpdir(), 'pixlake-bench-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));
mkdirSync(values.output, { recursive: true });

const machine = describeMachine();
console.log(`${machine.cores} x ${machine.cpu}, ${machine.memoryGb} GB, Node ${machine.node}`);
const catalogue = await openCatalogue(work, isQuick);
console.log(`ingesting ${catalogue.name}`);
const lake = { ...catalogue, ...(await makeLake(work, catalogue)) };
console.log(
  `${lake.ingested.images} images, ${(lake.ingested.images / lake.ingested.seconds).toFixed(0)} ingested a second`,
);

const results = {};
for (const name of values.only.split(',')) {
  const { measure, plot } = PARTS[name];
  console.log(`\n${name}`);
  const measured = await measure(lake, { work, isQuick, machine, log: (line) => console.log(`  ${line}`) });
  if (measured === undefined) continue;
  const result = saveResult(name, { catalogue: catalogue.name, isQuick, ...measured }, values.output);
  results[name] = result;
  const { svg, png } = await renderPlot(plot(result));
  writeFileSync(join(values.output, `${name}.svg`), svg);
  writeFileSync(join(values.output, `${name}.png`), png);
}

const expected = JSON.parse(readFileSync(new URL('./ratios.json', import.meta.url), 'utf8'));
const checked = checkRatios(results, expected);
console.log('\nratios');
for (const { name, value, least, isMet } of checked)
  console.log(`  ${isMet ? 'ok  ' : 'LOW '} ${name}: ${value.toFixed(2)} (at least ${least})`);
console.log(`\nresults are in ${values.output}`);
if (checked.some(({ isMet }) => !isMet)) process.exitCode = 1;
