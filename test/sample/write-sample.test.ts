import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { probeImage } from '../../src/image/probe-image.ts';
import { writeSample } from '../../src/sample/write-sample.ts';
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
    await writeSample(a, { rows: 60 });
    await writeSample(b, { rows: 60, seed: 42 });
    await writeSample(c, { rows: 60, seed: 43 });
    expect(await hashFolder(b)).toBe(await hashFolder(a));
    expect(await hashFolder(c)).not.toBe(await hashFolder(a));
  });

  test('600 rows have the columns, classes and quirks of the real catalogue', async () => {
    const folder = await makeTestFolder();
    const summary = await writeSample(folder);
    const rows = await readRows(folder);
    expect(rows).toHaveLength(600);
    const text = await readFile(join(folder, 'styles.csv'), 'latin1');
    // oxlint-disable-next-line no-control-regex -- the real file is ASCII
    expect(text).toMatch(/^[\x00-\x7f]*$/u);
    const titles = rows.map((row) => row.slice(9).join(','));
    const cells = rows.flatMap((row) => [...row.slice(0, 9), row.slice(9).join(',')]);
    const found = {
      extraComma: rows.filter((row) => row.length === 11).length,
      twoExtraCommas: rows.filter((row) => row.length === 12).length,
      unescapedQuote: titles.filter((title) => title.includes('"')).length,
      emptyField: cells.filter((cell) => cell === '').length,
      naField: cells.filter((cell) => cell === 'NA').length,
      paddedTitle: titles.filter((title) => title !== title.trim()).length,
    };
    expect(summary.quirks).toMatchObject({ ...found, rowWithoutImage: 3, imageWithoutRow: 2 });
    expect(Math.min(...Object.values(found))).toBeGreaterThan(0);
    const ids = rows.map(([id]) => id);
    expect(new Set(ids).size).toBe(600);
    const images = new Set((await readdir(join(folder, 'images'))).map((name) => name.replace('.jpg', '')));
    expect(ids.filter((id) => !images.has(id ?? ''))).toHaveLength(summary.quirks['rowWithoutImage'] ?? 0);
    expect([...images].filter((id) => !ids.includes(id))).toHaveLength(
      summary.quirks['imageWithoutRow'] ?? 0,
    );
    const count = (isCounted: (row: string[]) => boolean): number => rows.filter(isCounted).length;
    expect(count((row) => row[1] === 'Men')).toBeGreaterThan(230);
    expect(count((row) => row[2] === 'Apparel')).toBeGreaterThan(230);
    expect(
      count((row) => row[1] === 'Men' && row[3] === 'Shoes' && Number(row[7]) > 2012),
    ).toBeGreaterThanOrEqual(12);
    expect(
      count((row) => row[1] === 'Women' && row[4] === 'Dresses' && row[6] === 'Summer'),
    ).toBeGreaterThanOrEqual(3);
    expect(count((row) => row[1] === 'Boys' || row[1] === 'Girls')).toBeGreaterThanOrEqual(10);
  });

  test('images are 60x80 JPEGs except those that are broken or odd on purpose', async () => {
    const folder = await makeTestFolder();
    const { quirks } = await writeSample(folder);
    const found: Record<string, number> = {};
    const add = (name: string): void => void (found[name] = (found[name] ?? 0) + 1);
    for (const name of await readdir(join(folder, 'images'))) {
      const bytes = await readFile(join(folder, 'images', name));
      const facts = await probeImage(bytes);
      if (facts.status !== 'ok') {
        add(facts.status);
        continue;
      }
      const metadata = await sharp(bytes).metadata();
      if (facts.format === 'png') add('pngNamedJpg');
      else if (facts.channels === 1) add('grayscale');
      else if (metadata.orientation === 6) add('exifRotated');
      else if (metadata.icc !== undefined) add('withIcc');
      else if (facts.width !== 60 || facts.height !== 80) add('oddSize');
      else add('plain');
    }
    const { grayscale, oddSize, pngNamedJpg, exifRotated, withIcc } = quirks;
    expect(found).toMatchObject({
      empty: 1,
      corrupt: 2,
      grayscale,
      oddSize,
      pngNamedJpg,
      exifRotated,
      withIcc,
    });
    expect(found['plain']).toBeGreaterThan(550);
  });

  test('the image with an EXIF orientation is shown upright', async () => {
    const folder = await makeTestFolder();
    await writeSample(folder, { rows: 40 });
    const names = await readdir(join(folder, 'images'));
    const all = await Promise.all(
      names.map(async (name) =>
        sharp(join(folder, 'images', name))
          .metadata()
          .catch(() => undefined),
      ),
    );
    const turned = all.filter((metadata) => metadata?.orientation === 6);
    expect(turned).toMatchObject([{ width: 80, height: 60, autoOrient: { width: 60, height: 80 } }]);
  });

  test.each([{ rows: 0 }, { rows: 1.5 }, { rows: 58_001 }, { seed: -1 }, { seed: 2 ** 32 }])(
    'refuses %j',
    async (options) => {
      await expect(writeSample('nowhere', options)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
    },
  );

  test('a folder that cannot be written to is an error with a code, not a crash', async () => {
    const folder = await makeTestFolder();
    await mkdir(join(folder, 'styles.csv'));
    await expect(writeSample(folder, { rows: 1 })).rejects.toMatchObject({ code: 'OUTPUT_FAILED' });
  });

  test('a single row is a catalogue too', async () => {
    const folder = await makeTestFolder();
    expect(await writeSample(folder, { rows: 1 })).toMatchObject({ rowCount: 1 });
    expect(await readRows(folder)).toHaveLength(1);
  });
});
