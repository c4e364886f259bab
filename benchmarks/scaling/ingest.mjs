// (c) Images ingested a second against their number.
import { join } from 'node:path';
import { firstRows } from './catalogue.mjs';
import { repeat } from './machine.mjs';

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
