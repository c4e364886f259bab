// Two processes start one run at once: both go on, one uploads its plan late, one is killed -9 at a random instant, or one is stopped,
// wakes up when the other has finished, and is then killed or goes on. Each time the manifest, the images and `verify --deep` must be those
// of an undisturbed run. The instants come from a seed, PIXLAKE_TWIN_SEED; PIXLAKE_TWINS changes the number of pairs.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { SOFTWARE } from '../../dist/version.js';
import { createLocalExecutor } from '../../dist/executor/local-executor.js';
import { openLakehouse } from '../../dist/index.js';
import { runImages } from '../../dist/run/run-images.js';
import { parseRunSpec } from '../../dist/run/run-spec.js';
import { openLocalStore } from '../../dist/storage/local-store.js';
import { describeBudget } from '../support/budget.mjs';
import { makeRandom, readRun, removeRun, writeSource } from './run-lake.mjs';

const PAIRS = Number(process.env.PIXLAKE_TWINS ?? 10);
const SEED = Number(process.env.PIXLAKE_TWIN_SEED ?? 1);
const BUDGET_SECONDS = 45 * Math.max(1, PAIRS / 10);
const ROWS = 40;
const SPEC = {
  name: 'twins',
  // A plan of which DuckDB finds the rows in another order each time.
  sql: 'SELECT DISTINCT a.* FROM images a JOIN images b ON a.year = b.year',
  table: 'images',
  copies: 3,
  shardSize: 4,
  transform: { size: 96, blur: 0.6, flip: 0.5 },
};
const IMAGES = ROWS * SPEC.copies;

/** Executes the run in a process of its own, once it is told to begin; the upload of its plan takes `planMs`. */
async function serve() {
  process.send('ready');
  const [{ lake, planMs }] = await once(process, 'message');
  const local = openLocalStore(lake);
  const slow = {
    async moveIn(key, path) {
      if (key.includes('/plan/')) await sleep(planMs);
      await local.moveIn(key, path);
    },
    async writeIfAbsent(key, bytes, options) {
      if (key.endsWith('/spec.json')) await sleep(planMs);
      return local.writeIfAbsent(key, bytes, options);
    },
  };
  const store = new Proxy(local, {
    get(target, name) {
      const value = slow[name] ?? target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const executor = createLocalExecutor({ workers: 1 });
  const report = await runImages(
    { source: store, store, executor, software: SOFTWARE },
    parseRunSpec(SPEC, 'twins'),
  );
  process.send(report.outcome);
  process.disconnect();
}

/** A process that executes the run. */
async function startTwin(lake, planMs) {
  const child = fork(import.meta.filename, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (log += text));
  const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal, log })));
  await new Promise((resolve) => child.once('message', resolve));
  return { child, ended, begin: () => child.send({ lake, planMs }) };
}

async function finish({ ended }) {
  const { code, signal, log } = await ended;
  assert.equal(code, 0, `a twin ended with ${code ?? signal}: ${log}`);
}

async function kill({ child, ended }) {
  child.kill('SIGKILL');
  const { code, signal } = await ended;
  assert.ok(code === 0 || signal === 'SIGKILL', `the killed twin had ended with ${code ?? signal}`);
  return signal === 'SIGKILL';
}

/** What may happen to twins, by name; each gives what it did in a word or two. */
const SCENES = {
  async plain({ one, other }) {
    await Promise.all([finish(one), finish(other)]);
  },
  async 'slow upload'({ one, other }) {
    await Promise.all([finish(one), finish(other)]);
  },
  async 'one killed'({ one, other, instantMs }) {
    await sleep(instantMs);
    const wasKilled = await kill(one);
    await finish(other);
    return wasKilled ? 'at work' : 'too late';
  },
  async 'one stopped, woken under _SUCCESS and killed'({ one, other, instantMs, laterMs }) {
    await sleep(instantMs);
    one.child.kill('SIGSTOP');
    await finish(other);
    one.child.kill('SIGCONT');
    await sleep(laterMs);
    return (await kill(one)) ? 'at work' : 'too late';
  },
  async 'one stopped, woken under _SUCCESS and going on'({ one, other, instantMs }) {
    await sleep(instantMs);
    one.child.kill('SIGSTOP');
    await finish(other);
    one.child.kill('SIGCONT');
    await finish(one);
  },
};

/** Lets twins run, and compares what they leave with the undisturbed run. */
async function runPair(lake, name, random, typicalMs, undisturbed) {
  await removeRun(lake, SPEC.name);
  const planMs = name === 'slow upload' ? 50 + 800 * random() : 0;
  const [one, other] = await Promise.all([startTwin(lake, 0), startTwin(lake, planMs)]);
  one.begin();
  other.begin();
  const instants = { instantMs: random() * typicalMs, laterMs: random() * 300 };
  const did = await SCENES[name]({ one, other, ...instants });
  // Whatever was killed, the same command says that the run has finished.
  const again = await openLakehouse({ lake, workers: 1 }).run(SPEC);
  assert.equal(again.outcome, 'repeated');
  assert.ok(
    isDeepStrictEqual(await readRun(lake, SPEC.name, IMAGES), undisturbed),
    `${name}: the run is another one`,
  );
  return did;
}

if (process.send !== undefined) await serve();
else {
  const folder = await mkdtemp(join(tmpdir(), 'pixlake-twins-'));
  const title = `${PAIRS} pairs of twins, seed ${SEED}: every time the run is that of one`;
  try {
    const lake = join(folder, 'lake');
    const lakehouse = openLakehouse({ lake, workers: 1 });
    await lakehouse.ingest({ source: await writeSource(join(folder, 'source'), 1, ROWS) });
    await lakehouse.run(SPEC);
    const undisturbed = await readRun(lake, SPEC.name, IMAGES);
    const random = makeRandom(SEED);
    const counts = {};
    const typical = await timeTwins(lake);
    for (let pair = 0; pair < PAIRS; pair++) {
      const names = Object.keys(SCENES);
      const name = names[pair % names.length];
      const did = (await runPair(lake, name, random, typical, undisturbed)) ?? 'done';
      counts[name] ??= {};
      counts[name][did] = (counts[name][did] ?? 0) + 1;
    }
    for (const [name, did] of Object.entries(counts))
      console.log(
        `      ${name}: ${Object.entries(did)
          .map(([what, count]) => `${count} ${what}`)
          .join(', ')}`,
      );
    console.log(`ok    ${title}`);
  } catch (error) {
    console.log(`FAIL  ${title}\n${error.stack}`);
    process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  console.log(`      ${describeBudget(BUDGET_SECONDS)}`);
}

/** How long two twins take, in ms. */
async function timeTwins(lake) {
  await removeRun(lake, SPEC.name);
  const twins = await Promise.all([startTwin(lake, 0), startTwin(lake, 0)]);
  const startMs = performance.now();
  for (const twin of twins) twin.begin();
  await Promise.all(twins.map(finish));
  return performance.now() - startMs;
}
