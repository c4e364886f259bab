import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunError, RunReport } from '../../src/index.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlakeJson } from '../support/pixlake.ts';

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
