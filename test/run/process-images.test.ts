import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { openLakehouse, type RunError, type RunReport } from '../../src/index.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { writeModel } from '../model/toy-model.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlakeJson } from '../support/pixlake.ts';
import { queryRows, runWith } from '../support/run-in-process.ts';

test('images that fail are rows of the errors, and the rest goes on', async () => {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  const good = await drawJpeg(1, 300, 300);
  await writeCatalogue(
    join(folder, 'source'),
    [1, 2, 3, 4, 5].map((id) => csvLine({ id })),
    {
      '1.jpg': good,
      '2.jpg': good.subarray(0, good.length / 2),
      '3.jpg': new Uint8Array(),
      '4.jpg': good,
      '5.jpg': await drawJpeg(5),
    },
  );
  await pixlakeJson(lake, 'ingest', join(folder, 'source'));
  await rm(join(lake, 'originals/images/4.jpg'));
  await writeFile(join(lake, 'originals/images/5.jpg'), good);
  const report = await pixlakeJson<RunReport>(
    lake,
    'run',
    '--name',
    'broken',
    '--sql',
    'SELECT * FROM images',
    '--copies',
    '2',
  );
  expect(report).toMatchObject({ rowCount: 5, imageCount: 2, errorCount: 8 });
  const errors = await pixlakeJson<RunError[]>(lake, 'runs', 'errors', 'broken');
  expect(errors.map(({ id, copy, code }) => `${id}/${copy} ${code}`).sort()).toEqual(
    ['2 IMAGE_CORRUPT', '3 IMAGE_EMPTY', '4 OBJECT_NOT_FOUND', '5 IMAGE_CHANGED'].flatMap((line) => {
      const [id, code] = line.split(' ');
      return [`${id}/0 ${code}`, `${id}/1 ${code}`];
    }),
  );
});

const COLOURS = ['#ff0000', '#00ff00', '#0000ff'] as const;

/** Columns of the toy model by the colour that they stand for: it gives both pixels back, channel by channel. */
const LABELS: readonly (readonly string[])[] = [
  ['a', 'b'],
  ['c', 'd'],
  ['e', 'f'],
];

test('each image has its own predictions and pixels, whatever fails before and after it in a batch', async () => {
  const folder = await makeTestFolder();
  const ids = Array.from({ length: 11 }, (_, index) => index + 1);
  const failing = [1, 4, 6, 7, 11];
  const images = ids.map(async (id) => {
    const background = COLOURS[id % 3] ?? '';
    const create = { width: 40, height: 20, channels: 3, background } as const;
    const bytes = await sharp({ create }).jpeg().toBuffer();
    return [`${id}.jpg`, failing.includes(id) ? bytes.subarray(0, bytes.length / 2) : bytes] as const;
  });
  const lines = ids.map((id) => csvLine({ id }));
  await writeCatalogue(join(folder, 'source'), lines, Object.fromEntries(await Promise.all(images)));
  const lake = join(folder, 'lake');
  const lakehouse = openLakehouse({ lake });
  await lakehouse.ingest({ source: join(folder, 'source') });
  const { onnxPath } = await writeModel(await makeTestFolder());
  // Two whole shards of two batches each, and one of a single row, which fails.
  const spec = {
    name: 'r',
    sql: 'SELECT id FROM images',
    shardSize: 5,
    model: onnxPath,
    transform: { size: 16, crop: 0 },
  };
  expect(await runWith(openLocalStore(lake), spec)).toMatchObject({
    shardCount: 3,
    imageCount: 6,
    errorCount: 5,
  });
  const rows = await queryRows<{ id: number; image_key: string; pred_toy: string }>(
    { lakehouse },
    'SELECT id::INTEGER AS id, image_key, pred_toy_labels[1] AS pred_toy FROM runs.r ORDER BY id',
  );
  expect(rows.map(({ id }) => id)).toEqual(ids.filter((id) => !failing.includes(id)));
  for (const { id, image_key: key, pred_toy: label } of rows) {
    expect(LABELS[id % 3], `image ${id}`).toContain(label);
    const { channels } = await sharp(join(lake, key))
      .extract({ left: 4, top: 6, width: 8, height: 4 })
      .stats();
    const brightest = channels
      .map(({ mean }) => mean)
      .reduce((best, mean, at, all) => (mean > (all[best] ?? 0) ? at : best), 0);
    expect(brightest, `image ${id}`).toBe(id % 3);
  }
});
