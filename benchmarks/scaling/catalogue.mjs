// The lake that is measured on: of the real data set where its folder is in PIXLAKE_FASHION_DIR, else of the generated sample.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inProcess } from './machine.mjs';
import { writeSample } from '../../dist/bundle/index.js';

/** Files to ingest: all of them, and what they are called in titles. */
export async function openCatalogue(work, isQuick) {
  const data = process.env.PIXLAKE_FASHION_DIR;
  if (data !== undefined && existsSync(join(data, 'styles.csv'))) {
    let images = join(data, 'images');
    if (!isQuick) {
      images = join(work, 'unpacked');
      mkdirSync(images);
      execFileSync('tar', ['xf', join(data, 'images-44k.tar'), '-C', images]);
    }
    return { name: 'Fashion Product Images (Small)', source: join(data, 'styles.csv'), images };
  }
  const folder = join(work, 'sample');
  await writeSample(folder, { rows: isQuick ? 300 : 3000 });
  return { name: 'generated sample', source: join(folder, 'styles.csv'), images: join(folder, 'images') };
}

/** A catalogue of the first rows alone with a copy of their images. */
export function firstRows({ source, images }, rows, folder) {
  const lines = readFileSync(source, 'utf8')
    .split(/(?<=\n)/u)
    .slice(0, rows + 1);
  mkdirSync(join(folder, 'images'), { recursive: true });
  writeFileSync(join(folder, 'styles.csv'), lines.join(''));
  for (const line of lines.slice(1)) {
    const name = `${line.split(',', 1)[0]}.jpg`;
    if (existsSync(join(images, name))) copyFileSync(join(images, name), join(folder, 'images', name));
  }
  return folder;
}

/** Ingests the catalogue into a lake and tells how many of its images are good. */
export async function makeLake(work, { source, images }) {
  const lake = join(work, 'lake');
  const { ingestSeconds, ingestedCount } = await inProcess({ lake, ingest: { source, images } });
  const { rowCount: goodCount } = await inProcess({
    lake,
    query: "SELECT id FROM images WHERE image_status = 'ok'",
  });
  return { lake, goodCount, ingested: { images: ingestedCount, seconds: ingestSeconds } };
}

export const good = (limit) => `SELECT * FROM images WHERE image_status = 'ok' LIMIT ${limit}`;
