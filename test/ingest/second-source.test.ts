import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLakehouse, type Lakehouse } from '../../src/lakehouse.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { rowsOf } from '../support/rows-of.ts';

async function open(): Promise<{ lakehouse: Lakehouse; folder: string }> {
  const folder = await makeTestFolder();
  return { lakehouse: openLakehouse({ lake: join(folder, 'lake') }), folder: join(folder, 'source') };
}

describe('a second source', () => {
  test('with new columns adds them, null in older rows, and keeps those it does not have', async () => {
    const { lakehouse, folder } = await open();
    await writePlainCatalogue(folder, 4);
    await lakehouse.ingest({ source: folder });
    await writeFile(join(folder, 'more.csv'), 'id,price,note\n1,2.5,first\n3,,third\n');
    const more = { source: join(folder, 'more.csv'), images: join(folder, 'images') };
    expect(await lakehouse.ingest(more)).toMatchObject({
      newColumns: ['price', 'note'],
      changedCount: 2,
      addedCount: 0,
      version: 1,
    });
    expect(await rowsOf(lakehouse, 'SELECT id, gender, year, price, note FROM images ORDER BY id')).toEqual([
      [1, 'Men', 2008, 2.5, 'first'],
      [2, 'Women', 2009, null, null],
      [3, 'Men', 2010, null, 'third'],
      [4, 'Women', 2011, null, null],
    ]);
    expect(await lakehouse.ingest(more)).toMatchObject({ isCommitted: false, unchangedCount: 2 });
    expect(await lakehouse.ingest({ source: join(folder, 'styles.csv') })).toMatchObject({
      isCommitted: false,
      newColumns: [],
    });
  });

  test('takes the types of the table where its values fit', async () => {
    const { lakehouse, folder } = await open();
    await writePlainCatalogue(folder, 2);
    const csv = async (text: string): Promise<string> => {
      await writeFile(join(folder, 'more.csv'), text);
      return join(folder, 'more.csv');
    };
    const images = join(folder, 'images');
    await lakehouse.ingest({ source: await csv('id,code,size,flag\n1,a1,1.5,true\n'), images });
    expect(
      await lakehouse.ingest({ source: await csv('id,code,size,flag\n2,007,3,\n'), images }),
    ).toMatchObject({
      addedCount: 1,
    });
    expect(await rowsOf(lakehouse, 'SELECT code, size, flag FROM images ORDER BY id')).toEqual([
      ['a1', 1.5, true],
      ['007', 3, null],
    ]);
    for (const [text, reason] of [
      ['id,size\n1,large\n', 'size is double in the table and string in the source'],
      ['id,Code\n1,x\n', 'Code is named code in the table'],
    ] as const) {
      await expect(lakehouse.ingest({ source: await csv(text), images })).rejects.toMatchObject({
        code: 'SCHEMA_MISMATCH',
        message: expect.stringContaining(reason),
      });
    }
  });

  test('at the same time as others: every row is there once', async () => {
    const { lakehouse, folder } = await open();
    await writePlainCatalogue(folder, 6);
    const ingests = Array.from({ length: 6 }, async (_, index) => {
      const source = join(folder, `part${index}.csv`);
      // Each brings a row of its own and its word on one that they share.
      await writeFile(source, `id,gender\n${index + 1},Men\n6,by ${index}\n`);
      return lakehouse.ingest({ source, images: join(folder, 'images'), table: 'shared' });
    });
    await Promise.all(ingests);
    expect(await rowsOf(lakehouse, 'SELECT count(*), count(DISTINCT id) FROM shared')).toEqual([[6, 6]]);
    expect((await lakehouse.tables.verify('shared')).problems).toEqual([]);
    const history = await lakehouse.tables.history('shared');
    expect(history.map(({ version }) => version)).toEqual([5, 4, 3, 2, 1, 0]);
  });
});
