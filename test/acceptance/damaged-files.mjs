// Damages one file of a lake at a time, of every kind that a table, a finished run and an unfinished one have: cuts it off at a random
// place, or flips one bit. Then the run's command is given again and everything is read and verified. What was damaged must be healed, be
// named by an error or by `verify --deep`, or make no difference; a result that differs in silence fails the suite. Places come from a
// seed, PIXLAKE_DAMAGE_SEED; PIXLAKE_DAMAGES changes the number of damages of each kind.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { openLakehouse, PixlakeError } from '../../dist/index.js';
import { Submissions } from '../../dist/run/submissions.js';
import { openStore } from '../../dist/storage/open-store.js';
import { describeBudget } from '../support/budget.mjs';
import { listFiles, makeRandom, readRows, writeSource } from './run-lake.mjs';

const ROUNDS = Number(process.env.PIXLAKE_DAMAGES ?? 1);
const SEED = Number(process.env.PIXLAKE_DAMAGE_SEED ?? 1);
const BUDGET_SECONDS = 45 * ROUNDS;
const ROWS = 16;
const SPEC = { name: 'r', sql: 'SELECT * FROM images', shardSize: 4, transform: { size: 32 } };

const RUN = String.raw`^runs/r/[^/]+/`;

/** Kinds of files, by where they lie. */
const KINDS = {
  image: new RegExp(`${RUN}images/.*\\.jpg$`, 'u'),
  part: new RegExp(`${RUN}parts/`, 'u'),
  'part of errors': new RegExp(`${RUN}errors/\\d+-`, 'u'),
  'plan part': new RegExp(`${RUN}plan/`, 'u'),
  'spec.json': new RegExp(`${RUN}spec\\.json$`, 'u'),
  'shard marker': new RegExp(`${RUN}shards/`, 'u'),
  'block marker': new RegExp(`${RUN}blocks/`, 'u'),
  _SUCCESS: new RegExp(`${RUN}_SUCCESS$`, 'u'),
  'manifest data file': new RegExp(`${RUN}manifest/[^/]+\\.parquet$`, 'u'),
  'manifest log': new RegExp(`${RUN}manifest/_delta_log/`, 'u'),
  'errors data file': new RegExp(`${RUN}errors/block-`, 'u'),
  'errors log': new RegExp(`${RUN}errors/_delta_log/`, 'u'),
  original: /^originals\//u,
  'table data file': /^tables\/images\/.*part-[^/]*$/u,
  'log entry': /^tables\/images\/_delta_log\/0*1[1-9]\.json$/u,
  checkpoint: /^tables\/images\/_delta_log\/.*checkpoint\.parquet$/u,
  _last_checkpoint: /^tables\/images\/_delta_log\/_last_checkpoint$/u,
  'pixlake.json': /^pixlake\.json$/u,
  attachment: /^attached\//u,
  submission: /^submissions\//u,
};

/** States in which a run may be, by what of a finished one they lack. */
const STATES = {
  finished: () => false,
  merged: (path) => /_SUCCESS$|\/(?:manifest|errors)\/_delta_log\//u.test(path) && path.startsWith('runs/'),
  'in work': (path) =>
    /_SUCCESS$|\/manifest\/|\/blocks\/|\/errors\/(?:_delta_log\/|block-)|\/shards\/.*(?:0000[23])\.json$/u.test(
      path,
    ) && path.startsWith('runs/'),
};

/** Makes a lake whose table has a checkpoint and two images that are gone, with a finished run, an attached table and a submission. */
async function makeLake(folder) {
  const lake = join(folder, 'lake');
  const lakehouse = openLakehouse({ lake, workers: 1 });
  for (let version = 0; version < 12; version++) {
    const first = version === 0 ? 1 : ROWS - 12 + version;
    const count = version === 0 ? ROWS - 12 : 1;
    await lakehouse.ingest({ source: await writeSource(join(folder, `source-${version}`), first, count) });
  }
  for (const id of [2, 7]) await rm(join(lake, `originals/images/${id}.jpg`));
  await lakehouse.run(SPEC);
  await lakehouse.tables.attach('others', join(folder, 'lake/tables/images'));
  await new Submissions(openStore(lake)).accept({ ...SPEC, name: 'submitted' });
  return lake;
}

/** All that can be read of a lake, the problems that were told meanwhile, and the run's report. */
async function observe(lake) {
  const problems = [];
  const contents = {};
  const attempt = async (name, work) => {
    try {
      contents[name] = await work();
    } catch (error) {
      contents[name] = 'refused';
      if (!(error instanceof PixlakeError) || error.code === 'INTERNAL_ERROR') throw error;
      problems.push(`${error.code} ${error.message}`);
    }
  };
  const lakehouse = openLakehouse({ lake, workers: 1 });
  await attempt('run', async () => {
    const { imageCount, errorCount, imageBytes } = await lakehouse.run(SPEC);
    return { imageCount, errorCount, imageBytes };
  });
  const selects = {
    table: 'SELECT * FROM images',
    manifest: 'SELECT * FROM runs.r',
    errors: 'SELECT * FROM errors.r',
    attached: 'SELECT * FROM others',
  };
  for (const [name, sql] of Object.entries(selects)) await attempt(name, () => readRows(lakehouse, sql));
  await attempt('images', async () => {
    const rows = await readRows(lakehouse, 'SELECT image_id, image_key FROM runs.r');
    const hashes = rows.map(async (row) => {
      const bytes = await readFile(join(lake, JSON.parse(row)[1])).catch(() => '');
      return `${row} ${createHash('sha256').update(bytes).digest('hex')}`;
    });
    return Promise.all(hashes);
  });
  await attempt('originals', async () => {
    const rows = await readRows(lakehouse, 'SELECT image_key FROM images WHERE id NOT IN (2, 7)');
    const hashes = rows.map(async (row) => {
      const bytes = await readFile(join(lake, JSON.parse(row)[0])).catch(() => '');
      return `${row} ${createHash('sha256').update(bytes).digest('hex')}`;
    });
    return Promise.all(hashes);
  });
  await attempt('submissions', async () => {
    const found = await new Submissions(openStore(lake)).list();
    return found.map(({ run, submittedMs, state }) => JSON.stringify({ run, submittedMs, state }));
  });
  await attempt('listing', async () => {
    const { unreadable } = await lakehouse.runs.list();
    problems.push(...unreadable.map(({ code, message }) => `${code} ${message}`));
  });
  for (const table of ['images', 'runs.r', 'errors.r', 'others']) {
    await attempt(`verify ${table}`, async () => {
      const report = await lakehouse.tables.verify(table, true);
      problems.push(...report.problems.map(({ key, problem }) => `${key} ${problem}`));
    });
  }
  const damaged = (await listFiles(lake)).filter((path) => path.startsWith('submissions/damaged/'));
  problems.push(...damaged.map((path) => `set aside as ${path}`));
  return { contents, problems };
}

async function cut(path, random) {
  const { length } = await readFile(path);
  await truncate(path, Math.floor(random() * length));
}

async function flip(path, random) {
  const bytes = await readFile(path);
  const place = Math.floor(random() * bytes.length);
  bytes[place] ^= 1 << Math.floor(random() * 8);
  await writeFile(path, bytes);
  return place;
}

/** A log entry is named by its version and its table. */
function namesOfLogEntry(path) {
  const version = /_delta_log\/0*(\d+)\.json$/u.exec(path)?.[1];
  if (version === undefined) return [];
  const table = dirname(dirname(path));
  return [`version ${version} of ${table}`, `version ${version} of ${basename(table)}`];
}

/** How a damage was taken: 'noticed' where a problem names the file or its folder, 'harmless' where everything is as it was. */
function judge({ contents, problems }, pristine, path, verb) {
  const names = [path, basename(path), ...namesOfLogEntry(path)];
  const isOther = Object.keys(pristine.contents).filter(
    (name) => JSON.stringify(contents[name]) !== JSON.stringify(pristine.contents[name]),
  );
  const told = problems.filter((problem) => !pristine.problems.includes(problem));
  if (told.some((problem) => names.some((name) => problem.includes(name))))
    return { verdict: 'noticed', told };
  if (isOther.length === 0) return { verdict: told.length === 0 ? 'harmless' : 'noticed', told };
  // A row of errors tells of an original by its key.
  if (JSON.stringify(contents['errors'])?.includes(path)) return { verdict: 'noticed', told };
  return {
    // What a flipped bit makes of a name is not the name any more.
    verdict: told.length === 0 ? 'silent' : verb === 'flip' ? 'noticed' : 'unnamed',
    told: [...told, `other ${isOther.join(', ')}`],
  };
}

const folder = await mkdtemp(join(tmpdir(), 'pixlake-damage-'));
const title = `${ROUNDS} damages of each kind, seed ${SEED}: each is noticed or harmless`;
try {
  const lake = await makeLake(folder);
  const template = join(folder, 'template');
  await cp(lake, template, { recursive: true });
  const files = (await listFiles(template)).filter((path) => !path.startsWith('.tmp/'));
  const pristine = await observe(lake);
  const random = makeRandom(SEED);
  const table = new Map();
  const failures = [];
  for (const [state, isLacking] of Object.entries(STATES)) {
    for (const [kind, place] of Object.entries(KINDS)) {
      const candidates = files.filter((path) => place.test(path) && !isLacking(path));
      assert.ok(candidates.length > 0 || state !== 'finished', `no file is a ${kind}`);
      // Tables do not change with the state of a run.
      if (candidates.length === 0 || (state !== 'finished' && !place.test(candidates[0]))) continue;
      if (state !== 'finished' && !candidates[0].startsWith('runs/')) continue;
      for (const [verb, damage] of Object.entries({ cut, flip })) {
        for (let round = 0; round < ROUNDS; round++) {
          await rm(lake, { recursive: true });
          await cp(template, lake, {
            recursive: true,
            filter: (source) => !isLacking(source.slice(template.length + 1)),
          });
          const path = candidates[Math.floor(random() * candidates.length)];
          const at = await damage(join(lake, path), random);
          const { verdict, told } = judge(await observe(lake), pristine, path, verb);
          const row = `${kind}, ${state}, ${verb}`;
          table.set(row, { ...table.get(row), [verdict]: (table.get(row)?.[verdict] ?? 0) + 1 });
          if (verdict === 'silent' || verdict === 'unnamed')
            failures.push(
              `${row}: ${verdict}, ${path}${at === undefined ? '' : ` byte ${at}`}: ${told.join('; ').slice(0, 300)}`,
            );
        }
      }
    }
  }
  for (const [row, verdicts] of table)
    console.log(
      `      ${row}: ${Object.entries(verdicts)
        .map(([verdict, count]) => `${count} ${verdict}`)
        .join(', ')}`,
    );
  for (const failure of failures) console.log(`      ${failure}`);
  console.log(`${failures.length === 0 ? 'ok   ' : 'FAIL '} ${title}`);
  if (failures.length > 0) process.exitCode = 1;
} catch (error) {
  console.log(`FAIL  ${title}\n${error.stack}`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
console.log(`      ${describeBudget(BUDGET_SECONDS)}`);
