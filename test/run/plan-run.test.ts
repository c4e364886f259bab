import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunReport } from '../../src/index.ts';
import { chooseShardSize } from '../../src/run/shard-size.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlakeJson } from '../support/pixlake.ts';

const [THUMBNAIL, PHOTO, LARGE] = [1500, 500_000, 9_000_000];

test.each([
  ['a few thumbnails', 100, 1, THUMBNAIL, 128],
  ['a few thumbnails in many copies', 100, 16, THUMBNAIL, 8],
  ['a few photographs', 100, 1, PHOTO, 16],
  ['a few large photographs', 32, 1, LARGE, 1],
  ['more of them', 640, 1, LARGE, 20],
  ['thousands of thumbnails', 8000, 1, THUMBNAIL, 250],
  ['a billion', 1e9, 1, THUMBNAIL, 1000],
  ['originals of no known size', 100, 1, 1, 128],
])(
  '%s are planned in shards that keep cores busy and are worth their cost',
  (_, rows, copies, bytes, size) => {
    expect(chooseShardSize(rows, copies, bytes)).toBe(size);
  },
);

test('planning reads no data file that the SQL rules out', async () => {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  const source = await writePlainCatalogue(join(folder, 'source'), 10);
  await pixlakeJson(lake, 'ingest', source, '--partition-by', 'gender');
  const table = join(lake, 'tables', 'images');
  for (const name of await readdir(table))
    if (name.startsWith('gender=') && name !== 'gender=Men') await rm(join(table, name), { recursive: true });
  const sql = "SELECT * FROM images WHERE gender = 'Men'";
  const report = await pixlakeJson<RunReport>(lake, 'run', '--name', 'men', '--sql', sql);
  expect(report).toMatchObject({ outcome: 'finished', imageCount: 5 });
});
