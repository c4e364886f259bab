// What the suites about crashed runs share: a lake of small images, and all that a reader of a lake can see.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { openLakehouse } from '../../dist/bundle/index.js';

const HEADER =
  'id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName';

/** Numbers in [0, 1) from a seed: a linear congruential generator with the constants of Numerical Recipes. */
export function makeRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Writes a catalogue of so many rows with ids from `first` on, each with an image of its own. */
export async function writeSource(folder, first, count) {
  await mkdir(join(folder, 'images'), { recursive: true });
  const lines = [];
  for (let id = first; id < first + count; id++) {
    const background = { r: (id * 37) % 256, g: (id * 101) % 256, b: (id * 11) % 256 };
    const image = sharp({ create: { width: 30, height: 40, channels: 3, background } });
    await image.jpeg().toFile(join(folder, 'images', `${id}.jpg`));
    const gender = id % 2 ? 'Men' : 'Women';
    lines.push(
      `${id},${gender},Footwear,Shoes,Casual Shoes,Black,Fall,${2007 + (id % 12)},Casual,Shoe ${id}`,
    );
  }
  await writeFile(join(folder, 'styles.csv'), `${[HEADER, ...lines].join('\n')}\n`);
  return folder;
}

/** The rows of a query as one JSON text each, sorted. */
export async function readRows(lakehouse, sql) {
  const result = await lakehouse.query(sql);
  const rows = await result.toArray();
  await result[Symbol.asyncDispose]();
  return rows
    .map((row) =>
      JSON.stringify(Object.values(row), (_key, value) =>
        typeof value === 'bigint' ? String(value) : value,
      ),
    )
    .sort();
}

/** The rows of a run and the hash of each image that they name; demands that all of them are whole and decode. */
export async function readRun(lake, name, imageCount) {
  const lakehouse = openLakehouse({ lake });
  const rows = await readRows(lakehouse, `SELECT * FROM runs."${name}"`);
  const keys = await readRows(lakehouse, `SELECT image_id, image_key, image_sha256 FROM runs."${name}"`);
  assert.equal(rows.length, imageCount, 'rows of the manifest');
  assert.equal(new Set(keys.map((row) => JSON.parse(row)[0])).size, imageCount, 'distinct ids');
  for (const row of keys) {
    const [, key, sha256] = JSON.parse(row);
    const bytes = await readFile(join(lake, key));
    assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, key);
    await sharp(bytes).stats();
  }
  const { problems } = await lakehouse.tables.verify(`runs.${name}`, true);
  assert.deepEqual(problems, []);
  return { rows, keys };
}

/** Removes all executions of a run. */
export async function removeRun(lake, name) {
  await rm(join(lake, 'runs', name), { recursive: true, force: true, maxRetries: 5 });
}

/** Files below a folder by their path in it, sorted. */
export async function listFiles(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
