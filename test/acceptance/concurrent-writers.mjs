// Many processes write one table of a lake in a folder at once. First all add rows of their own: every commit must land, no row be
// lost or doubled, and the versions have no gap. Then all change the same rows: at every version each row is there once, and all
// are those of one writer.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { openLakehouse } from '../../dist/bundle/index.js';
import { describeBudget } from '../support/budget.mjs';

const WRITERS = 8;
const COMMITS = 25;
const ROWS = 4;
const RIVALS = 4;
const ROUNDS = 10;
const SHARED_ROWS = 20;

/** A catalogue whose rows all name one image. */
async function writeCatalogue(path, ids, stamp) {
  const rows = ids.map((id) => `${id},shared.png,${stamp}\n`);
  await writeFile(path, `id,file,stamp\n${rows.join('')}`);
  return path;
}

const BUDGET_SECONDS = 60;
const range = (start, count) => Array.from({ length: count }, (_, index) => start + index);

/** What a writer does, in a process of its own, once it is told to begin. */
async function write({ folder, table, writer, rounds, idsOf }) {
  const lakehouse = openLakehouse({ lake: join(folder, 'lake') });
  const versions = [];
  for (const round of range(0, rounds)) {
    const stamp = `w${writer}r${round}`;
    const ids = idsOf === 'own' ? range((writer * rounds + round) * ROWS + 1, ROWS) : range(1, SHARED_ROWS);
    const source = await writeCatalogue(join(folder, `${table}-${stamp}.csv`), ids, stamp);
    const images = join(folder, 'images');
    const report = await lakehouse.ingest({ source, images, table, schema: 'infer', imageColumn: 'file' });
    if (report.isCommitted) versions.push(report.version);
  }
  return versions;
}

/** Lets writers begin at the same time and gives the versions that each of them committed. */
async function race(folder, table, writerCount, rounds, idsOf) {
  const writers = range(0, writerCount).map((writer) => {
    const task = JSON.stringify({ folder, table, writer, rounds, idsOf });
    const child = fork(import.meta.filename, [task]);
    let tell;
    const ready = new Promise((resolve) => child.once('message', resolve));
    const done = new Promise((resolve, reject) => {
      tell = resolve;
      child.on('exit', (code) => (code === 0 ? undefined : reject(new Error(`writer ${writer}: ${code}`))));
    });
    return { child, ready: ready.then(() => child.on('message', tell)), done };
  });
  await Promise.all(writers.map(({ ready }) => ready));
  const startMs = performance.now();
  for (const { child } of writers) child.send('go');
  const versions = await Promise.all(writers.map(({ done }) => done));
  return { versions, seconds: (performance.now() - startMs) / 1000 };
}

async function readRows(lakehouse, sql) {
  const query = await lakehouse.query(sql);
  try {
    return (await query.toArray()).map((row) => Object.values(row));
  } finally {
    await query[Symbol.asyncDispose]();
  }
}

async function assertLog(folder, table, versions) {
  const names = await readdir(join(folder, 'lake/tables', table, '_delta_log'));
  const entries = names.filter((name) => /^\d{20}\.json$/u.test(name)).sort();
  const expected = range(0, versions.length);
  assert.deepEqual(
    entries.map((name) => Number.parseInt(name, 10)),
    expected,
    'the versions have a gap',
  );
  assert.deepEqual(
    versions.toSorted((a, b) => a - b),
    expected,
    'two writers believe they made one version',
  );
}

const checks = {
  async [`${WRITERS} processes add rows, ${COMMITS} commits each`](folder, lakehouse) {
    const { versions, seconds } = await race(folder, 'added', WRITERS, COMMITS, 'own');
    assert.deepEqual(
      versions.map(({ length }) => length),
      Array(WRITERS).fill(COMMITS),
    );
    await assertLog(folder, 'added', versions.flat());
    const rows = await readRows(lakehouse, 'SELECT id FROM added ORDER BY id');
    assert.deepEqual(
      rows.map(([id]) => Number(id)),
      range(1, WRITERS * COMMITS * ROWS),
      'rows are lost or doubled',
    );
    const report = await lakehouse.tables.verify('added', true);
    assert.deepEqual(report.problems, []);
    return `${WRITERS * COMMITS} commits in ${seconds.toFixed(1)} s, ${rows.length} rows`;
  },

  async [`${RIVALS} processes change the same rows, ${ROUNDS} times each`](folder, lakehouse) {
    const { versions, seconds } = await race(folder, 'changed', RIVALS, ROUNDS, 'shared');
    assert.equal(versions.flat().length, RIVALS * ROUNDS);
    await assertLog(folder, 'changed', versions.flat());
    const stamps = new Set();
    for (const version of range(0, RIVALS * ROUNDS)) {
      const rows = await readRows(lakehouse, `SELECT id, stamp FROM changed@v${version} ORDER BY id`);
      assert.deepEqual(
        rows.map(([id]) => Number(id)),
        range(1, SHARED_ROWS),
        `version ${version}`,
      );
      const found = new Set(rows.map(([, stamp]) => stamp));
      assert.equal(found.size, 1, `version ${version} mixes ${[...found].join(', ')}`);
      stamps.add([...found][0]);
    }
    assert.equal(stamps.size, RIVALS * ROUNDS, 'a change is nowhere to be seen');
    const report = await lakehouse.tables.verify('changed', true);
    assert.deepEqual(report.problems, []);
    return `${RIVALS * ROUNDS} commits in ${seconds.toFixed(1)} s`;
  },
};

if (process.send !== undefined) {
  process.send('ready');
  await once(process, 'message');
  process.send(await write(JSON.parse(process.argv[2])));
  process.disconnect();
} else {
  const folder = await mkdtemp(join(tmpdir(), 'pixlake-writers-'));
  let passed = 0;
  let failed = 0;
  try {
    await mkdir(join(folder, 'images'));
    await sharp({ create: { width: 4, height: 3, channels: 3, background: 'teal' } })
      .png()
      .toFile(join(folder, 'images/shared.png'));
    const lakehouse = openLakehouse({ lake: join(folder, 'lake') });
    for (const [name, check] of Object.entries(checks)) {
      try {
        console.log(`ok    ${name}: ${await check(folder, lakehouse)}`);
        passed += 1;
      } catch (error) {
        failed += 1;
        console.log(`FAIL  ${name}\n${error.stack}`);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  console.log(`${passed} passed, ${failed} failed\n      ${describeBudget(BUDGET_SECONDS)}`);
  process.exitCode = failed === 0 ? 0 : 1;
}
