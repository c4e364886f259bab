// kill -9 at random instants of an ingest, an upsert, a delete, an optimize and of a commit that writes a checkpoint. Each time the
// table must open and verify, hold all or nothing of what was interrupted, and take the next commit. The instants come from a seed,
// PIXLAKE_KILL_SEED; PIXLAKE_KILLS changes their number.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { openLakehouse } from '../../dist/bundle/index.js';
import { describeBudget } from '../support/budget.mjs';

const KILLS = Number(process.env.PIXLAKE_KILLS ?? 100);
const SEED = Number(process.env.PIXLAKE_KILL_SEED ?? 1);
const BUDGET_SECONDS = 2 * KILLS;
const TABLE = 'images';
const PARTS = 4;
const CHECKPOINT_INTERVAL = 10;
const DAY_MS = 24 * 60 * 60 * 1000;

/** What each operation makes of the rows, a map from id to stamp, and how it is asked for. */
const OPERATIONS = {
  ingest: (rows, step) => {
    const first = Math.max(0, ...rows.keys()) + 1;
    return upsert(rows, step, range(first, 40));
  },
  upsert: (rows, step) =>
    upsert(
      rows,
      step,
      [...rows.keys()].filter((id) => id % 3 === step % 3),
    ),
  delete: (rows) => {
    const doomed = [...rows.keys()].filter((_id, index) => index % 7 === 0);
    const after = new Map([...rows].filter(([id]) => !doomed.includes(id)));
    return { after, verb: 'delete', spec: { table: TABLE, where: `id IN (${doomed.join(', ')})` } };
  },
  optimize: (rows) => ({ after: rows, verb: 'optimize', spec: { table: TABLE, sortBy: ['id'] } }),
  checkpoint: (rows, step) => upsert(rows, step, [...rows.keys()].slice(0, 10)),
};

function range(start, count) {
  return Array.from({ length: count }, (_, index) => start + index);
}

function upsert(rows, step, ids) {
  const after = new Map(rows);
  for (const id of ids) after.set(id, `s${step}`);
  const lines = ids.map((id) => `${id},shared.png,s${step},${id % PARTS}\n`);
  return { after, verb: 'ingest', csv: `id,file,stamp,part\n${lines.join('')}` };
}

/** Numbers in [0, 1) from a seed: a linear congruential generator with the constants of Numerical Recipes. */
function makeRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function perform(lakehouse, verb, spec) {
  return verb === 'ingest' ? lakehouse.ingest(spec) : lakehouse.tables[verb](spec);
}

/** Does one operation in a process of its own, once it is told to begin. */
async function serve() {
  process.send('ready');
  const [{ lake, verb, spec }] = await once(process, 'message');
  await perform(openLakehouse({ lake }), verb, spec);
  process.disconnect();
}

/** A lake that is written by processes which may be killed, with the rows that it should hold. */
class Victim {
  rows = new Map();
  step = 0;
  #folder;
  #lakehouse;

  constructor(folder) {
    this.#folder = folder;
    this.#lakehouse = openLakehouse({ lake: join(folder, 'lake') });
  }

  /** Does an operation undisturbed, and gives the ms that it took. */
  async do(name) {
    const { after, verb, spec } = await this.#prepare(name);
    const startMs = performance.now();
    await perform(this.#lakehouse, verb, spec);
    const durationMs = performance.now() - startMs;
    await this.#check(after);
    return durationMs;
  }

  /** Commits until the next commit is one that writes a checkpoint. */
  async goBeforeCheckpoint() {
    while (this.version() + 1 - this.#lastCheckpoint() < CHECKPOINT_INTERVAL) await this.do('checkpoint');
  }

  /** Begins an operation in another process and kills that after `untilKill`; gives whether it still was at work. */
  async kill(name, untilKill) {
    const { after, verb, spec } = await this.#prepare(name);
    const version = this.version();
    const child = fork(import.meta.filename);
    const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
    await new Promise((resolve) => child.once('message', resolve));
    child.send({ lake: join(this.#folder, 'lake'), verb, spec });
    await Promise.race([untilKill(), ended]);
    child.kill('SIGKILL');
    const { code, signal } = await ended;
    assert.ok(code === 0 || signal === 'SIGKILL', `${name} ended with ${code ?? signal}`);
    const isCommitted = this.version() > version;
    await this.#check(isCommitted ? after : this.rows);
    assert.ok(isCommitted || signal === 'SIGKILL', `${name} ended well, and did nothing`);
    return signal === 'SIGKILL';
  }

  async #prepare(name) {
    this.step += 1;
    const { after, verb, csv, spec = {} } = OPERATIONS[name](this.rows, this.step);
    if (csv !== undefined) {
      const source = join(this.#folder, 'rows.csv');
      await writeFile(source, csv);
      const images = join(this.#folder, 'images');
      const choice = { schema: 'infer', imageColumn: 'file', partitionBy: ['part'] };
      Object.assign(spec, { source, images, table: TABLE, ...choice });
    }
    return { after, verb, spec };
  }

  /** Demands a whole table with these rows, and a log without gaps. */
  async #check(rows) {
    const found = await this.#readRows();
    assert.ok(isSame(found, rows), 'the table holds a part of what was interrupted');
    const { problems } = await this.#lakehouse.tables.verify(TABLE);
    assert.deepEqual(problems, []);
    const newest = (await this.#lakehouse.tables.history(TABLE, 1))[0].version;
    assert.equal(newest, this.version(), 'the versions have a gap');
    this.rows = rows;
  }

  version() {
    return this.#logNames().filter((name) => /^\d{20}\.json$/u.test(name)).length - 1;
  }

  #lastCheckpoint() {
    const found = this.#logNames().flatMap(
      (name) => /^(\d{20})\.checkpoint\.parquet$/u.exec(name)?.[1] ?? [],
    );
    return Math.max(0, ...found.map(Number));
  }

  hasCheckpoint(version) {
    return this.#logNames().includes(`${String(version).padStart(20, '0')}.checkpoint.parquet`);
  }

  /** Demands that a vacuum a day later, sparing nothing, leaves the files of the newest version and no others. */
  async checkVacuum() {
    const before = await this.#dataFiles();
    const old = new Date(Date.now() - 2 * DAY_MS);
    for (const name of before) await utimes(join(this.#folder, 'lake/tables', TABLE, name), old, old);
    await this.#lakehouse.tables.vacuum({ table: TABLE, retainMs: 0 });
    const { fileCount, problems } = await this.#lakehouse.tables.verify(TABLE, true);
    assert.deepEqual(problems, []);
    const after = await this.#dataFiles();
    assert.equal(after.length, fileCount);
    assert.ok(isSame(await this.#readRows(), this.rows));
    return `${before.length - after.length} of ${before.length} data files removed`;
  }

  async #dataFiles() {
    const names = await readdir(join(this.#folder, 'lake/tables', TABLE), { recursive: true });
    return names.filter((name) => /part-[^/]*$/u.test(name) && !name.startsWith('_delta_log'));
  }

  #logNames() {
    return readdirSync(join(this.#folder, 'lake/tables', TABLE, '_delta_log'));
  }

  async #readRows() {
    const query = await this.#lakehouse.query(`SELECT id, stamp FROM ${TABLE}`);
    const found = new Map();
    try {
      for await (const row of query.rows()) {
        const id = Number(row.id);
        assert.ok(!found.has(id), `row ${id} is there twice`);
        found.set(id, row.stamp);
      }
    } finally {
      await query[Symbol.asyncDispose]();
    }
    return found;
  }
}

function isSame(one, other) {
  return one.size === other.size && [...one].every(([id, stamp]) => other.get(id) === stamp);
}

async function killMany(folder) {
  const random = makeRandom(SEED);
  const victim = new Victim(folder);
  const names = Object.keys(OPERATIONS);
  const typicalMs = {};
  // A process that has just begun takes longer than this one.
  for (const name of names) typicalMs[name] = 3 * (await victim.do(name));
  const counts = Object.fromEntries(names.map((name) => [name, { done: 0, lost: 0 }]));
  for (let kills = 0; kills < KILLS; ) {
    const name = names[kills % names.length];
    const delayMs = 2 * random() * typicalMs[name];
    let untilKill = () => sleep(delayMs);
    let isDone = () => victim.version() > version;
    if (name === 'checkpoint') await victim.goBeforeCheckpoint();
    const version = victim.version();
    if (name === 'checkpoint') {
      // The checkpoint is written once the entry is there.
      untilKill = async () => {
        while (victim.version() === version) await sleep(1);
        await sleep(delayMs);
      };
      isDone = () => victim.hasCheckpoint(version + 1);
    }
    const wasKilled = await victim.kill(name, untilKill);
    // Half of the kills shall come before it is done, however fast the machine.
    typicalMs[name] *= isDone() ? 0.7 : 1.4;
    if (!wasKilled) continue;
    kills += 1;
    counts[name][isDone() ? 'done' : 'lost'] += 1;
  }
  for (const [name, { done, lost }] of Object.entries(counts)) {
    console.log(`      ${name}: killed ${done + lost} times, ${lost} before it was done and ${done} after`);
  }
  const sides = Object.values(counts);
  const isEither = sides.some(({ done }) => done > 0) && sides.some(({ lost }) => lost > 0);
  assert.ok(KILLS < 50 || isEither, 'all kills came before the work was done, or after');
  console.log(`      vacuum: ${await victim.checkVacuum()}`);
}

if (process.send !== undefined) await serve();
else {
  const folder = await mkdtemp(join(tmpdir(), 'pixlake-kill-'));
  const name = `${KILLS} kills, seed ${SEED}: every time the table is whole`;
  try {
    await mkdir(join(folder, 'images'));
    await sharp({ create: { width: 4, height: 3, channels: 3, background: 'teal' } })
      .png()
      .toFile(join(folder, 'images/shared.png'));
    await killMany(folder);
    console.log(`ok    ${name}\n1 passed, 0 failed`);
  } catch (error) {
    console.log(`FAIL  ${name}\n${error.stack}\n0 passed, 1 failed`);
    process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  console.log(`      ${describeBudget(BUDGET_SECONDS)}`);
}
