import { createHash } from 'node:crypto';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { placeImage } from '../../src/run/place-image.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { startFakeS3 } from '../support/fake-s3.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { makeLake, queryRows, runWith } from '../support/run-in-process.ts';

const OURS = Buffer.from('these bytes are the image that a run makes');
const STEM = 'runs/r/run_id=1/images/3f/00000/1597';
const HASHED = `${STEM}.${createHash('sha256').update(OURS).digest('hex').slice(0, 8)}.jpg`;

const localStore = async (isBlocking: boolean): Promise<ObjectStore> =>
  openLocalStore(await makeTestFolder(), {}, isBlocking);

const STORES: readonly (readonly [string, () => Promise<ObjectStore>])[] = [
  ['a folder', () => localStore(false)],
  ['a folder, at once', () => localStore(true)],
  ['S3', async () => (await startFakeS3()).store],
];

describe.each(STORES)('an image on %s', (_, openIt) => {
  test('is created, whether its folder is there or not', async () => {
    const store = await openIt();
    expect(await placeImage(store, STEM, 'jpg', OURS)).toBe(`${STEM}.jpg`);
    expect(await placeImage(store, `${STEM}-1`, 'jpg', OURS)).toBe(`${STEM}-1.jpg`);
    expect(await store.read(`${STEM}.jpg`)).toEqual(OURS);
  });

  test.each([0, 1, OURS.length >> 1, OURS.length - 1])(
    'replaces a write of it that was torn after %i bytes',
    async (length) => {
      const store = await openIt();
      await store.write(`${STEM}.jpg`, OURS.subarray(0, length));
      expect(await placeImage(store, STEM, 'jpg', OURS)).toBe(`${STEM}.jpg`);
      expect(await store.read(`${STEM}.jpg`)).toEqual(OURS);
    },
  );

  test.each([
    ['another one', Buffer.from('another image')],
    ['one as long', Buffer.from(OURS.toString().replace('run', 'dog'))],
    ['one that goes on after ours', Buffer.concat([OURS, Buffer.from('!')])],
    ['one that begins like ours', Buffer.concat([OURS.subarray(0, 9), Buffer.from('?')])],
  ])('leaves %s alone and goes beside it', async (_name, other) => {
    const store = await openIt();
    await store.write(`${STEM}.jpg`, other);
    expect(await placeImage(store, STEM, 'jpg', OURS)).toBe(HASHED);
    expect(await store.read(`${STEM}.jpg`)).toEqual(other);
    expect(await store.read(HASHED)).toEqual(OURS);
    // The same again finds its own file, and mends it where it is torn.
    await store.write(HASHED, OURS.subarray(0, 5));
    expect(await placeImage(store, STEM, 'jpg', OURS)).toBe(HASHED);
    expect(await store.read(HASHED)).toEqual(OURS);
  });

  test('is an error where both of its names are taken', async () => {
    const store = await openIt();
    await store.write(`${STEM}.jpg`, Buffer.from('garbage'));
    await store.write(HASHED, Buffer.from('more of it'));
    await expect(placeImage(store, STEM, 'jpg', OURS)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining(HASHED),
    });
    expect((await store.read(HASHED)).toString()).toBe('more of it');
  });

  test('of many writers at once is there whole under one name', async () => {
    const store = await openIt();
    const keys = await Promise.all(Array.from({ length: 20 }, () => placeImage(store, STEM, 'jpg', OURS)));
    expect(new Set(keys)).toEqual(new Set([`${STEM}.jpg`]));
    expect(await store.read(`${STEM}.jpg`)).toEqual(OURS);
  });
});

test.each([true, false])(
  'the same bytes on a folder are left as they are (at once: %s)',
  async (isBlocking) => {
    const store = await localStore(isBlocking);
    const path = store.locate(`${STEM}.jpg`);
    await placeImage(store, STEM, 'jpg', OURS);
    const before = await stat(path);
    await placeImage(store, STEM, 'jpg', OURS);
    const { ino, mtimeMs } = await stat(path);
    expect({ ino, mtimeMs }).toEqual({ ino: before.ino, mtimeMs: before.mtimeMs });
    // A torn one is replaced by a new file, so a reader of the old one is not disturbed.
    await writeFile(path, OURS.subarray(0, 3));
    const torn = await stat(path);
    await placeImage(store, STEM, 'jpg', OURS);
    expect((await stat(path)).ino).not.toBe(torn.ino);
  },
);

test('the same bytes on S3 are not sent again', async () => {
  const { store, requests } = await startFakeS3();
  await placeImage(store, STEM, 'jpg', OURS);
  const count = requests.length;
  await placeImage(store, STEM, 'jpg', OURS);
  expect(requests.slice(count)).toEqual([`PUT ${STEM}.jpg 412`, `GET ${STEM}.jpg 200`]);
});

test('images go beside files of their names, and the manifest names them', async () => {
  const lake = await makeLake(12);
  const spec = { name: 'beside', sql: 'SELECT id FROM images', shardSize: 4, copies: 2 };
  const { folder } = await runWith(lake.store, spec);
  const rows = 'SELECT image_id, image_key, image_sha256 FROM runs.beside ORDER BY image_id';
  const undisturbed = await queryRows<{ image_id: string; image_key: string; image_sha256: string }>(
    lake,
    rows,
  );
  await rm(join(lake.uri, folder), { recursive: true });
  const garbage: string[] = [];
  for (const [index, { image_key: key }] of undisturbed.entries()) {
    if (index % 3 !== 0) continue;
    await mkdir(dirname(join(lake.uri, key)), { recursive: true });
    await writeFile(join(lake.uri, key), index % 2 ? '' : 'garbage');
    if (index % 2 === 0) garbage.push(key);
  }
  expect(await runWith(lake.store, spec)).toMatchObject({ folder, imageCount: 24 });
  const found = await queryRows(lake, rows);
  expect(found).toEqual(
    undisturbed.map((row) =>
      garbage.includes(row.image_key)
        ? { ...row, image_key: row.image_key.replace('.jpg', `.${row.image_sha256.slice(0, 8)}.jpg`) }
        : row,
    ),
  );
  expect(garbage).toHaveLength(4);
  for (const key of garbage) expect((await lake.store.read(key)).toString()).toBe('garbage');
  expect(await lake.lakehouse.tables.verify('runs.beside', true)).toMatchObject({
    imageCount: 24,
    problems: [],
  });
});
