import { createWriteStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { chooseImages, foldedId } from '../../src/ingest/choose-images.ts';
import { openImageSource } from '../../src/ingest/image-source.ts';
import { openLakehouse } from '../../src/lakehouse.ts';
import { drawJpeg } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { rowsOf } from '../support/rows-of.ts';
import { openTestDb } from '../support/run-in-process.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';

/** A folder of files that are their own names. */
async function writeFolder(names: readonly string[]): Promise<string> {
  const folder = await makeTestFolder();
  for (const name of names) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), name);
  }
  return folder;
}

async function writeTar(names: readonly string[]): Promise<string> {
  const path = join(await makeTestFolder(), 'images.tar');
  const archive = pack();
  for (const [index, name] of names.entries()) archive.entry({ name }, `${name} ${index}`);
  archive.finalize();
  await pipeline(archive, createWriteStream(path));
  return path;
}

/** Which file is the image of which row, and what is said of the others. */
async function choose(
  path: string,
  refs: readonly string[],
  hasImageColumn = false,
): Promise<{ readonly chosen: Record<string, string>; readonly left: Record<string, string> }> {
  using db = await openTestDb();
  await db.run('CREATE TABLE known_images (image_ref VARCHAR)');
  for (const ref of refs) await db.run(`INSERT INTO known_images VALUES ('${ref.replaceAll("'", "''")}')`);
  await chooseImages(db, await openImageSource(path, hasImageColumn), hasImageColumn, undefined);
  const chosen = await db.rows<{ ref: string; name: string; position: bigint }>(
    'SELECT image_ref AS ref, name, position FROM chosen_images ORDER BY number',
  );
  const left = await db.rows<{ name: string; reason: string }>('FROM images_without_row ORDER BY ALL');
  return {
    chosen: Object.fromEntries(chosen.map(({ ref, name, position }) => [ref, `${name} ${position}`])),
    left: Object.fromEntries(left.map(({ name, reason }) => [name, reason])),
  };
}

const nameOf = (chosen: Record<string, string>, ref: string): string | undefined =>
  chosen[ref]?.split(' ')[0];

describe('of two files for one row, the first by name is its image, wherever they lie', () => {
  test.each([
    [['1.jpg', '1.png'], '1.jpg'],
    [['1.png', '1.jpg'], '1.jpg'],
    [['b/1.jpg', 'a/1.png'], 'a/1.png'],
    [['a/1.jpg', '1.jpg'], '1.jpg'],
  ])('%j: %s', async (names, winner) => {
    for (const path of [await writeFolder(names), await writeTar(names)]) {
      const { chosen, left } = await choose(path, ['1']);
      expect(nameOf(chosen, '1')).toBe(winner);
      const loser = names.find((name) => name !== winner) ?? '';
      expect(left).toEqual({ [loser]: 'another file is the image of 1' });
    }
    expect.assertions(4);
  });

  test('of an archive with one name twice the last one is, as when it is unpacked', async () => {
    const path = await writeTar(['1.jpg', '2.jpg', '1.jpg']);
    const { chosen, left } = await choose(path, ['1', '2']);
    expect(chosen).toEqual({ '1': '1.jpg 2', '2': '2.jpg 1' });
    expect(left).toEqual({ '1.jpg': 'another file is the image of 1' });
  });
});

test.each([
  ['the id', '7', ['7.jpg']],
  ['the name', '7.jpg', ['deep/er/7.jpg']],
  ['the path without its ending', 'deep/7', ['deep/7.jpg']],
  ['the path', 'deep/7.jpg', ['deep/7.jpg']],
  ['a name with dots', 'a.b', ['a.b.jpg']],
])('a file is called by %s', async (_, ref, names) => {
  const { chosen, left } = await choose(await writeFolder(names), [ref]);
  expect(nameOf(chosen, ref)).toBe(names[0]);
  expect(left).toEqual({});
});

test('where rows name their files, only the very path counts', async () => {
  const names = ['a/1.jpg', '2.jpg'];
  const { chosen, left } = await choose(await writeFolder(names), ['1', 'a/1', '1.jpg', '2.jpg'], true);
  expect(Object.keys(chosen)).toEqual(['2.jpg']);
  expect(left).toEqual({ 'a/1.jpg': 'no row names it' });
});

test('one file may be the image of several rows, and no file of none', async () => {
  const { chosen, left } = await choose(await writeFolder(['x.jpg', 'y.jpg']), ['x', 'x.jpg', 'z']);
  expect(Object.keys(chosen).sort()).toEqual(['x', 'x.jpg']);
  expect(left).toEqual({ 'y.jpg': 'no row names it' });
});

test('ids that differ in case alone are the same to some file systems', async () => {
  using db = await openTestDb();
  const [row] = await db.rows<object>(
    `SELECT ${foldedId("'IMG_1'")} AS a, ${foldedId("'img_1'")} AS b, ${foldedId("'Ä1'")} AS c`,
  );
  expect(row).toEqual({ a: 'img_1', b: 'img_1', c: 'Ä1' });
});

test('the bytes of the winner are those in the lake', async () => {
  const [jpg, png] = [await drawJpeg(1), await drawJpeg(2)];
  const source = await makeTestFolder();
  await mkdir(join(source, 'images'));
  await writeFile(join(source, 'rows.csv'), 'id\n1\n');
  await writeFile(join(source, 'images/1.png'), png);
  await writeFile(join(source, 'images/1.jpg'), jpg);
  const lake = join(await makeTestFolder(), 'lake');
  const lakehouse = openLakehouse({ lake });
  expect(await lakehouse.ingest({ source })).toMatchObject({ ingestedCount: 1, imagesWithoutRowCount: 1 });
  expect(await rowsOf(lakehouse, 'SELECT image_sha256 FROM images')).toEqual([[sha256Of(jpg)]]);
  expect(await readFile(join(lake, 'originals/images/1.jpg'))).toEqual(jpg);
});
