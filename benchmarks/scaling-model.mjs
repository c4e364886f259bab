// From what was measured to a million and a billion images: writes the tables of SCALING.md (between its markers), results/scaling.json and the plot.
// Usage: npm run bench:model      (needs the results of `npm run bench` and `npm run bench:million`)
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { plotScaling } from './plots.mjs';
import { renderPlot } from './render-plot.mjs';

const results = fileURLToPath(new URL('./results/', import.meta.url));
const read = (name) => JSON.parse(readFileSync(`${results}${name}.json`, 'utf8'));
const million = read('million');
const processing = read('processing');
const stores = read('stores');

/** List prices in US dollars, AWS us-east-1, as known in 2025; replace them by yours. */
const PRICES = {
  machineType: 'c7i.2xlarge, 8 vCPU',
  machineVcpus: 8,
  machineHour: 0.357,
  get: 0.4e-6,
  put: 5e-6,
  gbMonth: 0.023,
};

const cores = million.machine.cores;
const labelled = processing.points.findLast(({ model }) => model !== null);
const plain = processing.points.find(({ model, images }) => model === null && images === labelled.images);
const s3 = stores.points.find(({ store }) => store !== 'folder');

/** What one image takes, measured. */
const perImage = {
  coreMs: (plain.runSeconds * 1000 * cores) / plain.images,
  coreMsWithModel: (labelled.runSeconds * 1000 * cores) / labelled.images,
  coreMsOfCopy: (million.seconds * 1000 * cores) / million.images,
  coreMsOnS3: (s3.cpuSeconds * 1000) / s3.images,
  bytesOut: million.bytes.images / million.images,
  manifestBytes: million.bytes.manifest / million.images,
  planBytes: million.bytes.plan / million.rows,
  logBytesPerShard: million.bytes.log / million.shards,
  gets: s3.requestsPerImage.get,
  puts: s3.requestsPerImage.put,
};

const DAY_HOURS = 24;
const rows = [44_072, 1e6, 1e7, 1e8, 1e9].map((images) => {
  const hoursOf = (coreMs) => (images * coreMs) / 3.6e6 / PRICES.machineVcpus;
  const model = perImage.coreMsWithModel - perImage.coreMs;
  const hours = {
    'without model': hoursOf(perImage.coreMsOnS3),
    'with fashion-tiny': hoursOf(perImage.coreMsOnS3 + model),
  };
  return {
    images,
    hours,
    machinesInAnHour: Object.values(hours).map(Math.ceil),
    machinesInADay: Object.values(hours).map((value) => Math.ceil(value / DAY_HOURS)),
    outputGb: (images * (perImage.bytesOut + perImage.manifestBytes)) / 1e9,
    planMb: (images * perImage.planBytes) / 1e6,
    cost: {
      'machines, without model': hours['without model'] * PRICES.machineHour,
      'machines, with fashion-tiny': hours['with fashion-tiny'] * PRICES.machineHour,
      'S3 requests': images * (perImage.gets * PRICES.get + perImage.puts * PRICES.put),
      'a month of storage': ((images * perImage.bytesOut) / 1e9) * PRICES.gbMonth,
    },
  };
});

const number = (value, digits = 0) =>
  value.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits });
const brief = (value) =>
  value >= 100 ? number(value) : value >= 1 ? number(value, 1) : String(Number(value.toPrecision(2)));
const table = (names, lines) =>
  [names, names.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const tables = {
  constants: table(
    ['what one image takes', 'measured', 'on what'],
    [
      [
        'core time on a folder',
        `${number(perImage.coreMs, 2)} ms`,
        `the run over ${number(plain.images)} originals`,
      ],
      ['with fashion-tiny', `${number(perImage.coreMsWithModel, 2)} ms`, 'the same'],
      [
        `where it is one of ${million.copies} copies`,
        `${number(perImage.coreMsOfCopy, 2)} ms`,
        `the run over ${number(million.images)} images`,
      ],
      [
        'core time on S3, of pixlake alone, its start included',
        `${number(perImage.coreMsOnS3, 2)} ms`,
        `a run over ${number(s3.images)} images on Ceph`,
      ],
      ['GET and HEAD requests', number(perImage.gets, 3), 'the same'],
      ['PUT and other writing requests', number(perImage.puts, 3), 'the same'],
      ['bytes written as JPEG', number(perImage.bytesOut), `the run over ${number(million.images)} images`],
      ['bytes of manifest', number(perImage.manifestBytes), 'the same; 42 columns, zstd'],
      ['bytes of plan for each row', number(perImage.planBytes), `the same; ${number(million.rows)} rows`],
      [
        'bytes of Delta log for each shard',
        number(perImage.logBytesPerShard),
        `the same; ${number(million.shards)} shards`,
      ],
    ],
  ),
  answers: table(
    [
      'images',
      'machine hours',
      'with the model',
      'machines to do it in an hour',
      'in a day',
      'output',
      'plan',
      'price of the machines',
      'with the model',
      'of S3 requests',
      'of a month of storage',
    ],
    rows.map(({ images, hours, machinesInAnHour, machinesInADay, outputGb, planMb, cost }) => [
      number(images),
      ...Object.values(hours).map(brief),
      machinesInAnHour.map((count) => number(count)).join(' / '),
      machinesInADay.map((count) => number(count)).join(' / '),
      `${brief(outputGb)} GB`,
      `${brief(planMb)} MB`,
      ...Object.values(cost).map((dollars) => `$${brief(dollars)}`),
    ]),
  ),
};

const path = fileURLToPath(new URL('./SCALING.md', import.meta.url));
let text = readFileSync(path, 'utf8');
for (const [name, content] of Object.entries(tables)) {
  const between = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- end -->)`, 'u');
  if (!between.test(text)) throw new Error(`SCALING.md has no place for the table ${name}`);
  text = text.replace(between, (_, start, end) => `${start}${content}\n${end}`);
}
writeFileSync(path, text);

const result = {
  subtitle: `from measurements on ${cores} x ${million.machine.cpu}, at list prices; a machine is a ${PRICES.machineType}`,
  prices: PRICES,
  perImage,
  rows,
};
writeFileSync(`${results}scaling.json`, `${JSON.stringify(result, null, 2)}\n`);
const { svg, png } = await renderPlot(plotScaling(result));
writeFileSync(`${results}scaling.svg`, svg);
writeFileSync(`${results}scaling.png`, png);
console.log(tables.answers);
