import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunReport } from '../../src/index.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';

const RUN = [
  'run',
  '--name',
  'daily',
  '--sql',
  'SELECT * FROM images',
  '--copies',
  '2',
  '--flip',
  '0.5',
  '--shard-size',
  '4',
];

async function ingest(
  lake: string,
  source: string,
  rows: readonly { id: number; title?: string; shade?: number }[],
): Promise<void> {
  await rm(source, { recursive: true, force: true });
  const images = await Promise.all(
    rows.map(async ({ id, shade = id }) => [`${id}.jpg`, await drawJpeg(shade)] as const),
  );
  await writeCatalogue(
    source,
    rows.map(({ id, title }) => csvLine({ id, ...(title ? { title } : {}) })),
    Object.fromEntries(images),
  );
  await pixlakeJson(lake, 'ingest', source);
}

const ids = (first: number, count: number): { id: number }[] =>
  Array.from({ length: count }, (_, index) => ({ id: first + index }));

/** The manifest, row for row, but for where images lie. */
const manifestOf = async (lake: string): Promise<unknown[]> =>
  pixlakeJson<unknown[]>(lake, 'query', 'SELECT * EXCLUDE (image_key) FROM runs.daily ORDER BY id, copy');

async function countImages(lake: string, { folder }: RunReport): Promise<number> {
  const names = await readdir(join(lake, folder, 'images'), { recursive: true }).catch(() => []);
  return names.filter((name) => name.endsWith('.jpg')).length;
}

test('a run on a newer version of its table makes new and changed images only; its manifest is that of a full run', async () => {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  await ingest(lake, join(folder, 'source'), ids(1, 20));
  const first = await pixlakeJson<RunReport>(lake, ...RUN);
  expect(first).toMatchObject({ imageCount: 40, takenCount: 0 });
  // One original changes, one row's title, one row goes, five come.
  await pixlakeJson(lake, 'delete', 'images', '--where', 'id = 20');
  await ingest(lake, join(folder, 'source'), [
    { id: 1, shade: 77 },
    { id: 2, title: 'Renamed' },
    ...ids(3, 17),
    ...ids(21, 5),
  ]);
  const second = await pixlakeJson<RunReport>(lake, ...RUN);
  expect(second).toMatchObject({
    outcome: 'finished',
    shardCount: 6,
    rowCount: 24,
    imageCount: 48,
    takenCount: 36,
    errorCount: 0,
  });
  expect(await countImages(lake, second)).toBe(12);
  const incremental = await manifestOf(lake);
  expect((await pixlake(lake, 'verify', 'runs.daily', '--deep')).code).toBe(0);
  await rm(join(lake, second.folder), { recursive: true });
  const full = await pixlakeJson<RunReport>(lake, ...RUN, '--full');
  expect(full).toMatchObject({ runId: second.runId, imageCount: 48, takenCount: 0 });
  expect(await countImages(lake, full)).toBe(48);
  expect(await manifestOf(lake)).toEqual(incremental);
  expect((await pixlake(lake, 'verify', 'runs.daily', '--deep')).code).toBe(0);
});

test('images that were taken over are taken over again', async () => {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  await ingest(lake, join(folder, 'source'), ids(1, 6));
  await pixlakeJson(lake, ...RUN);
  for (const count of [7, 8]) {
    await ingest(lake, join(folder, 'source'), ids(1, count));
    expect(await pixlakeJson<RunReport>(lake, ...RUN)).toMatchObject({
      imageCount: 2 * count,
      takenCount: 2 * (count - 1),
    });
  }
  expect((await pixlake(lake, 'verify', 'runs.daily', '--deep')).code).toBe(0);
});
