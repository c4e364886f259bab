import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { executionKeys } from '../../src/run/execution.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { labelOf, type ManifestFields, renderRunSheet } from '../../src/run/render-run-sheet.ts';
import { withFaults } from '../support/failing-store.ts';
import { runImages } from '../../src/run/run-images.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { makeContext, makeLake, runWith, useLake } from '../support/run-in-process.ts';

const lake = useLake(10);

/** Keys of the images that a sheet of so many originals reads, and the sheet. */
async function draw(name: string, limit: number): Promise<{ readonly keys: string[]; readonly png: Buffer }> {
  const { store } = lake.current;
  const keys: string[] = [];
  const watched = withFaults(store, {
    async read(key, range) {
      if (key.endsWith('.jpg')) keys.push(key);
      return store.read(key, range);
    },
  });
  return { png: await renderRunSheet(watched, name, limit), keys };
}

const originalsIn = (keys: readonly string[]): string[] => keys.filter((key) => key.startsWith('originals/'));

test('a sheet shows originals from the whole run, each with its first three copies', async () => {
  await runWith(lake.current.store, { name: 'many', sql: 'SELECT id, year FROM images', copies: 4 });
  const { keys, png } = await draw('many', 5);
  expect(await sharp(png).metadata()).toMatchObject({ format: 'png' });
  // Every second of ten, by key: 1, 10, 2, 3, …
  const drawn = ['1', '2', '4', '6', '8'].map((id) => `originals/images/${id}.jpg`);
  expect(originalsIn(keys).sort()).toEqual(drawn);
  const results = keys.filter((key) => key.startsWith('runs/'));
  const copies = results.map((key) => key.replace(/^.*\/(.*)\.jpg$/u, '$1')).sort();
  expect(copies).toEqual(['1', '2', '4', '6', '8'].flatMap((id) => [0, 1, 2].map((copy) => `${id}-${copy}`)));
});

test.each([
  [1, 1],
  [3, 3],
  [10, 10],
  [99, 10],
])('a sheet of %i originals has %i of ten', async (limit, count) => {
  await runWith(lake.current.store, { name: 'one', sql: 'SELECT id FROM images' });
  expect(originalsIn((await draw('one', limit)).keys)).toHaveLength(count);
});

test('a run that has not finished has no sheet yet', async () => {
  const { store } = await makeLake(1);
  await expect(renderRunSheet(store, 'r', 1)).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  await runWith(store, { name: 'r', sql: 'SELECT id FROM images' });
  const { folder } = await findRun(store, 'r');
  await store.delete(executionKeys.success(folder));
  await expect(renderRunSheet(store, 'r', 1)).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
});

test('a sheet of a run that reads another lake has the originals of that one', async () => {
  const store = openLocalStore(await makeTestFolder());
  const context = { ...makeContext(store), source: lake.current.store };
  await runImages(
    context,
    parseRunSpec({ name: 'there', sql: 'SELECT id FROM images WHERE id = 1' }, 'test'),
  );
  expect(await keysOf(store, 'originals')).toEqual([]);
  expect(await sharp(await renderRunSheet(store, 'there', 1)).metadata()).toMatchObject({ format: 'png' });
});

describe('the label of an original', () => {
  test.each<[ManifestFields, string[]]>([
    [{}, ['7']],
    [{ title: null, label: 'cat' }, ['7  cat']],
    [{ name: 'b', productDisplayName: 'a' }, ['7  a']],
    [{ year: 2012, articleType: 'Shoes', baseColour: null }, ['7', 'Shoes · 2012']],
    [{ pred_kind: 'x', pred_kind_score: 0.456 }, ['7', 'kind: x 0.46']],
    [
      {
        pred_kind: 'x',
        pred_kind_score: 1,
        pred_category: 'y',
        pred_category_score: 0.5,
        model_trained: true,
      },
      ['7', 'category: y 0.50'],
    ],
    [{ pred_year: 2, pred_year_score: 0.1, model_trained: false }, ['7', 'year: 2 0.10 (untrained)']],
  ])('of %j is %j', (fields, lines) => {
    expect(labelOf('7', fields)).toEqual(lines);
  });
});
