import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { locateSource } from '../../src/ingest/locate-source.ts';
import { makeTestFolder } from '../support/pixlake.ts';

/** A folder with files, and with folders where names end in a slash. */
async function makeFolder(...names: readonly string[]): Promise<string> {
  const folder = await makeTestFolder();
  for (const name of names) {
    await mkdir(dirname(join(folder, `${name}x`)), { recursive: true });
    if (!name.endsWith('/')) await writeFile(join(folder, name), '');
  }
  return folder;
}

describe('a folder', () => {
  test.each([
    ['its only CSV file', ['a.csv', 'notes.txt', 'images/'], 'a.csv', 'images'],
    ['whatever its case', ['A.CSV', 'b.csv.gz', 'images/'], 'A.CSV', 'images'],
    ['styles.csv among others', ['a.csv', 'styles.csv', 'z.csv', 'images/'], 'styles.csv', 'images'],
    ['a tar archive', ['a.csv', 'images.tar', 'images.tar.gz'], 'a.csv', 'images.tar'],
    ['a gzipped one', ['a.csv', 'images.tar.gz', 'images.tgz'], 'a.csv', 'images.tar.gz'],
    ['one with the short ending', ['a.csv', 'images.tgz'], 'a.csv', 'images.tgz'],
    ['a folder before an archive', ['a.csv', 'images.tar', 'images/'], 'a.csv', 'images'],
  ])('gives %s', async (_, names, csv, images) => {
    const folder = await makeFolder(...names);
    expect(await locateSource({ source: folder })).toEqual({
      csvPath: join(folder, csv),
      imagesPath: join(folder, images),
    });
  });

  test.each([
    [['images/'], 'holds 0 CSV files'],
    [['a.csv', 'b.csv', 'images/'], 'holds 2 CSV files'],
  ])('with %j is refused', async (names, message) => {
    const folder = await makeFolder(...names);
    await expect(locateSource({ source: folder })).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      message: `${folder} ${message}`,
      remedy: 'name the CSV file itself',
    });
  });

  test('is no CSV file, whatever its name', async () => {
    const folder = await makeFolder('a.csv/', 'images/');
    await expect(locateSource({ source: folder })).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      message: `${join(folder, 'a.csv')} does not exist or cannot be reached`,
    });
  });
});

test('a CSV file has its images beside it, or elsewhere if that is said', async () => {
  const folder = await makeFolder('a.csv', 'b.csv', 'images/', 'more/x.tar', 'more/pictures/');
  const csvPath = join(folder, 'b.csv');
  expect(await locateSource({ source: csvPath })).toEqual({ csvPath, imagesPath: join(folder, 'images') });
  for (const place of ['more/x.tar', 'more/pictures'])
    expect(await locateSource({ source: csvPath, images: join(folder, place) })).toEqual({
      csvPath,
      imagesPath: join(folder, place),
    });
});

describe('what is not there is named', () => {
  test.each<[string, string, string | undefined, string, string | undefined]>([
    ['the CSV file', 'b.csv', undefined, '/b.csv does not exist or cannot be reached', undefined],
    ['the images that are named', 'a.csv', 'x', '/x does not exist', undefined],
    [
      'any images',
      'a.csv',
      undefined,
      'found no images or images.tar or images.tar.gz or images.tgz next to ',
      'name the folder or tar archive of the images with --images',
    ],
  ])('%s', async (_, csv, images, message, remedy) => {
    const folder = await makeFolder('a.csv');
    const spec = {
      source: join(folder, csv),
      ...(images === undefined ? {} : { images: join(folder, images) }),
    };
    await expect(locateSource(spec)).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      message: expect.stringContaining(message),
      remedy,
    });
  });
});
