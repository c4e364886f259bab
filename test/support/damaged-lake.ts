import { join } from 'node:path';
import { csvLine, drawJpeg, writeCatalogue } from './catalogue.ts';
import { makeTestFolder, pixlakeJson } from './pixlake.ts';

/** A lake of 10 images, of which those with these ids are damaged. */
export async function makeDamagedLake(damaged: readonly number[]): Promise<string> {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  const ids = Array.from({ length: 10 }, (_, index) => index + 1);
  const images = ids.map(async (id) => {
    const bytes = await drawJpeg(id);
    return [`${id}.jpg`, damaged.includes(id) ? bytes.subarray(0, bytes.length / 2) : bytes] as const;
  });
  await writeCatalogue(
    join(folder, 'source'),
    ids.map((id) => csvLine({ id })),
    Object.fromEntries(await Promise.all(images)),
  );
  await pixlakeJson(lake, 'ingest', join(folder, 'source'));
  return lake;
}
