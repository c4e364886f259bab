import { join } from 'node:path';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { copyTemplate, useTemplate } from '../support/copy-template.ts';
import { pixlakeJson } from '../support/pixlake.ts';

/** A lake, and the folder that holds it and its `source`. */
interface PlainLake {
  readonly lake: string;
  readonly folder: string;
}

const fill = (rowCount: number) => async (folder: string) =>
  pixlakeJson(join(folder, 'lake'), 'ingest', await writePlainCatalogue(join(folder, 'source'), rowCount));

/** Makes a lake whose table `images` has ids from 1, men and women in turn. */
export async function makePlainLake(rowCount: number): Promise<PlainLake> {
  const folder = await copyTemplate(`plain lake ${rowCount}`, fill(rowCount));
  return { lake: join(folder, 'lake'), folder };
}

/** Makes such a lake once for the tests of a file, which read it or add to it what no other test minds. */
export function usePlainLake(rowCount: number): PlainLake {
  const template = useTemplate(`plain lake ${rowCount}`, fill(rowCount));
  return {
    get lake() {
      return join(template.folder, 'lake');
    },
    get folder() {
      return template.folder;
    },
  };
}
