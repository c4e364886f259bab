import { readFile } from 'node:fs/promises';
import type { Row } from './open-duckdb.ts';

/** What the results of `npm run bench` and `npm run bench:million` say about a job. */
interface Measured {
  readonly job: string;
  readonly images: number;
  readonly seconds: number;
  readonly machine: Machine;
}

interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly date: string;
}

/** Reads a result of a benchmark, by the name of its file. */
export async function readResult(name: string) {
  return JSON.parse(await readFile(new URL(`../benchmarks/results/${name}.json`, import.meta.url), 'utf8'));
}

/** How long a million images take, as rows of a table: the seconds of the largest measured job, times a million by its images. */
export async function answerForMillion(): Promise<Row[]> {
  const [ingest, processing, million] = await Promise.all(
    ['ingest', 'processing', 'million'].map(readResult),
  );
  // The largest run of distinct originals; larger ones repeat each original.
  const labelled = processing.points.findLast(({ model }: { model: string | null }) => model !== null);
  const plain = processing.points.find(
    ({ model, images }: { model: string | null; images: number }) =>
      model === null && images === labelled.images,
  );
  const measured: Measured[] = [
    { job: 'ingest', ...ingest.points.at(-1), machine: ingest.machine },
    { job: 'run', images: plain.images, seconds: plain.runSeconds, machine: processing.machine },
    {
      job: `run with ${labelled.model}`,
      images: labelled.images,
      seconds: labelled.runSeconds,
      machine: processing.machine,
    },
    { job: `run, ${million.copies} copies of each original`, ...million },
  ];
  return measured.map(({ job, images, seconds, machine }) => ({
    job,
    'measured on': `${images.toLocaleString('en')} images, ${machine.cores} x ${machine.cpu}, ${machine.date}`,
    seconds: seconds.toFixed(1),
    'images/s': Math.round(images / seconds).toLocaleString('en'),
    'a million takes': `${((seconds * 1e6) / images / 60).toFixed(1)} minutes`,
  }));
}
