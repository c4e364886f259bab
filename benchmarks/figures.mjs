// The figures of the documents: each lies in a document between <!-- figures:name --> and <!-- end -->, and comes from the result files alone, so a job
// has the same figure everywhere. A test compares. Usage: npm run bench:figures
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { median } from './median.mjs';
import { nameOfJob } from './plots.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Documents with figures. */
export const DOCUMENTS = [
  'README.md',
  'benchmarks/README.md',
  'benchmarks/SCALING.md',
  'src/api/REFERENCE.md',
  'src/maintenance/REFERENCE.md',
  'src/model/REFERENCE.md',
  'src/storage/REFERENCE.md',
];

/** All result files by name. */
export function readResults() {
  const folder = `${root}benchmarks/results/`;
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return Object.fromEntries(
    names.map((name) => [
      name.slice(0, -'.json'.length),
      JSON.parse(readFileSync(`${folder}${name}`, 'utf8')),
    ]),
  );
}

const number = (value, digits = 0) =>
  value.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits });
/** Two digits that count. */
const rough = (value) => {
  const rounded = Number(value.toPrecision(2));
  return rounded >= 1 ? number(rounded, rounded < 10 && rounded % 1 !== 0 ? 1 : 0) : String(rounded);
};
const table = (names, lines) =>
  [names, names.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const machineOf = ({ machine }) => `${machine.cores} cores (${machine.cpu})`;
const rate = ({ images, seconds }) => images / seconds;

/** A time for people. */
const duration = (seconds) =>
  seconds < 120
    ? `${rough(seconds)} s`
    : seconds < 7200
      ? `${rough(seconds / 60)} min`
      : seconds < 172_800
        ? `${rough(seconds / 3600)} h`
        : `${rough(seconds / 86_400)} days`;
const span = ({ low, high }) => `${duration(low)} to ${duration(high)}`;

/** The largest run of processing with a model, or without. */
const largest = ({ points }, model) => {
  const labelled = points.findLast((point) => point.model !== null);
  return points.find((point) => point.model === model && point.images === labelled.images);
};

const peerRate = ({ transform }, tool) => rate(transform.find((one) => one.tool === tool));

const FIGURES = {
  speed({ processing, peers }) {
    const [plain, labelled] = [null, 'fashion-tiny'].map((model) => largest(processing, model));
    const pixlake = peerRate(peers, 'pixlake');
    const [fastest] = peers.transform.toSorted((one, other) => rate(other) - rate(one));
    const faster =
      fastest.tool === 'pixlake'
        ? ''
        : `\n${fastest.tool} does ${rough(rate(fastest) / pixlake)} times as many as pixlake.`;
    const { cores, cpu } = processing.machine;
    return `Cropping, resizing and writing ${number(plain.images)} thumbnails takes **${rough(plain.runSeconds)} seconds** (${number(plain.images / plain.runSeconds)} a second; ${cores} cores, ${cpu}),
with labels from a small network ${rough(labelled.runSeconds)} seconds. On 10,000 thumbnails, start included, that is ${rough(pixlake / peerRate(peers, 'OpenCV, process pool'))} times the
speed of a script with OpenCV in a pool of processes.${faster}`;
  },

  scale({ scaling }) {
    const row = (images) => scaling.scale.find((one) => one.images === images);
    return table(
      [
        'thumbnails on S3, without / with labels',
        'time on 8 cores',
        'machines for a day',
        'price of machines',
        'of S3 requests',
      ],
      [1e6, 1e9].map((images) => {
        const { hours, machinesInADay, cost } = row(images);
        const [plain, labelled] = Object.values(hours).map((each) => each * 3600);
        return [
          images === 1e6 ? '1 million' : '1 billion',
          `${duration(plain)} / ${duration(labelled)}`,
          machinesInADay.map((count) => number(count)).join(' / '),
          `$${rough(cost['machines, without model'])} / $${rough(cost['machines, with fashion-tiny'])}`,
          `$${number(cost['S3 requests'], images === 1e6 ? 1 : 0)}`,
        ];
      }),
    );
  },

  fast({ processing, queries, peers, jobs }) {
    const [plain, labelled] = [null, 'fashion-tiny'].map((model) => largest(processing, model));
    const [small] = processing.points;
    const rows = queries.points.at(-1).rows;
    const ms = (query) => queries.points.find((point) => point.rows === rows && point.query === query).ms;
    const s3 = jobs.jobs.find(({ requestsPerImage }) => requestsPerImage !== undefined)?.points.at(-1);
    const others = peers.transform.filter(({ tool }) => tool !== 'pixlake');
    const pixlake = peerRate(peers, 'pixlake');
    return `- ${number(plain.images)} thumbnails of the real catalogue are cropped, resized and written in ${rough(plain.runSeconds)} seconds (${number(plain.images / plain.runSeconds)} a
  second), with labels from \`fashion-tiny\` in ${rough(labelled.runSeconds)} seconds (${number(labelled.images / labelled.runSeconds)} a second). A run of ${small.images} images takes ${rough(small.runSeconds)}
  seconds. Runs under about 8,000 thumbnails are slower per image, because V8 is still compiling.
- Selecting 500 of ${number(rows / 1e6)} million rows takes ${rough(ms('500 ids, pruned'))} ms if statistics in the log exclude files, and ${rough(ms('500 ids, unpruned'))} ms if not.
- ${number(peers.transform[0].images)} thumbnails beside other tools, in images a second: pixlake ${number(pixlake)};${others.map((one) => `\n  ${one.tool} ${number(rate(one))}`).join(';')}.${
      s3 === undefined
        ? ''
        : `\n- On S3 requests dominate: ${rough((1000 * median(s3.cpuSeconds)) / s3.images)} ms of pixlake's core time for an image, and ${number(s3.images / median(s3.seconds))} images a second\n  with Ceph on the same cores.`
    }

Measured on ${machineOf(processing)}, Node ${processing.machine.node}, commit ${processing.machine.commit}, ${processing.machine.date}.`;
  },

  million({ scaling }) {
    return table(
      [
        'job',
        'originals',
        'where',
        'model',
        'measured on',
        `a million on ${scaling.machine.cores} cores`,
        'uncertainty',
        `on ${scaling.speedUp.cores} cores`,
        'S3 requests',
      ],
      scaling.million.map(
        ({ job, originals, place, model, measuredImages, here, onMachine, requestDollars }) => [
          job,
          originals,
          place === 'folder' ? 'folder' : 'S3',
          model ?? '',
          number(measuredImages),
          `${number(here.seconds)} s${here.seconds < 120 ? '' : ` (${duration(here.seconds)})`}`,
          span(here),
          span(onMachine),
          requestDollars === null ? '' : `$${rough(requestDollars)}`,
        ],
      ),
    );
  },

  measured({ million, workers, scaling }) {
    const { speedUp, from } = scaling;
    return `Two workers were ${rough(speedUp.measured)} times as fast as one, over ${number(workers.points[0].images)} images. A run over ${number(million.images)} images (${million.copies} copies of each of ${number(million.rows)}
originals, which are decoded once for all copies) took ${number(million.seconds)} seconds and ${number(million.peakMb)} MB of memory; it wrote ${number(million.bytes.images / 1e9, 1)} GB of
images, ${rough(million.bytes.manifest / 1e6)} MB of manifest and ${rough(million.bytes.plan / 1e6)} MB of plan.

${table(
  ['result file', 'machine', 'Node', 'commit', 'date'],
  Object.entries(from).map(([name, { cores, cpu, node, commit, date }]) => [
    `[${name}.json](results/${name}.json)`,
    `${cores} x ${cpu}`,
    node,
    commit,
    date,
  ]),
)}`;
  },

  answers({ scaling }) {
    return table(
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
      scaling.scale.map(({ images, hours, machinesInAnHour, machinesInADay, outputGb, planMb, cost }) => [
        number(images),
        ...Object.values(hours).map(rough),
        machinesInAnHour.map((count) => number(count)).join(' / '),
        machinesInADay.map((count) => number(count)).join(' / '),
        `${rough(outputGb)} GB`,
        `${rough(planMb)} MB`,
        ...Object.values(cost).map((dollars) => `$${rough(dollars)}`),
      ]),
    );
  },

  pixels(results) {
    const titles = {
      pixlake: 'pixlake',
      'plain sharp': 'plain sharp',
      opencv: 'OpenCV',
      'opencv-reduced-4': 'OpenCV, decoded at a quarter',
      pillow: 'Pillow',
      vipsthumbnail: 'vipsthumbnail',
    };
    return table(
      ['originals', ...Object.values(titles)],
      ['thumbnails', 'photographs'].map((kind) => {
        const { originals, images, tools } = results[`pixels-${kind}`];
        const rateOf = (name) => {
          const found = tools.find(({ tool }) => tool === name);
          return found === undefined ? '' : number(images / found.seconds);
        };
        return [originals, ...Object.keys(titles).map(rateOf)];
      }),
    );
  },

  rest({ rest }) {
    const [query] = rest.queries;
    const of = (clients) => query.rest.find((one) => one.clients === clients);
    return `A small query takes ${rough(of(1).p50Ms - query.directP50Ms)} ms longer than in an open DuckDB, because each query opens one. ${rest.machine.cores} cores that also make the load
serve ${rough(of(16).perSecond)} small queries a second to 16 clients (\`npm run bench:rest\`).`;
  },

  log({ log }) {
    const { fileCount, checkpoint } = log.tables.at(-1);
    return `- Opening a table takes time and memory for each data file: ${number(fileCount)} files ${rough(checkpoint.openSeconds)} s and
  ${rough(checkpoint.peakBytes / 1e6)} MB (\`npm run bench:log\`), so compact tables with many small files.`;
  },

  fashionnet({ fashionnet }) {
    const { perSecond, pythonPerSecond, machine } = fashionnet;
    return `Full-width FashionNet labels ${rough(perSecond)} images a second on ${machine.cores} cores, ${(perSecond / pythonPerSecond).toFixed(2)} times what Python's ONNX Runtime does in the same minute
(\`npm run bench:fashionnet\`).`;
  },

  readers({ 's3-readers': readers }) {
    return table(
      ['rows', 'query', 'httpfs, ms', 'cache, empty', 'cache, filled'],
      readers.tables.flatMap(({ rows, bytes, queries }) =>
        queries.map(({ title, httpfsMs, emptyMs, filledMs }, index) => [
          index === 0 ? `${number(rows)} (${rough(bytes / 1e6)} MB)` : '',
          title,
          ...[httpfsMs, emptyMs, filledMs].map((ms) => number(ms)),
        ]),
      ),
    );
  },

  jobs({ jobs }) {
    return table(
      ['job', 'images', 'images a second', 'core time for an image'],
      jobs.jobs.map((job) => {
        const { images, seconds, cpuSeconds } = job.points.at(-1);
        return [
          nameOfJob(job),
          number(images),
          rough(images / median(seconds)),
          `${rough((1000 * median(cpuSeconds)) / images)} ms`,
        ];
      }),
    );
  },
};

const BLOCK = /(?<begin><!-- figures:(?<name>\w+) -->\n)(?<content>[^]*?)(?<end>\n<!-- end -->)/gu;

/** A document with the figures of results in place of those that it has. @throws where it names figures that do not exist */
export function fillFigures(text, results) {
  return text.replaceAll(BLOCK, (...match) => {
    const { begin, name, end } = match.at(-1);
    const figure = FIGURES[name];
    if (figure === undefined) throw new Error(`no figures are named ${name}`);
    return `${begin}${figure(results)}${end}`;
  });
}

/** Writes the figures of all documents and returns the paths of those that changed. */
export function writeFigures() {
  const results = readResults();
  return DOCUMENTS.filter((document) => {
    const path = `${root}${document}`;
    const text = readFileSync(path, 'utf8');
    const filled = fillFigures(text, results);
    if (filled === text) return false;
    writeFileSync(path, filled);
    return true;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const document of writeFigures()) console.log(`${document} has new figures`);
