import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { probeImage } from '../../src/image/probe-image.ts';
import { drawProduct } from '../../src/sample/draw-product.ts';
import { IMAGE_QUIRKS, placeQuirks, ROW_QUIRKS } from '../../src/sample/quirks.ts';
import { type SampleSummary, writeSample } from '../../src/sample/write-sample.ts';
import { makeTestFolder } from '../support/pixlake.ts';

async function hashFolder(folder: string): Promise<string> {
  const hash = createHash('sha256');
  hash.update(await readFile(join(folder, 'styles.csv')));
  for (const name of (await readdir(join(folder, 'images'))).sort()) {
    hash.update(name).update(await readFile(join(folder, 'images', name)));
  }
  return hash.digest('hex');
}

async function readRows(folder: string): Promise<string[][]> {
  const lines = (await readFile(join(folder, 'styles.csv'), 'utf8')).split('\n');
  expect(lines.pop()).toBe('');
  return lines.slice(1).map((line) => line.split(','));
}

describe('sample', () => {
  test('the same rows and seed give the same bytes, another seed does not', async () => {
    const [a, b, c] = [await makeTestFolder(), await makeTestFolder(), await makeTestFolder()];
    await writeSample(a, { rows: 17 });
    await writeSample(b, { rows: 17, seed: 42 });
    await writeSample(c, { rows: 17, seed: 43 });
    expect(await hashFolder(b)).toBe(await hashFolder(a));
    expect(await hashFolder(c)).not.toBe(await hashFolder(a));
  });

  describe('of 600 rows', () => {
    let folder: string;
    let summary: SampleSummary;
    const progress: (readonly [number, number])[] = [];
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'pixlake-sample-'));
      summary = await writeSample(folder, { onProgress: (done, total) => progress.push([done, total]) });
    });
    afterAll(() => rm(folder, { recursive: true }));

    test('has the columns and flaws of the real catalogue, and says how many', async () => {
      const rows = await readRows(folder);
      expect(rows).toHaveLength(600);
      const text = await readFile(join(folder, 'styles.csv'), 'latin1');
      expect(text.slice(0, text.indexOf('\n'))).toBe(
        'id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName',
      );
      // oxlint-disable-next-line no-control-regex -- the real file is ASCII
      expect(text).toMatch(/^[\x00-\x7f]*$/u);
      expect(summary).toEqual({
        dir: folder,
        rowCount: 600,
        imageCount: 599,
        quirks: { ...ROW_QUIRKS, ...IMAGE_QUIRKS, imageWithoutRow: 2 },
      });
      const titles = rows.map((row) => row.slice(9).join(','));
      const cells = rows.flatMap((row) => [...row.slice(0, 9), row.slice(9).join(',')]);
      expect({
        extraComma: rows.filter((row) => row.length === 11).length,
        twoExtraCommas: rows.filter((row) => row.length === 12).length,
        unescapedQuote: titles.filter((title) => title.includes('"')).length,
        emptyField: cells.filter((cell) => cell === '').length,
        naField: cells.filter((cell) => cell === 'NA').length,
        paddedTitle: titles.filter((title) => title !== title.trim()).length,
      }).toEqual({
        extraComma: 3,
        twoExtraCommas: 1,
        unescapedQuote: 2,
        emptyField: 5,
        naField: 5,
        paddedTitle: 3,
      });
    });

    test('plants each flaw in another way each time', async () => {
      const rows = await readRows(folder);
      const titles = rows.map((row) => row.slice(9).join(','));
      const ofKind = (pattern: RegExp): string[] =>
        titles.flatMap((title) => pattern.exec(title)?.[0] ?? []).toSorted();
      expect(ofKind(/, .*$/u)).toEqual([', Cotton, Pack of 2', ', Pack of 2', ', Pack of 3', ', Pack of 4']);
      expect(ofKind(/ [\d.]+" [A-Z]/u)).toMatchInlineSnapshot(`
        [
          " 5" G",
          " 7.5" W",
        ]
      `);
      expect([titles.filter((title) => title.startsWith(' ')).length, ofKind(/ $/u).length]).toEqual([2, 1]);
      const blanksOf = (blank: string): Set<number> =>
        new Set(rows.map((row) => row.indexOf(blank)).filter((at) => at >= 0));
      // Base colour, season, year, usage and title, each once.
      expect(blanksOf('')).toEqual(new Set([5, 6, 7, 8, 9]));
      expect(blanksOf('NA')).toEqual(new Set([5, 6, 7, 8, 9]));
    });

    test('has an image for each row but those that lack one, and some without a row', async () => {
      const ids = (await readRows(folder)).map(([id]) => `${id}.jpg`);
      const images = await readdir(join(folder, 'images'));
      expect(new Set(ids).size).toBe(600);
      expect(images).toHaveLength(599);
      expect(ids.filter((name) => !images.includes(name))).toHaveLength(3);
      expect(images.filter((name) => !ids.includes(name))).toHaveLength(2);
    });

    test('tells its progress in steps of 8 up to the end', () => {
      expect(progress).toHaveLength(76);
      expect(progress.slice(0, 2)).toEqual([
        [8, 602],
        [16, 602],
      ]);
      expect(progress.at(-1)).toEqual([602, 602]);
    });

    test('has images of 60x80 except those that are broken or odd on purpose', async () => {
      const found: Record<string, number> = {};
      for (const name of await readdir(join(folder, 'images'))) {
        const bytes = await readFile(join(folder, 'images', name));
        const facts = await probeImage(bytes);
        const isPlain = facts.width === 60 && facts.height === 80 && facts.channels === 3;
        const kind = facts.status === 'ok' ? `${facts.format}${isPlain ? '' : ', odd'}` : facts.status;
        found[kind] = (found[kind] ?? 0) + 1;
      }
      expect(found).toEqual({ jpeg: 587, 'jpeg, odd': 8, png: 1, corrupt: 2, empty: 1 });
    });

    test('has the shares that saved queries ask for', async () => {
      const rows = await readRows(folder);
      const count = (isCounted: (row: string[]) => boolean): number => rows.filter(isCounted).length;
      expect(
        count((row) => row[1] === 'Men' && row[3] === 'Shoes' && Number(row[7]) > 2012),
      ).toBeGreaterThanOrEqual(12);
      expect(
        count((row) => row[1] === 'Women' && row[4] === 'Dresses' && row[6] === 'Summer'),
      ).toBeGreaterThanOrEqual(3);
      expect(count((row) => row[1] === 'Boys' || row[1] === 'Girls')).toBeGreaterThanOrEqual(10);
    });
  });

  test.each([{ rows: 0 }, { rows: 1.5 }, { rows: 58_001 }, { seed: -1 }, { seed: 2 ** 32 }])(
    'refuses %j',
    async (options) => {
      const [[name, value]] = Object.entries(options) as [[string, number]];
      const range = name === 'rows' ? '1 to 58000' : '0 to 4294967295';
      await expect(writeSample('nowhere', options)).rejects.toMatchObject({
        code: 'ARGUMENT_INVALID',
        message: `${name} is ${value}, but must be a whole number from ${range}`,
      });
    },
  );

  test('a folder that cannot be written to is an error with a code, not a crash', async () => {
    const folder = await makeTestFolder();
    await mkdir(join(folder, 'styles.csv'));
    await expect(writeSample(folder, { rows: 1 })).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining(`cannot write the catalogue into ${folder}: EISDIR`),
      cause: expect.objectContaining({ code: 'EISDIR' }),
    });
  });

  test('a single row is a catalogue too, with the largest seed', async () => {
    const folder = join(await makeTestFolder(), 'not', 'there');
    const { rowCount, imageCount, quirks } = await writeSample(folder, { rows: 1, seed: 2 ** 32 - 1 });
    // The first flaw, an additional comma, falls on the only row.
    expect({ rowCount, imageCount, quirks }).toEqual({
      rowCount: 1,
      imageCount: 2,
      quirks: { extraComma: 1, imageWithoutRow: 1 },
    });
    expect(await readRows(folder)).toHaveLength(1);
  });

  test('files of the same name are overwritten, and the end is told once', async () => {
    const folder = await makeTestFolder();
    await writeSample(folder, { rows: 7 });
    const before = await hashFolder(folder);
    const progress: (readonly [number, number])[] = [];
    await writeSample(folder, { rows: 7, onProgress: (done, total) => progress.push([done, total]) });
    expect(await hashFolder(folder)).toBe(before);
    expect(progress).toEqual([[8, 8]]);
  });

  test('rows are those of products in their order', async () => {
    const folder = await makeTestFolder();
    await writeSample(folder, { rows: 20, seed: 0 });
    const flawed = placeQuirks(0, 20);
    const plain = (await readRows(folder)).flatMap((row, index) => (flawed.has(index) ? [] : [[index, row]]));
    const expected = Array.from({ length: 20 }, (_, index) => index)
      .filter((index) => !flawed.has(index))
      .map((index) => {
        const { id, gender, kind, colour, season, year, usage, title } = drawProduct(0, index);
        const classes = [kind.masterCategory, kind.subCategory, kind.articleType];
        return [index, [String(id), gender, ...classes, colour, season, String(year), usage, title]];
      });
    expect(plain).toHaveLength(5);
    expect(plain).toEqual(expected);
  });
});
