import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { copyTemplate } from '../support/copy-template.ts';
import { pixlakeJson } from '../support/pixlake.ts';

/** A lake, and the folder that holds it and its `source`. */
interface PlainLake {
  readonly lake: string;
  readonly folder: string;
}

async function fill(folder: string, rowCount: number): Promise<PlainLake> {
  const lake = join(folder, 'lake');
  await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), rowCount));
  return { lake, folder };
}

/** Makes a lake whose table `images` has ids from 1, men and women in turn. */
export async function makePlainLake(rowCount: number): Promise<PlainLake> {
  const folder = await copyTemplate(`plain lake ${rowCount}`, async (template) => {
    await fill(template, rowCount);
  });
  return { lake: join(folder, 'lake'), folder };
}

/** Makes such a lake once for the tests of a file, which read it or add to it what no other test minds. */
export function usePlainLake(rowCount: number): PlainLake {
  let made = { lake: '', folder: '' };
  beforeAll(async () => {
    made = await fill(await mkdtemp(join(tmpdir(), 'pixlake-test-')), rowCount);
  });
  afterAll(() => rm(made.folder, { recursive: true, force: true }));
  return {
    get lake() {
      return made.lake;
    },
    get folder() {
      return made.folder;
    },
  };
}
