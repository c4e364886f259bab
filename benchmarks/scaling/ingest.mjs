// (c) Images ingested a second against their number.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repeat } from './machine.mjs';

/** Ingests the first rows of the catalogue; images that no row names are left alone. */
export async function measureIngest({ source, images, ingested }, { work, isQuick, log }) {
  const lines = readFileSync(source, 'utf8').split(/(?<=\n)/u);
  const points = [];
  for (const rows of [100, 300, 1000, 3000, 10_000].filter((count) => count < ingested.images)) {
    if (isQuick && rows > 300) break;
    const csv = join(work, `first-${rows}.csv`);
    writeFileSync(csv, lines.slice(0, rows + 1).join(''));
    const { ingestSeconds: seconds, ingestedCount } = await repeat(isQuick ? 1 : 3, (time) => ({
      lake: join(work, `ingest-${rows}-${time}`),
      ingest: { source: csv, images },
    }));
    points.push({ images: ingestedCount, seconds });
    log(`${ingestedCount} images: ${(ingestedCount / seconds).toFixed(0)}/s`);
  }
  return { points: [...points, ingested] };
}
