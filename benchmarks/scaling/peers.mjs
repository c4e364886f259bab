// (f) Other tools: the same job on the same files, and the same histogram over the same Parquet files, in the same run.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLakehouse } from '../../dist/bundle/index.js';
import { good } from './catalogue.mjs';
import { makeVenv } from '../make-venv.mjs';
import { median } from '../median.mjs';
import { inProcess } from './machine.mjs';
import { makeMetadata } from './metadata.mjs';

const SCRIPT = fileURLToPath(new URL('./peers.py', import.meta.url));
const FOLDER_OF_PIXELS = fileURLToPath(new URL('..', import.meta.url));
const REQUIREMENTS = fileURLToPath(new URL('./peers-requirements.txt', import.meta.url));
const TRANSFORMERS = ['opencv', 'pillow', 'huggingface', 'daft', 'ray'];
const QUERIERS = ['polars', 'pandas'];
const NAMES = {
  opencv: 'OpenCV, process pool',
  pillow: 'Pillow, process pool',
  huggingface: 'Hugging Face datasets.map with OpenCV',
  daft: 'Daft with OpenCV',
  ray: 'Ray Data with OpenCV',
  polars: 'Polars',
  pandas: 'pandas',
};

const HISTOGRAM = 'SELECT masterCategory, year, count(*) AS images FROM catalogue GROUP BY ALL';

export async function measurePeers({ lake, goodCount }, { work, isQuick, log, machine }) {
  if (isQuick) {
    log('SKIPPED: to install the other tools takes longer than a quick run may');
    return undefined;
  }
  let python;
  try {
    python = makeVenv(join(work, 'venv'), '-r', REQUIREMENTS);
  } catch (error) {
    log(`SKIPPED: the other tools cannot be installed: ${error.message}`);
    return undefined;
  }
  const images = Math.min(goodCount, 10_000);
  const sources = join(work, 'peers-sources');
  mkdirSync(sources);
  const rows = await openLakehouse({ lake }).query(good(images));
  for await (const { image_key: key } of rows.rows())
    copyFileSync(join(lake, key), join(sources, key.split('/').at(-1)));
  await rows[Symbol.asyncDispose]();

  const seconds = { pixlake: [], ...Object.fromEntries(TRANSFORMERS.map((tool) => [tool, []])) };
  const ask = (...args) => {
    const output = execFileSync(python, [SCRIPT, ...args.map(String)], {
      env: { ...process.env, PYTHONPATH: FOLDER_OF_PIXELS },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    // Some tools print of their own.
    return JSON.parse(output.toString().trim().split('\n').at(-1));
  };
  for (let round = 0; round < 3; round++) {
    const { runSeconds } = await inProcess({ lake, run: { name: `f-${round}`, sql: good(images) } });
    seconds.pixlake.push(runSeconds);
    for (const tool of TRANSFORMERS.filter((name) => name in seconds)) {
      const target = join(work, `peers-${tool}-${round}`);
      mkdirSync(target);
      try {
        const taken = ask(tool, sources, target, machine.cores).seconds;
        const written = readdirSync(target).length;
        if (written !== images) throw new Error(`it wrote ${written} of ${images} images`);
        seconds[tool].push(taken);
      } catch (error) {
        log(`FAILED, left out: ${NAMES[tool]}: ${error.message}`);
        delete seconds[tool];
      }
    }
  }
  const transform = Object.entries(seconds).map(([tool, all]) => ({
    tool: NAMES[tool] ?? tool,
    images,
    seconds: median(all),
  }));
  for (const { tool, seconds: time } of transform) log(`${tool}: ${(images / time).toFixed(0)} images/s`);

  const queryRows = 10_000_000;
  const metadata = join(work, 'peers-metadata');
  await makeMetadata(metadata, queryRows);
  const { files } = await openLakehouse({ lake: metadata }).tables.files('catalogue');
  const { querySeconds } = await inProcess({ lake: metadata, query: HISTOGRAM, repeat: 5 });
  const query = [
    { tool: 'pixlake', ms: querySeconds * 1000 },
    ...QUERIERS.map((tool) => ({
      tool: NAMES[tool],
      ms: ask(tool, ...files.map(({ uri }) => uri)).seconds * 1000,
    })),
  ];
  for (const { tool, ms } of query) log(`${tool}: histogram over ${queryRows} rows in ${ms.toFixed(0)} ms`);
  return { transform, query, queryRows };
}
