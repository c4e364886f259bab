// (c) Images ingested a second against their number.
import { existsSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repeat } from './machine.mjs';

/** A catalogue of the first rows alone with a copy of their images. */
function firstRows({ source, images }, rows, folder) {
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

export async function measureIngest(catalogue, { work, isQuick, log }) {
  const { ingested } = catalogue;
  const points = [];
  for (const rows of [100, 300, 1000, 3000, 10_000].filter((count) => count < ingested.images)) {
    if (isQuick && rows > 300) break;
    const folder = firstRows(catalogue, rows, join(work, `first-${rows}`));
    const { ingestSeconds: seconds, ingestedCount } = await repeat(isQuick ? 1 : 3, (time) => ({
      lake: join(work, `ingest-${rows}-${time}`),
      ingest: { source: folder },
    }));
    points.push({ images: ingestedCount, seconds });
    log(`${ingestedCount} images: ${(ingestedCount / seconds).toFixed(0)}/s`);
  }
  return { points: [...points, ingested] };
}
