import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { openLakehouse, type Lakehouse } from '../../src/lakehouse.ts';
import { csvLine, drawJpeg, writeCatalogue, writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { rowsOf } from '../support/rows-of.ts';

async function open(): Promise<{ lakehouse: Lakehouse; folder: string; lake: string }> {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  return { lakehouse: openLakehouse({ lake }), folder: join(folder, 'source'), lake };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('ingest', () => {
  test('counts every row and keeps the bytes of originals', async () => {
    const { lakehouse, folder, lake } = await open();
    const image = await drawJpeg(1);
    const lines = [
      csvLine({ id: 1 }),
      csvLine({ id: 2, title: ' Shoe, with, commas and 3.5" heel ' }),
      csvLine({ id: 3 }),
      csvLine({ id: 'x' }),
      csvLine({ id: 1, title: 'again' }),
      '4,Men,Footwear',
      csvLine({ id: 5, year: 'NA', title: '' }),
    ];
    await writeCatalogue(folder, lines, {
      '1.jpg': image,
      '2.jpg': await drawJpeg(2),
      '5.jpg': await drawJpeg(5),
      '99.jpg': image,
      'notes.txt': image,
    });
    const report = await lakehouse.ingest({ source: folder });
    expect(report).toMatchObject({
      rowCount: 7,
      ingestedCount: 3,
      withoutImageCount: 1,
      rejectedCount: 3,
      repairedCount: 1,
      addedCount: 3,
      imagesWithoutRowCount: 2,
      isCommitted: true,
      version: 0,
    });
    expect(await readFile(join(lake, 'originals/images/1.jpg'))).toEqual(image);
    expect(
      await rowsOf(
        lakehouse,
        'SELECT id, year, productDisplayName, image_sha256, image_bytes FROM images WHERE id <> 2 ORDER BY id',
      ),
    ).toEqual([
      [1, 2013, 'Shoe 1', sha256(image), image.length],
      [5, null, null, expect.any(String), expect.any(Number)],
    ]);
    expect(await rowsOf(lakehouse, 'SELECT productDisplayName FROM images WHERE id = 2')).toEqual([
      ['Shoe, with, commas and 3.5" heel'],
    ]);
    const rejects = await readFile(join(lake, report.lists.rejects ?? ''), 'utf8');
    expect(rejects).toMatch(/^5,"id ""x"" is not a whole number of at least 0","x,Men/mu);
    expect(rejects).toMatch(/^6,id 1 was already on line 2,"1,Men,Footwear,.*again"$/mu);
    expect(rejects).toMatch(/^7,3 fields instead of 10,"4,Men,Footwear"$/mu);
    expect(await readFile(join(lake, report.lists.withoutImage ?? ''), 'utf8')).toBe(
      'line,id,reason\n4,3,no image file has this name\n',
    );
    const strays = await readFile(join(lake, report.lists.imagesWithoutRow ?? ''), 'utf8');
    expect(strays).toBe('name,reason\n99.jpg,no row names it\nnotes.txt,not an image by its name\n');
  });

  test('a second ingest adds nothing; a changed row, a changed image and a new row are picked up alone', async () => {
    const { lakehouse, folder, lake } = await open();
    await writePlainCatalogue(folder, 12);
    const first = await lakehouse.ingest({ source: folder, partitionBy: ['gender'] });
    const sizes = await rowsOf(lakehouse, 'SELECT sum(image_bytes)::BIGINT FROM images');
    expect(sizes).toEqual([[first.storedBytes]]);
    const before = await readdir(join(lake, 'tables/images/gender=Men'));
    const again = await lakehouse.ingest({ source: folder });
    expect(again).toMatchObject({
      addedCount: 0,
      changedCount: 0,
      unchangedCount: 12,
      isCommitted: false,
      version: 0,
      storedBytes: 0,
    });
    expect(await readdir(join(lake, 'tables/images/_delta_log'))).toHaveLength(1);

    const csv = await readFile(join(folder, 'styles.csv'), 'utf8');
    await writeFile(
      join(folder, 'styles.csv'),
      `${csv.replace(',Shoe 2\n', ',New name\n')}${csvLine({ id: 13, gender: 'Women' })}\n`,
    );
    const newImage = await drawJpeg(200);
    await writeFile(join(folder, 'images/4.jpg'), newImage);
    await writeFile(join(folder, 'images/13.jpg'), await drawJpeg(13));
    const changed = await lakehouse.ingest({ source: folder });
    expect(changed).toMatchObject({
      addedCount: 1,
      changedCount: 2,
      unchangedCount: 10,
      isCommitted: true,
      version: 1,
    });
    expect(await rowsOf(lakehouse, 'SELECT count(*), count(DISTINCT id) FROM images')).toEqual([[13, 13]]);
    expect(await rowsOf(lakehouse, 'SELECT productDisplayName FROM images WHERE id = 2')).toEqual([
      ['New name'],
    ]);
    const [row] = await rowsOf(lakehouse, 'SELECT image_key, image_sha256 FROM images WHERE id = 4');
    expect(row?.[1]).toBe(sha256(newImage));
    expect(await readFile(join(lake, String(row?.[0])))).toEqual(newImage);
    // The older snapshot still finds the original it names.
    expect(sha256(await readFile(join(lake, 'originals/images/4.jpg')))).not.toBe(sha256(newImage));
    // Files without a changed row are not rewritten.
    expect(await readdir(join(lake, 'tables/images/gender=Men'))).toEqual(before);
  });

  test('a broken image is a row with its status and reason', async () => {
    const { lakehouse, folder } = await open();
    const good = await drawJpeg(1, 200, 200);
    const png = await sharp(good).png().toBuffer();
    await writeCatalogue(
      folder,
      [1, 2, 3, 4, 5].map((id) => csvLine({ id })),
      {
        '1.jpg': good,
        '2.jpg': new Uint8Array(),
        '3.jpg': good.subarray(0, good.length / 2),
        '4.jpg': Buffer.from('this is no image'),
        '5.jpg': png,
      },
    );
    const report = await lakehouse.ingest({ source: folder });
    expect(report).toMatchObject({
      ingestedCount: 5,
      imageStatusCounts: { ok: 2, empty: 1, corrupt: 1, unsupported: 1 },
    });
    expect(
      await rowsOf(
        lakehouse,
        'SELECT id, image_status, image_format, image_reason IS NULL FROM images ORDER BY id',
      ),
    ).toEqual([
      [1, 'ok', 'jpeg', true],
      [2, 'empty', null, false],
      [3, 'corrupt', 'jpeg', false],
      [4, 'unsupported', null, false],
      [5, 'ok', 'png', true],
    ]);
    // Broken ones stay as they are when they are ingested again.
    expect(await lakehouse.ingest({ source: folder })).toMatchObject({ isCommitted: false });
  });

  test('any CSV gets an inferred schema, with its own id and image columns', async () => {
    const { lakehouse, folder } = await open();
    await mkdir(join(folder, 'images/train'), { recursive: true });
    await writeFile(
      join(folder, 'photos.csv'),
      'photo,file,score,line,image_ref\na1,train/x.jpg,0.5,1,u\na2,./train/y.jpg,2,2,v\na3,,1,3,w\n',
    );
    await writeFile(join(folder, 'images/train/x.jpg'), await drawJpeg(1));
    await writeFile(join(folder, 'images/train/y.jpg'), await drawJpeg(2));
    const report = await lakehouse.ingest({
      source: folder,
      table: 'photos',
      idColumn: 'photo',
      imageColumn: 'file',
    });
    expect(report).toMatchObject({ schema: 'photos', ingestedCount: 2, withoutImageCount: 1 });
    expect(
      await rowsOf(lakehouse, 'SELECT photo, score, line, image_key FROM photos ORDER BY photo'),
    ).toEqual([
      ['a1', 0.5, 1, 'originals/photos/a1.jpg'],
      ['a2', 2, 2, 'originals/photos/a2.jpg'],
    ]);
  });

  test('special characters in partition values and a null partition are read back', async () => {
    const { lakehouse, folder } = await open();
    const categories = ['Personal Care', 'a/b=c%', 'Ümlaut', 'NA'];
    const images = await Promise.all(
      categories.map(async (_, index) => [`${index}.jpg`, await drawJpeg(index)] as const),
    );
    await writeCatalogue(
      folder,
      categories.map((category, id) => csvLine({ id, category })),
      Object.fromEntries(images),
    );
    await lakehouse.ingest({ source: folder });
    expect(await rowsOf(lakehouse, 'SELECT masterCategory FROM images ORDER BY id')).toEqual([
      ['Personal Care'],
      ['a/b=c%'],
      ['Ümlaut'],
      [null],
    ]);
    expect(await lakehouse.ingest({ source: folder })).toMatchObject({
      unchangedCount: 4,
      isCommitted: false,
    });
    expect(await rowsOf(lakehouse, "SELECT count(*) FROM images WHERE masterCategory = 'a/b=c%'")).toEqual([
      [1],
    ]);
  });

  test.each(['rows', 'images', 'commit'])(
    'one that is stopped among its %s leaves no partial commit and no temporary files',
    async (last) => {
      const { lakehouse, folder, lake } = await open();
      await writePlainCatalogue(folder, 2);
      const stop = new AbortController();
      const ingest = lakehouse.ingest(
        { source: folder },
        {
          signal: stop.signal,
          onProgress: ({ phase }) => phase === last && stop.abort(new Error('stopped')),
        },
      );
      await expect(ingest).rejects.toThrow('stopped');
      await expect(lakehouse.query('SELECT * FROM images')).rejects.toMatchObject({
        code: 'TABLE_NOT_FOUND',
      });
      expect(await readdir(join(lake, '.tmp'))).toEqual([]);
      expect(await readdir(join(lake, 'tables/images')).catch(() => [])).toEqual([]);
    },
  );

  test('tells its progress row by row, image by image, and at its end', async () => {
    const { lakehouse, folder } = await open();
    await writeCatalogue(folder, [csvLine({ id: 1 }), csvLine({ id: 2 })], { '1.jpg': await drawJpeg(1) });
    const progress: unknown[] = [];
    await lakehouse.ingest({ source: folder }, { onProgress: (step) => progress.push(step) });
    expect(progress).toEqual([
      { phase: 'rows', doneCount: 1, totalCount: undefined },
      { phase: 'rows', doneCount: 2, totalCount: undefined },
      { phase: 'images', doneCount: 1, totalCount: 1 },
      { phase: 'commit', doneCount: 2, totalCount: 2 },
    ]);
  });

  test('a schema that does not fit the table is refused', async () => {
    const { lakehouse, folder } = await open();
    await writePlainCatalogue(folder, 2);
    await lakehouse.ingest({ source: folder });
    await writeFile(join(folder, 'other.csv'), 'id,year\n1,long ago\n');
    const other = lakehouse.ingest({ source: join(folder, 'other.csv') });
    await expect(other).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      message: expect.stringMatching(/year is \w+ in the table and string in the source/u),
    });
    const repartitioned = lakehouse.ingest({ source: join(folder, 'styles.csv'), partitionBy: ['year'] });
    await expect(repartitioned).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
  });

  test('sources that cannot be used are named', async () => {
    const { lakehouse, folder } = await open();
    await expect(lakehouse.ingest({ source: folder })).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
    await writePlainCatalogue(folder, 1);
    await rename(join(folder, 'images'), join(folder, 'pictures'));
    await expect(lakehouse.ingest({ source: folder })).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
    expect(await lakehouse.ingest({ source: folder, images: join(folder, 'pictures') })).toMatchObject({
      ingestedCount: 1,
    });
    await writeFile(join(folder, 'styles.csv'), '');
    await expect(
      lakehouse.ingest({ source: folder, images: join(folder, 'pictures') }),
    ).rejects.toMatchObject({ code: 'CSV_EMPTY' });
    await rm(join(folder, 'styles.csv'));
    await expect(lakehouse.ingest({ source: folder })).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
  });

  test('columns that are not there, and ids, partition no table', async () => {
    const { lakehouse, folder } = await open();
    await writePlainCatalogue(folder, 1);
    await writeFile(join(folder, 'styles.csv'), 'id,a,b\n1,x,y\n');
    for (const partitionBy of [['colour', 'a', 'id'], ['A']])
      await expect(lakehouse.ingest({ source: folder, partitionBy })).rejects.toMatchObject({
        code: 'ARGUMENT_INVALID',
        message: `cannot partition by ${partitionBy.filter((name) => name !== 'a').join(', ')}`,
        remedy: 'choose from: a, b',
      });
  });

  test('a newer lake is refused before anything is written', async () => {
    const { lakehouse, folder, lake } = await open();
    await writePlainCatalogue(folder, 1);
    await mkdir(lake);
    await writeFile(join(lake, 'pixlake.json'), '{"layoutVersion": 99}');
    await expect(lakehouse.ingest({ source: folder })).rejects.toMatchObject({ code: 'LAKE_TOO_NEW' });
    expect(await readdir(lake)).toEqual(['pixlake.json']);
  });
});
