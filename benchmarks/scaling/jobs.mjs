// (e) The jobs that people ask a time for: ingest and run, of thumbnails and of photographs, in a folder and on S3, with each kind of model. Each is
// measured with a small and a large number of images, so its start and what each image takes can be told apart.
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstRows } from './catalogue.mjs';
import { inProcess } from './machine.mjs';
import { countRequests, startServer } from './s3-server.mjs';

const THUMBNAILS = 'thumbnails, 60x80';
const PHOTOGRAPHS = 'photographs, 1800x2400';

/** Numbers of images, small and large, by what limits a job. */
const SIZES = {
  thumbnails: [4000, 40_000],
  photographs: [24, 240],
  s3: [300, 1500],
  'fashion-tiny': [1000, 10_000],
  fashionnet: [16, 80],
};

const QUICK_SIZES = { thumbnails: [50, 200], s3: [30, 100], 'fashion-tiny': [50, 200] };

/** A catalogue with the large photographs of a data set, each as often as needed, with ids of their own; `undefined` without them. */
function makePhotographs(work, count) {
  const data = process.env.PIXLAKE_FASHION_DIR;
  const folder = data && join(data, 'images-large');
  if (folder === undefined || !existsSync(folder)) return undefined;
  const names = readdirSync(folder).filter((name) => name.endsWith('.jpg'));
  const catalogue = join(work, `photographs-${count}`);
  mkdirSync(join(catalogue, 'images'), { recursive: true });
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  for (const id of ids)
    copyFileSync(join(folder, names[id % names.length]), join(catalogue, 'images', `${id}.jpg`));
  writeFileSync(join(catalogue, 'all.csv'), `id\n${ids.join('\n')}\n`);
  return catalogue;
}

export async function measureJobs(catalogue, { work, isQuick, log }) {
  const server = await startServer(work);
  if (server === undefined)
    log('SKIPPED on S3: Ceph is not installed and PIXLAKE_TEST_S3_ENDPOINT names no server');
  const sizesOf = (kind) => (isQuick ? QUICK_SIZES : SIZES)[kind];
  const times = isQuick ? 1 : 3;
  const jobs = [];

  /** Does a job of each size several times. */
  async function measure(job, sizes, once) {
    const points = [];
    for (const size of sizes) {
      const results = [];
      for (let time = 0; time < times; time++) results.push(await once(size, time));
      const of = (name) => results.map((result) => result[name]);
      points.push({ images: results[0].images, seconds: of('seconds'), cpuSeconds: of('cpuSeconds') });
    }
    const { images, seconds } = points.at(-1);
    log(`${Object.values(job).filter(Boolean).join(', ')}: ${(images / Math.min(...seconds)).toFixed(1)}/s`);
    const measured = { ...job, points };
    jobs.push(measured);
    return measured;
  }

  const sources = { [THUMBNAILS]: (rows) => firstRows(catalogue, rows, join(work, `jobs-${rows}`)) };
  if (!isQuick && makePhotographs(work, 1) !== undefined)
    sources[PHOTOGRAPHS] = (rows) => makePhotographs(work, rows);
  else log('SKIPPED photographs: PIXLAKE_FASHION_DIR has none');
  try {
    const places = [
      { place: 'folder', env: {}, rootOf: (name) => join(work, name) },
      ...(server === undefined
        ? []
        : [
            {
              place: server.name,
              env: server.env,
              rootOf: (name) => `s3://${server.bucket}/${name}-${process.pid}`,
            },
          ]),
    ];
    for (const { place, env, rootOf } of places) {
      for (const [originals, sourceOf] of Object.entries(sources)) {
        const kind = originals === THUMBNAILS ? 'thumbnails' : 'photographs';
        const sizes = place === 'folder' || kind === 'photographs' ? sizesOf(kind) : sizesOf('s3');
        const lake = rootOf(`jobs-${kind}-${sizes.at(-1)}-0`);
        await measure({ job: 'ingest', originals, place, model: null }, sizes, async (size, time) => {
          const source = sourceOf(size);
          const result = await inProcess(
            { lake: rootOf(`jobs-${kind}-${size}-${time}`), ingest: { source } },
            env,
          );
          return {
            images: result.ingestedCount,
            seconds: result.ingestSeconds,
            cpuSeconds: result.ingestCpuSeconds,
          };
        });
        const models =
          place === 'folder' && kind === 'thumbnails' && !isQuick ? ['fashion-tiny', 'fashionnet'] : [];
        for (const model of [null, ...models]) {
          const run = (size, name) => ({
            name,
            sql: `SELECT * FROM images WHERE image_status = 'ok' ORDER BY id LIMIT ${size}`,
            ...(model === null ? {} : { model }),
          });
          const measured = await measure(
            { job: 'run', originals, place, model },
            model === null ? sizes : sizesOf(model),
            async (size, time) => {
              const result = await inProcess(
                { lake, run: run(size, `e-${model ?? 'none'}-${size}-${time}`) },
                env,
              );
              return {
                images: result.imageCount,
                seconds: result.runSeconds,
                cpuSeconds: result.runCpuSeconds,
              };
            },
          );
          if (place === 'folder' || kind === 'photographs') continue;
          const size = sizes.at(-1);
          const counts = await countRequests(env.AWS_ENDPOINT_URL, (AWS_ENDPOINT_URL) =>
            inProcess({ lake, run: run(size, 'e-counted') }, { ...env, AWS_ENDPOINT_URL }),
          );
          const { images } = measured.points.at(-1);
          measured.requestsPerImage = { get: counts.get / images, put: counts.put / images };
          log(
            `requests for each image: ${(counts.get / images).toFixed(3)} GET, ${(counts.put / images).toFixed(3)} PUT`,
          );
        }
      }
    }
    return { jobs };
  } finally {
    server?.stop();
  }
}
