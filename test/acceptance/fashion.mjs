// The main job on the real data set, as its issue states it: exact counts, decoded outputs, kill -9 and resume, speed and memory.
// Needs the folder of the Kaggle data in PIXLAKE_FASHION_DIR (styles.csv, images/, images-44k.tar); skips loudly without it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { describeBudget } from '../support/budget.mjs';

const data = process.env.PIXLAKE_FASHION_DIR ?? '';
const tar = join(data, 'images-44k.tar');
if (data === '' || !existsSync(join(data, 'styles.csv')) || !existsSync(tar)) {
  console.log('SKIPPED: the real data set is not here; name its folder in PIXLAKE_FASHION_DIR');
  console.log('0 passed, 0 failed, 1 skipped');
  process.exit(0);
}

const BUDGET_SECONDS = 150;
const MAIN = join(import.meta.dirname, '../../dist/bundle/main.js');
const MENS_SHOES = "SELECT * FROM images WHERE gender = 'Men' AND subCategory = 'Shoes' AND year > 2012";
const folder = await mkdtemp(join(tmpdir(), 'pixlake-fashion-'));

/** Starts pixlake; `ended` gives exit code, output, seconds and the peak of its resident memory in MB. */
function start(lake, ...args) {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, PIXLAKE_LAKE: lake } });
  let stdout = '';
  let stderr = '';
  let peakMb = 0;
  const startMs = performance.now();
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const watch = setInterval(() => {
    try {
      const peak = /VmHWM:\s+(\d+) kB/u.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
      if (peak) peakMb = Number(peak[1]) / 1000;
    } catch {
      // Not Linux, or over already.
    }
  }, 100);
  const ended = new Promise((resolve) => {
    child.on('close', (code) => {
      clearInterval(watch);
      resolve({ code, stdout, stderr, peakMb, seconds: (performance.now() - startMs) / 1000 });
    });
  });
  return { child, ended };
}

async function pixlake(lake, ...args) {
  const outcome = await start(lake, ...args).ended;
  assert.equal(outcome.code, 0, `pixlake ${args.join(' ')}: ${outcome.stderr}`);
  return outcome;
}

async function query(lake, sql) {
  return JSON.parse((await pixlake(lake, 'query', sql, '--json')).stdout);
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Markers of finished shards of the run that is killed. */
async function countShards(lake) {
  const runs = await readdir(join(lake, 'runs/killed')).catch(() => []);
  return (await readdir(join(lake, 'runs/killed', runs[0] ?? '', 'shards/00000')).catch(() => [])).length;
}

async function hashOutput(root) {
  const names = (await readdir(root, { recursive: true })).filter((name) => /\.(jpg|parquet)$/u.test(name));
  const hashes = {};
  for (const name of names.sort()) hashes[name] = sha256(await readFile(join(root, name)));
  return hashes;
}

const figures = [];
const checks = {
  async "the 1,500 originals: counts, repair, a second ingest, men's shoes"() {
    const lake = join(folder, 'small');
    const first = await pixlake(lake, 'ingest', data);
    assert.match(first.stdout, /^44446 rows = 1500 ingested \+ 42946 without image \+ 0 rejected$/mu);
    assert.match(first.stdout, /^22 rows repaired/mu);
    const second = await pixlake(lake, 'ingest', data);
    assert.match(second.stdout, /^nothing new: table images stays at version 0$/mu);
    assert.equal((await readdir(join(lake, 'tables/images/_delta_log'))).length, 1);
    assert.equal((await query(lake, MENS_SHOES)).length, 23);
    for (const { id, image_key, image_sha256 } of await query(
      lake,
      'SELECT id, image_key, image_sha256 FROM images',
    )) {
      const bytes = await readFile(join(lake, image_key));
      assert.equal(sha256(bytes), image_sha256);
      assert.ok(
        bytes.equals(await readFile(join(data, 'images', `${id}.jpg`))),
        `${id} is not byte for byte the original`,
      );
    }
  },

  async "the 44k tar: counts, nulls, men's shoes"() {
    const lake = join(folder, 'lake');
    const ingest = await pixlake(lake, 'ingest', join(data, 'styles.csv'), '--images', tar);
    assert.match(ingest.stdout, /^44446 rows = 44072 ingested \+ 374 without image \+ 0 rejected$/mu);
    figures.push(
      `ingest of 44k: ${(44_072 / ingest.seconds).toFixed(0)} images/s, peak ${ingest.peakMb.toFixed(0)} MB`,
    );
    const again = await pixlake(lake, 'ingest', join(data, 'styles.csv'), '--images', tar);
    assert.match(again.stdout, /^nothing new/mu);
    const [titles] = await query(
      lake,
      "SELECT count(*)::INTEGER AS n FROM images WHERE productDisplayName LIKE '%3.5\" P%'",
    );
    assert.equal(titles.n, 2);
    assert.equal((await query(lake, MENS_SHOES)).length, 763);
  },

  async "a run over the men's shoes: 1,526 images of 256x256, decoded again, with the crops that were drawn"() {
    const lake = join(folder, 'lake');
    await pixlake(
      lake,
      'run',
      '--name',
      'mens-shoes',
      '--sql',
      MENS_SHOES,
      '--copies',
      '2',
      '--model',
      'fashionnet-small',
    );
    const rows = await query(lake, 'SELECT * FROM runs."mens-shoes"');
    assert.equal(rows.length, 1526);
    assert.equal(new Set(rows.map((row) => row.image_key)).size, 1526);
    for (const row of rows) {
      const bytes = await readFile(join(lake, row.image_key));
      assert.equal(sha256(bytes), row.image_sha256);
      const { info } = await sharp(bytes, { failOn: 'warning' }).raw().toBuffer({ resolveWithObject: true });
      assert.deepEqual([info.width, info.height, info.channels], [256, 256, 3]);
      assert.ok(
        row.crop_width >= 0.8 * row.source_width && row.crop_left + row.crop_width <= row.source_width,
      );
      assert.ok(
        row.crop_height >= 0.8 * row.source_height && row.crop_top + row.crop_height <= row.source_height,
      );
      assert.equal(row.model_trained, true);
      assert.equal(typeof row.pred_category, 'string');
    }
  },

  async 'kill -9 three times in a run over 5,000 images: bytes equal to those of an undisturbed run'() {
    const lake = join(folder, 'lake');
    const args = [
      'run',
      '--name',
      'killed',
      '--sql',
      'SELECT * FROM images ORDER BY id LIMIT 2500',
      '--copies',
      '2',
      '--shard-size',
      '25',
      '--flip',
      '0.5',
    ];
    await pixlake(lake, ...args);
    const undisturbed = join(folder, 'undisturbed');
    await rename(join(lake, 'runs/killed'), undisturbed);
    let doneBefore = 0;
    for (let kill = 0; kill < 3; kill++) {
      const { child, ended } = start(lake, ...args);
      const wanted = doneBefore + 1 + Math.floor(Math.random() * 20);
      while ((await countShards(lake)) < wanted) await sleep(2);
      child.kill('SIGKILL');
      await ended;
      const done = await countShards(lake);
      console.log(`  killed with ${done} of 100 shards done`);
      assert.ok(done >= doneBefore && done < 100, 'the kills must fall into the run');
      doneBefore = done;
    }
    const report = JSON.parse((await pixlake(lake, ...args, '--json')).stdout);
    assert.equal(report.imageCount, 5000);
    assert.equal(report.resumedShardCount, doneBefore);
    const expected = await hashOutput(undisturbed);
    assert.ok(Object.keys(expected).length > 5000);
    assert.deepEqual(await hashOutput(join(lake, 'runs/killed')), expected);
  },

  async 'a run over all 44k: speed and peak memory'() {
    const lake = join(folder, 'lake');
    const run = await pixlake(lake, 'run', '--name', 'all', '--sql', 'SELECT id FROM images');
    assert.match(run.stdout, /^44072 rows x 1 copy = 44072 images written \+ 0 failed$/mu);
    figures.push(
      `run over 44k: ${(44_072 / run.seconds).toFixed(0)} images/s, peak ${run.peakMb.toFixed(0)} MB`,
    );
  },
};

let passed = 0;
let failed = 0;
try {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      passed += 1;
      console.log(`ok    ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${name}\n${error.stack}`);
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
for (const figure of figures) console.log(figure);
console.log(`${passed} passed, ${failed} failed\n      ${describeBudget(BUDGET_SECONDS)}`);
process.exitCode = failed === 0 ? 0 : 1;
