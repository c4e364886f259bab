import { readFile } from 'node:fs/promises';
import type { Row } from './open-duckdb.ts';

/** A time for a million images, in seconds. */
interface Span {
  readonly seconds: number;
  readonly low: number;
  readonly high: number;
}

/** What `benchmarks/results/scaling.json` says about a job. */
interface Job {
  readonly job: string;
  readonly originals: string;
  readonly place: string;
  readonly model: string | null;
  readonly measuredImages: number;
  readonly here: Span;
}

/** Reads a result of a benchmark, by the name of its file. */
export async function readResult(name: string) {
  return JSON.parse(await readFile(new URL(`../benchmarks/results/${name}.json`, import.meta.url), 'utf8'));
}

const minutes = (seconds: number): string => (seconds / 60).toFixed(1);

/** How long a million images take, as rows of a table, and the machine that it was measured on. */
export async function answerForMillion(): Promise<{ readonly rows: Row[]; readonly machine: string }> {
  const { million, machine } = await readResult('scaling');
  const { cores, cpu, commit, date } = machine;
  return {
    rows: (million as readonly Job[]).map(({ job, originals, place, model, measuredImages, here }) => ({
      job,
      originals,
      place,
      model: model ?? '',
      'measured on': `${measuredImages.toLocaleString('en')} images`,
      'a million takes': `${minutes(here.seconds)} minutes`,
      'least and most': `${minutes(here.low)} to ${minutes(here.high)}`,
    })),
    machine: `${cores} x ${cpu}, commit ${commit}, ${date}`,
  };
}
