import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lakehouse, RunSpec } from 'pixlake';
import type { Row } from './open-duckdb.ts';

/** How long a query or a run took. */
export interface Timing {
  readonly what: string;
  /** Rows of a result, or images of a run. */
  readonly count: number;
  readonly seconds: number;
}

/** One point of a curve: a job over a number of images. */
export interface CurvePoint {
  readonly job: string;
  readonly images: number;
  readonly seconds: number;
}

const timings = new Map<string, Timing>();

/** Does something, and keeps how long it took under a name for {@link listTimings}. */
export async function timed<Result>(
  what: string,
  work: () => Promise<Result>,
  countOf: (result: Result) => number,
): Promise<Result> {
  const startMs = performance.now();
  const result = await work();
  timings.set(what, { what, count: countOf(result), seconds: (performance.now() - startMs) / 1000 });
  return result;
}

/** What {@link timed} has kept, as rows of a table. */
export function listTimings(): Row[] {
  return Array.from(timings.values(), ({ what, count, seconds }) => ({
    what,
    'rows or images': count,
    seconds: seconds.toFixed(3),
  }));
}

/**
 * Measures a SELECT, a run, and a run with fashion-tiny over more and more images of a table: 100, 300, 1,000 and so on, at most
 * `most` and 10,000. The runs write to a temporary lake, so each of them does all of its work.
 */
export async function measureCurve(
  lakehouse: Lakehouse,
  select: (sql: string) => Promise<readonly Row[]>,
  most: number,
): Promise<CurvePoint[]> {
  const output = await mkdtemp(join(tmpdir(), 'pixlake-curve-'));
  try {
    const run = async (spec: Omit<RunSpec, 'name'>): Promise<number> =>
      (await lakehouse.run({ ...spec, name: 'curve', output: join(output, crypto.randomUUID()) })).imageCount;
    const points: CurvePoint[] = [];
    for (const limit of [100, 300, 1000, 3000, 10_000].filter((count) => count <= most)) {
      const sql = `SELECT * FROM images WHERE image_status = 'ok' ORDER BY id LIMIT ${limit}`;
      const jobs = {
        SELECT: async () => (await select(sql)).length,
        run: async () => run({ sql }),
        'run with fashion-tiny': async () => run({ sql, model: 'fashion-tiny' }),
      };
      for (const [job, work] of Object.entries(jobs)) {
        const startMs = performance.now();
        const images = await work();
        points.push({ job, images, seconds: (performance.now() - startMs) / 1000 });
      }
    }
    return points;
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}
