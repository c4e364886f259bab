import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Lakehouse, openLakehouse } from '../../src/index.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { copyTemplate } from '../support/copy-template.ts';

/** A lake whose table `images` has ten rows in two partitions, made by five ingests: versions 0 to 4. */
export interface GrownTable {
  readonly lakehouse: Lakehouse;
  readonly lake: string;
  /** Holds the lake, and the sources `source0` to `source4`. */
  readonly folder: string;
  /** Folder of the table. */
  readonly table: string;
}

/** Copies a {@link GrownTable} for a test. */
export async function copyGrownTable(): Promise<GrownTable> {
  const folder = await copyTemplate('grown table', async (template) => {
    const lakehouse = openLakehouse({ lake: join(template, 'lake') });
    for (let batch = 0; batch < 5; batch++) {
      const ids = [batch * 2 + 1, batch * 2 + 2];
      const images = await Promise.all(ids.map(async (id) => [`${id}.jpg`, await drawJpeg(id)] as const));
      const source = await writeCatalogue(
        join(template, `source${batch}`),
        ids.map((id) => csvLine({ id, gender: id % 2 ? 'Men' : 'Women', year: 2000 + id })),
        Object.fromEntries(images),
      );
      await lakehouse.ingest({ source, partitionBy: ['gender'] });
    }
  });
  const lake = join(folder, 'lake');
  return { lakehouse: openLakehouse({ lake }), lake, folder, table: join(lake, 'tables/images') };
}

/** SQL of all rows of a {@link GrownTable}. */
export const ALL = 'SELECT * FROM images ORDER BY id';

/** Names of the data files of a table, also of earlier versions. */
export async function dataFiles(table: string): Promise<string[]> {
  const names = await readdir(table, { recursive: true });
  return names.filter((name) => name.endsWith('.parquet') && !name.startsWith('_')).sort();
}
