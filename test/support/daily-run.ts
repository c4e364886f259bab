import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PixlakeError } from '../../src/errors.ts';
import type { RunReport } from '../../src/run/run-images.ts';
import { csvLine, drawJpeg, writeCatalogue } from './catalogue.ts';
import { copyTemplate } from './copy-template.ts';
import { pixlakeJson } from './pixlake.ts';

/** Arguments of the run that {@link copyDailyRun} executes. */
export const DAILY = ['run', '--name', 'daily', '--sql', 'SELECT * FROM images'];

/** Ingests images of some ids, in place of what the source held before. */
export async function ingestIds(lake: string, source: string, ids: readonly number[]): Promise<void> {
  await rm(source, { recursive: true, force: true });
  const images = await Promise.all(ids.map(async (id) => [`${id}.jpg`, await drawJpeg(id)] as const));
  await writeCatalogue(
    source,
    ids.map((id) => csvLine({ id })),
    Object.fromEntries(images),
  );
  await pixlakeJson(lake, 'ingest', source);
}

/** A lake with three finished executions of one run; each one takes over the images of the one before, and makes one more. */
export interface DailyRun {
  readonly lake: string;
  /** A folder beside the lake to write to. */
  readonly folder: string;
  /** Oldest first. */
  readonly reports: readonly [RunReport, RunReport, RunReport];
}

/** Copies a {@link DailyRun} for a test. */
export async function copyDailyRun(): Promise<DailyRun> {
  const folder = await copyTemplate('daily run', async (template) => {
    const lake = join(template, 'lake');
    const reports: RunReport[] = [];
    for (const ids of [[1, 2, 3], [4], [5]]) {
      await ingestIds(lake, join(template, 'source'), ids);
      reports.push(await pixlakeJson<RunReport>(lake, ...DAILY));
    }
    await writeFile(join(template, 'reports.json'), JSON.stringify(reports));
  });
  const reports = JSON.parse(await readFile(join(folder, 'reports.json'), 'utf8')) as DailyRun['reports'];
  return { lake: join(folder, 'lake'), folder, reports };
}

/** Paths of all files below a folder, sorted. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** The code that work fails with; `undefined` where it does not, the message of what is no error of pixlake. */
export async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => (error instanceof PixlakeError ? error.code : String(error)),
  );
}
