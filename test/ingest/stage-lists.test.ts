import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseDatasetSchema } from '../../src/ingest/dataset-schema.ts';
import { stageLists } from '../../src/ingest/stage-lists.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { openTestDb } from '../support/run-in-process.ts';

const SCHEMA = parseDatasetSchema(
  { name: 't', idColumn: 'my id', columns: [{ name: 'my id', type: 'BIGINT' }] },
  'a test',
);

const STAGING = `
  CREATE TABLE rejects (line BIGINT, reason VARCHAR, raw VARCHAR);
  CREATE TABLE staged_rows (__image_ref VARCHAR, __line BIGINT, "my id" BIGINT);
  CREATE TABLE row_images (image_ref VARCHAR);
  CREATE TABLE unread_images (image_ref VARCHAR, name VARCHAR, reason VARCHAR);
  CREATE TABLE images_without_row (name VARCHAR, reason VARCHAR);
  CREATE TABLE incoming ("my id" BIGINT, image_key VARCHAR, image_status VARCHAR, image_reason VARCHAR);`;

test('every list is counted, sorted and moved into the lake', async () => {
  const [lake, scratchDir] = [await makeTestFolder(), await makeTestFolder()];
  const store = openLocalStore(lake);
  using db = await openTestDb();
  await db.run(`${STAGING}
    INSERT INTO rejects VALUES (9, 'no id', ',"x"'), (3, 'too short', 'q');
    INSERT INTO staged_rows VALUES ('4', 8, 4), (NULL, 2, 1), ('3', 5, 3), ('2', 4, 2);
    INSERT INTO row_images VALUES ('2');
    INSERT INTO unread_images VALUES ('4', 'x/4.jpg', 'it vanished');
    INSERT INTO images_without_row VALUES ('b.jpg', 'no row names it'), ('a.jpg', 'a hidden file');
    INSERT INTO incoming VALUES (7, 'k7', 'corrupt', 'cut'), (6, 'k6', 'ok', NULL), (5, NULL, 'empty', 'no bytes')`);
  const { counts, publish } = await stageLists(db, SCHEMA, scratchDir);
  expect(counts).toEqual({ rejects: 2, withoutImage: 3, imagesWithoutRow: 2, brokenImages: 2 });
  const lists = await publish(store, 'ingests/1');
  expect(lists).toEqual({
    rejects: 'ingests/1/rejects.csv',
    withoutImage: 'ingests/1/without-image.csv',
    imagesWithoutRow: 'ingests/1/images-without-row.csv',
    brokenImages: 'ingests/1/broken-images.csv',
  });
  const read = (key = ''): Promise<string> => readFile(join(lake, key), 'utf8');
  expect(await read(lists.rejects)).toBe('line,reason,raw\n3,too short,q\n9,no id,",""x"""\n');
  expect(await read(lists.withoutImage)).toBe(
    'line,my id,reason\n2,1,the image column is empty\n5,3,no image file has this name\n8,4,x/4.jpg: it vanished\n',
  );
  expect(await read(lists.imagesWithoutRow)).toBe(
    'name,reason\na.jpg,a hidden file\nb.jpg,no row names it\n',
  );
  expect(await read(lists.brokenImages)).toBe(
    'my id,image_key,image_status,image_reason\n5,,empty,no bytes\n7,k7,corrupt,cut\n',
  );
});

test('empty lists are not written', async () => {
  const store = openLocalStore(await makeTestFolder());
  using db = await openTestDb();
  await db.run(`${STAGING} INSERT INTO rejects VALUES (3, 'no id', '')`);
  const { counts, publish } = await stageLists(db, SCHEMA, await makeTestFolder());
  expect(counts).toEqual({ rejects: 1, withoutImage: 0, imagesWithoutRow: 0, brokenImages: 0 });
  expect(await publish(store, 'a')).toEqual({ rejects: 'a/rejects.csv' });
  expect(await keysOf(store)).toEqual(['a/rejects.csv']);
});
