import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLakehouse } from '../../src/index.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { rowsOf } from '../support/rows-of.ts';
import { writeParquet } from '../support/run-in-process.ts';

async function prepareLake(): Promise<ReturnType<typeof openLakehouse>> {
  const folder = await makeTestFolder();
  const source = await writePlainCatalogue(join(folder, 'source'), 3);
  const lakehouse = openLakehouse({ lake: join(folder, 'lake') });
  await lakehouse.ingest({ source });
  return lakehouse;
}

test('an attached table names images of the lake, as SQL, runs and servers read them', async () => {
  const lakehouse = await prepareLake();
  const [[key] = []] = await rowsOf(lakehouse, 'SELECT image_key FROM images WHERE id = 2');
  const labels = `SELECT 'two' AS id, '${String(key)}' AS image_key, NULL::VARCHAR AS image_sha256, 'jpeg' AS image_format`;
  await lakehouse.tables.attach('labels', await writeParquet(await makeTestFolder(), labels));
  const own = await lakehouse.images.find('images', '2');
  const attached = await lakehouse.images.find('labels', 'two');
  expect(attached).toEqual({ key: own.key, sha256: null, format: 'jpeg' });
  expect(await lakehouse.images.read(attached.key)).toEqual(await lakehouse.images.read(own.key));
});

test('a row without an image, and a table that names none, are told', async () => {
  const lakehouse = await prepareLake();
  const plain = await writeParquet(await makeTestFolder(), 'SELECT 1 AS id');
  await lakehouse.tables.attach('plain', plain);
  for (const [table, id] of [
    ['images', '99'],
    ['images', 'no number'],
    ['plain', '1'],
  ] as const)
    await expect(lakehouse.images.find(table, id)).rejects.toMatchObject({ code: 'IMAGE_MISSING' });
});

test('links are refused where there are none, by what is missing', async () => {
  const lakehouse = await prepareLake();
  const ask = async (sql: string, urlExpiresMs: number): Promise<unknown> =>
    lakehouse.query(sql, { urlExpiresMs });
  await expect(ask('SELECT id FROM images', 60_000)).rejects.toThrow('returns no column image_key');
  await expect(ask('SELECT image_key FROM images', 60_000)).rejects.toThrow('for lakes on S3');
  await expect(ask('SELECT image_key FROM images', 0)).rejects.toThrow('at least 1 second');
});
