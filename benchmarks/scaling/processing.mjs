// (a) Query and processing time against the number of images, with and without the model; (d) against worker threads.
import { good } from './catalogue.mjs';
import { repeat } from './machine.mjs';

const MODEL = 'fashion-tiny';

/** Numbers of images: steps of about three up to all there are, then copies of all. */
function sizesOf(goodCount, copies) {
  const steps = [10, 30, 100, 300, 1000, 3000, 10_000, 30_000].filter((size) => size < goodCount);
  return [...steps, ...copies.map((count) => goodCount * count)];
}

/** Repeats that keep small sizes from being noise and large ones from taking all day. */
const timesFor = (images, model, isQuick) =>
  isQuick || images > (model === null ? 50_000 : 20_000) ? 1 : images > 2000 ? 3 : 5;

export async function measureProcessing({ lake, goodCount }, { isQuick, log }) {
  const points = [];
  for (const model of [null, MODEL]) {
    for (const images of sizesOf(goodCount, model !== null ? [1] : isQuick ? [1, 10] : [1, 3, 10])) {
      const copies = Math.max(1, images / goodCount);
      const limit = Math.min(images, goodCount);
      const { querySeconds, runSeconds, peakMb, imageCount } = await repeat(
        timesFor(images, model, isQuick),
        (time) => ({
          lake,
          ...(copies === 1 ? { query: good(limit) } : {}),
          run: {
            name: `a-${model ?? 'none'}-${images}-${time}`,
            sql: good(limit),
            copies,
            ...(model === null ? {} : { model }),
          },
        }),
      );
      points.push({ images: imageCount, model, querySeconds: querySeconds ?? null, runSeconds, peakMb });
      log(
        `${images} images${model === null ? '' : ' with the model'}: ${(images / runSeconds).toFixed(0)}/s, ${peakMb} MB`,
      );
    }
  }
  return { points };
}

export async function measureWorkers({ lake, goodCount }, { isQuick, log, machine }) {
  // So many that start and end of a run, which more workers do not shorten, are a small part.
  const rows = Math.min(goodCount, 40_000);
  const copies = isQuick ? 10 : 1;
  const counts = [1, 2, 4, 8, 16, 32, 64].filter((count) => count <= machine.cores * 2);
  const points = [];
  for (const workers of counts) {
    const { runSeconds: seconds, imageCount: images } = await repeat(isQuick ? 1 : 3, (time) => ({
      lake,
      workers,
      run: { name: `d-${workers}-${time}`, sql: good(rows), copies },
    }));
    points.push({ workers, images, seconds });
    log(`${workers} workers: ${(images / seconds).toFixed(0)}/s`);
  }
  return { points };
}
