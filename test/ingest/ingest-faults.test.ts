import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { IngestSpec } from '../../src/ingest/ingest-spec.ts';
import { type Lakehouse, openLakehouse } from '../../src/lakehouse.ts';
import { drawJpeg } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { rowsOf } from '../support/rows-of.ts';

interface Place {
  readonly lakehouse: Lakehouse;
  readonly lake: string;
  readonly folder: string;
  readonly ingest: (spec?: Partial<IngestSpec>) => ReturnType<Lakehouse['ingest']>;
}

/** A lake to be, and a source: a CSV file and images, whose pixels are told by a number. */
async function makePlace(csv: string, images: Readonly<Record<string, number>>): Promise<Place> {
  const root = await makeTestFolder();
  const lake = join(root, 'lake');
  const folder = join(root, 'source');
  await mkdir(join(folder, 'images'), { recursive: true });
  await writeFile(join(folder, 'list.csv'), csv);
  for (const [name, shade] of Object.entries(images)) {
    const path = join(folder, 'images', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, await drawJpeg(shade));
  }
  const lakehouse = openLakehouse({ lake });
  const ingest: Place['ingest'] = (spec) =>
    lakehouse.ingest({ source: join(folder, 'list.csv'), images: join(folder, 'images'), ...spec });
  return { lakehouse, lake, folder, ingest };
}

async function readList(lake: string, key: string | undefined): Promise<string[]> {
  return (await readFile(join(lake, key ?? 'missing'), 'utf8')).trimEnd().split('\n').slice(1);
}

describe('one bad file', () => {
  test('with a name that is not UTF-8 is listed, and the rest is ingested', async () => {
    const { lake, folder, ingest } = await makePlace('id\n1\ncafé\n', { '1.jpg': 1 });
    await writeFile(
      Buffer.concat([Buffer.from(`${folder}/images/`), Buffer.from('caf\xE9.jpg', 'latin1')]),
      'x',
    );
    const report = await ingest();
    expect(report).toMatchObject({ rowCount: 2, ingestedCount: 1, withoutImageCount: 1 });
    expect(await readList(lake, report.lists.imagesWithoutRow)).toEqual([
      'caf\\xE9.jpg,the name is not UTF-8',
    ]);
  });

  test('that vanishes before it is read leaves its row without an image', async () => {
    const count = 530;
    const ids = Array.from({ length: count }, (_, index) => index);
    const { lake, lakehouse, folder, ingest } = await makePlace(`id\n${ids.join('\n')}\n`, {});
    const image = await drawJpeg(1, 8, 8);
    for (const id of ids) await writeFile(join(folder, `images/${id}.jpg`), image);
    const report = await lakehouse.ingest(
      { source: join(folder, 'list.csv') },
      {
        onProgress: ({ phase, doneCount }) => {
          if (phase === 'images' && doneCount === 1) rmSync(join(folder, 'images'), { recursive: true });
        },
      },
    );
    const { ingestedCount, withoutImageCount } = report;
    expect(ingestedCount).toBeGreaterThan(0);
    // Those of the second batch cannot have been read.
    expect(withoutImageCount).toBeGreaterThanOrEqual(count - 512);
    expect(ingestedCount + withoutImageCount).toBe(count);
    const rows = await readList(lake, report.lists.withoutImage);
    expect(rows).toHaveLength(withoutImageCount);
    expect(rows[0]).toMatch(/^\d+,(?<id>\d+),\k<id>\.jpg: the file cannot be read: it vanished$/u);
    const files = await readList(lake, report.lists.imagesWithoutRow);
    expect(files).toHaveLength(withoutImageCount);
    expect(files[0]).toMatch(/^\d+\.jpg,the file cannot be read: it vanished$/u);
    // What was read once stays, and what is back is taken in.
    await mkdir(join(folder, 'images'));
    for (const id of ids) await writeFile(join(folder, `images/${id}.jpg`), image);
    expect(await ingest()).toMatchObject({
      unchangedCount: ingestedCount,
      addedCount: withoutImageCount,
      withoutImageCount: 0,
    });
  });

  test('a CSV file that changes while it is read is refused, and nothing is committed', async () => {
    const { lakehouse, lake, folder } = await makePlace('id\n1\n2\n', { '1.jpg': 1, '2.jpg': 2 });
    const source = join(folder, 'list.csv');
    const changes = [() => appendFileSync(source, '3\n'), () => rmSync(source)];
    for (const change of changes) {
      await expect(
        lakehouse.ingest({ source }, { onProgress: ({ doneCount }) => doneCount === 1 && change() }),
      ).rejects.toMatchObject({ code: 'SOURCE_CHANGED', message: expect.stringContaining(source) });
    }
    expect(existsSync(join(lake, 'tables'))).toBe(false);
    expect(existsSync(join(lake, 'originals'))).toBe(false);
  });
});

describe('several files for one id', () => {
  test.each(['folder', 'tar', 'tar.gz'])('the first by name is stored alone (%s)', async (kind) => {
    const files = { 'b/1.jpg': 1, 'a/1.jpg': 2, '1.png': 3, '2.jpg': 4 };
    const { lakehouse, lake, folder, ingest } = await makePlace('id\n1\n2\n', files);
    const images = join(folder, kind === 'folder' ? 'images' : `images.${kind}`);
    // In an order that has the chosen file in the middle.
    const flags = kind === 'tar.gz' ? '-czf' : '-cf';
    if (kind !== 'folder')
      execFileSync('tar', [
        flags,
        images,
        '-C',
        join(folder, 'images'),
        'b/1.jpg',
        '1.png',
        'a/1.jpg',
        '2.jpg',
      ]);
    const report = await ingest({ images });
    expect(report).toMatchObject({ ingestedCount: 2, imagesWithoutRowCount: 2 });
    expect(await readList(lake, report.lists.imagesWithoutRow)).toEqual([
      'a/1.jpg,another file is the image of 1',
      'b/1.jpg,another file is the image of 1',
    ]);
    expect(await readdir(join(lake, 'originals/images'))).toEqual(['1.jpg', '2.jpg']);
    expect(await readFile(join(lake, 'originals/images/1.jpg'))).toEqual(await drawJpeg(3));
    expect(await rowsOf(lakehouse, 'SELECT image_key FROM images ORDER BY id')).toEqual([
      ['originals/images/1.jpg'],
      ['originals/images/2.jpg'],
    ]);
    expect(await ingest({ images })).toMatchObject({ isCommitted: false, storedBytes: 0 });
  });

  test('of entries of one name in an archive the last one counts, as when it is unpacked', async () => {
    const { lake, folder, ingest } = await makePlace('id\n1\n', { '1.jpg': 1 });
    const images = join(folder, 'images.tar');
    execFileSync('tar', ['-cf', images, '-C', join(folder, 'images'), '1.jpg']);
    await writeFile(join(folder, 'images/1.jpg'), await drawJpeg(2));
    execFileSync('tar', ['-rf', images, '-C', join(folder, 'images'), '1.jpg']);
    expect(await ingest({ images })).toMatchObject({ ingestedCount: 1, imagesWithoutRowCount: 1 });
    expect(await readdir(join(lake, 'originals/images'))).toEqual(['1.jpg']);
    expect(await readFile(join(lake, 'originals/images/1.jpg'))).toEqual(await drawJpeg(2));
  });
});

describe('ids', () => {
  test('may be paths, names with endings, dots or very long', async () => {
    const long = 'x'.repeat(240);
    const csv = `id\ntrain/cats/1\ntrain/dogs/1.jpg\n2.jpg\n.\n../3\n${long}\n`;
    const { lakehouse, ingest } = await makePlace(csv, {
      'train/cats/1.jpg': 1,
      'train/dogs/1.jpg': 2,
      'test/2.jpg': 3,
      [`${long}.jpg`]: 4,
    });
    const report = await ingest();
    expect(report).toMatchObject({ ingestedCount: 4, withoutImageCount: 2, rejectedCount: 0 });
    const rows = await rowsOf(lakehouse, 'SELECT id, image_key FROM images ORDER BY id');
    expect(rows).toEqual([
      ['2.jpg', 'originals/images/2%2Ejpg.jpg'],
      ['train/cats/1', 'originals/images/train%2Fcats%2F1.jpg'],
      ['train/dogs/1.jpg', 'originals/images/train%2Fdogs%2F1%2Ejpg.jpg'],
      [long, expect.stringMatching(/^originals\/images\/x{85}\.[0-9a-f]{64}\.jpg$/u)],
    ]);
    expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
    expect(await ingest()).toMatchObject({ isCommitted: false, unchangedCount: 4 });
  });

  test('a file without slash in the id is found in any folder, one with only there', async () => {
    const { ingest } = await makePlace('id\na/1\nb/2\n3\n', { 'c/a/1.jpg': 1, '2.jpg': 2, 'd/e/3.jpg': 3 });
    expect(await ingest()).toMatchObject({ ingestedCount: 1, withoutImageCount: 2 });
  });

  test('that differ in case alone have originals whose names differ in more', async () => {
    const { lakehouse, lake, folder, ingest } = await makePlace('id\nAb\nother\nÄ\nä\n', {
      'Ab.jpg': 1,
      'other.jpg': 2,
      'Ä.jpg': 3,
      'ä.jpg': 4,
    });
    await ingest();
    const keys = async (): Promise<Record<string, string>> =>
      Object.fromEntries(await rowsOf(lakehouse, 'SELECT id, image_key FROM images'));
    const before = await keys();
    // Other letters than those of ASCII are encoded, and differ in more than case.
    expect(Object.values(before).sort()).toEqual([
      'originals/images/%C3%84.jpg',
      'originals/images/%C3%A4.jpg',
      'originals/images/Ab.jpg',
      'originals/images/other.jpg',
    ]);
    await writeFile(join(folder, 'list.csv'), 'id\naB\nNEW\nnew\n');
    for (const [index, name] of ['aB.jpg', 'NEW.jpg', 'new.jpg'].entries())
      await writeFile(join(folder, 'images', name), await drawJpeg(10 + index));
    await ingest();
    const after = await keys();
    expect(after).toMatchObject(before);
    const names = await readdir(join(lake, 'originals/images'));
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(7);
    for (const id of ['aB', 'NEW', 'new'])
      expect(after[id]).toMatch(new RegExp(`^originals/images/${id}\\.[0-9a-f]{16}\\.jpg$`, 'u'));
    expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
  });

  test('a changed image does not take the place of another id', async () => {
    const first = await makePlace('id\na\n', { 'a.jpg': 1 });
    await first.ingest();
    await writeFile(join(first.folder, 'images/a.jpg'), await drawJpeg(2));
    await first.ingest();
    const [[key] = []] = await rowsOf(first.lakehouse, 'SELECT image_key FROM images');
    const stem = String(key).slice('originals/images/'.length, -'.jpg'.length);
    // An id that reads like the key of the changed image.
    await writeFile(join(first.folder, 'list.csv'), `id\n${stem}\n`);
    await writeFile(join(first.folder, `images/${stem}.jpg`), await drawJpeg(3));
    await first.ingest();
    expect((await first.lakehouse.tables.verify('images', true)).problems).toEqual([]);
    expect(await rowsOf(first.lakehouse, 'SELECT count(DISTINCT image_key) FROM images')).toEqual([[2]]);
  });
});

describe('an ingest that takes in nothing', () => {
  test('tells the likely cause, lists every row, and makes no table', async () => {
    const { lakehouse, lake, ingest } = await makePlace('id,file\na,1\nb,2\n', { '1.jpg': 1 });
    const failed = await ingest({ imageColumn: 'file' }).then(
      () => undefined,
      (error: unknown) => error as Error & { code: string; remedy: string },
    );
    expect(failed).toMatchObject({
      code: 'INGEST_EMPTY',
      message: expect.stringContaining('column file: 1, 2; image files: 1.jpg'),
      remedy: expect.stringMatching(
        /^the endings of the names differ; .+; see \S+without-image\.csv, \S+images-without-row\.csv in the lake$/u,
      ),
    });
    const [key = ''] = /ingests\/\S+without-image\.csv/u.exec(failed?.remedy ?? '') ?? [];
    expect(await readList(lake, key)).toEqual([
      '2,a,no image file has this name',
      '3,b,no image file has this name',
    ]);
    expect(await lakehouse.tables.list()).toEqual([]);
    expect(existsSync(join(lake, 'tables'))).toBe(false);
  });

  test.each([
    ['id\n', 'no rows below its header', /^check that it is the right file and that it is complete$/u],
    [
      'id,note\n1\n2\n',
      '2 rejected, 0 without an image; line 2: 1 fields',
      /^see ingests\/images\/\d{8}T\d{6}Z-[0-9a-f]{8}\/rejects\.csv in the lake$/u,
    ],
  ])('fails for want of rows: %j', async (csv, message, remedy) => {
    const { lake, ingest } = await makePlace(csv, {});
    await expect(ingest()).rejects.toMatchObject({
      code: 'INGEST_EMPTY',
      message: expect.stringContaining(message),
      remedy: expect.stringMatching(remedy),
    });
    expect(existsSync(join(lake, 'tables'))).toBe(false);
  });

  test('leaves a table that is there at its version', async () => {
    const { lakehouse, folder, ingest } = await makePlace('id\n1\n', { '1.jpg': 1 });
    await ingest();
    await writeFile(join(folder, 'list.csv'), 'id,note\n7,new\n');
    await expect(ingest()).rejects.toMatchObject({ code: 'INGEST_EMPTY' });
    expect(await lakehouse.tables.history('images')).toHaveLength(1);
    // A row that is in the table needs no file to stay there.
    await writeFile(join(folder, 'list.csv'), 'id\n1\n');
    rmSync(join(folder, 'images/1.jpg'));
    expect(await ingest()).toMatchObject({ ingestedCount: 1, isCommitted: false });
  });
});

describe('a limit of errors', () => {
  const csv = 'id,note\n1,a\n2,b\n3,c\n4,d\n5\n';

  test.each([
    [3, undefined],
    ['60%', undefined],
    ['59.9%', 'TOO_MANY_ERRORS'],
    [2, 'TOO_MANY_ERRORS'],
    [0, 'TOO_MANY_ERRORS'],
    ['101%', 'ARGUMENT_INVALID'],
    [1.5, 'ARGUMENT_INVALID'],
    [-1, 'ARGUMENT_INVALID'],
  ] as [NonNullable<IngestSpec['maxErrors']>, string | undefined][])(
    'of %s on 3 errors in 5 rows: %s',
    async (maxErrors, code) => {
      const { lakehouse, lake, folder, ingest } = await makePlace(csv, { '1.jpg': 1, '2.jpg': 2 });
      await writeFile(join(folder, 'images/3.jpg'), 'broken');
      if (code === undefined) {
        expect(await ingest({ maxErrors })).toMatchObject({ ingestedCount: 3, isCommitted: true });
        return;
      }
      const failing = ingest({ maxErrors });
      await expect(failing).rejects.toMatchObject({ code });
      expect(existsSync(join(lake, 'tables'))).toBe(false);
      if (code !== 'TOO_MANY_ERRORS') return;
      await expect(failing).rejects.toMatchObject({
        message: expect.stringContaining('3 of 5 rows have errors'),
        remedy: expect.stringMatching(/rejects\.csv.*without-image\.csv.*broken-images\.csv/u),
      });
      await expect(failing).rejects.toThrow('1 rejected, 1 without an image, 1 with a broken image');
      expect(await lakehouse.tables.list()).toEqual([]);
    },
  );
});
