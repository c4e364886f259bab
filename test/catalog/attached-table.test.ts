import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { attachTable } from '../../src/catalog/attach-table.ts';
import {
  checkNotAttached,
  detachTable,
  listAttachedNames,
  listAttachments,
  openAttached,
  openPlace,
} from '../../src/catalog/attached-table.ts';
import { openStore } from '../../src/storage/open-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { DeltaTable, writeFileOf } from '../support/delta-table.ts';
import { withFaults } from '../support/failing-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';

let folder: string;
let store: ObjectStore;

beforeEach(async () => {
  folder = await makeTestFolder();
  store = openStore(join(folder, 'lake'));
});

const attached = (name: string): string => `attached/${name}.json`;

/** A Delta table of two versions. */
async function makeDelta(): Promise<string> {
  const table = await DeltaTable.begin(join(folder, 'other'));
  table.protocol().metadata({ id: 'long' });
  await table.addRows('a.parquet', 'SELECT 1::BIGINT AS id');
  await table.commit();
  await table.addRows('b.parquet', 'SELECT 2::BIGINT AS id');
  await table.commit();
  return table.path;
}

test('what is attached is listed by name, and what is damaged is left out with its place', async () => {
  expect([await listAttachedNames(store), await listAttachments(store)]).toEqual([[], []]);
  const path = await makeDelta();
  await attachTable(store, 'b', `${path}//`);
  await attachTable(store, 'a', path);
  await store.write(attached('c'), Buffer.from('{'));
  await store.write('attached/note.txt', Buffer.from('x'));
  expect(await listAttachedNames(store)).toEqual(['a', 'b', 'c']);
  expect(await listAttachments(store)).toEqual([
    { name: 'a', uri: path },
    { name: 'b', uri: path },
  ]);
  const broken = withFaults(store, { read: () => Promise.reject(new Error('no disk')) });
  await expect(listAttachments(broken)).rejects.toThrow('no disk');
});

test('what is detached is forgotten, and only that', async () => {
  const path = await makeDelta();
  await attachTable(store, 'a', path);
  await expect(checkNotAttached(store, 'a')).rejects.toMatchObject({
    code: 'TABLE_READ_ONLY',
    remedy: expect.stringContaining('--table'),
  });
  await detachTable(store, 'a');
  expect(await checkNotAttached(store, 'a')).toBeUndefined();
  expect(await keysOf(store)).toEqual([]);
  await expect(detachTable(store, 'a')).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
  expect(await openAttached(store, 'a', undefined)).toBeUndefined();
});

describe('an attached table is opened', () => {
  test('at any version of Delta, where it lies', async () => {
    const path = await makeDelta();
    expect(await attachTable(store, 'a', path)).toEqual({ format: 'delta', uri: path });
    const newest = await openAttached(store, 'a', undefined);
    expect([
      newest?.isAttached,
      newest?.snapshot.version,
      newest?.snapshot.folder,
      newest?.store.uri,
    ]).toEqual([true, 1, 't', join(folder, 'other/tables')]);
    const old = await openAttached(store, 'a', { kind: 'version', version: 0 });
    expect(old?.snapshot.files.map(({ key }) => key)).toEqual(['t/a.parquet']);
    await rm(path, { recursive: true });
    await expect(openAttached(store, 'a', undefined)).rejects.toMatchObject({
      code: 'TABLE_NOT_FOUND',
      message: `the attached table a is no longer at ${path}`,
      remedy: 'run `pixlake detach a`, or bring the files back',
    });
  });

  test('as plain files with the columns that they had', async () => {
    const path = join(folder, 'plain');
    await writeFileOf(path, 'k=1/a.parquet', 'SELECT 1 AS id');
    const described = await attachTable(store, 'p', path);
    await writeFileOf(path, 'k=2/b.parquet', 'SELECT 2 AS id, 3 AS more');
    const found = await openAttached(store, 'p', undefined);
    expect(found).toMatchObject({
      isAttached: true,
      snapshot: {
        folder: 'plain',
        version: 0,
        checkpointVersion: 0,
        timestampMs: 0,
        partitionColumns: ['k'],
        metadata: {
          id: 'plain',
          format: { provider: 'parquet', options: {} },
          partitionColumns: ['k'],
          configuration: {},
        },
        protocol: { minReaderVersion: 1, minWriterVersion: 2 },
        removed: [],
      },
    });
    expect(found?.snapshot.schema.fields.map(({ name }) => name)).toEqual(['id', 'k']);
    expect(found?.snapshot.files.map(({ partitionValues }) => partitionValues)).toEqual([
      { k: '1' },
      { k: '2' },
    ]);
    expect(described).toMatchObject({ format: 'parquet', uri: path, partitionColumns: ['k'] });
    await expect(openAttached(store, 'p', { kind: 'version', version: 0 })).rejects.toMatchObject({
      code: 'SNAPSHOT_NOT_FOUND',
    });
    await rm(path, { recursive: true });
    await expect(openAttached(store, 'p', undefined)).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
  });

  test.each<[string, string]>([
    ['is no JSON', '{'],
    ['is of an unknown format', '{"format": "csv", "uri": "/x"}'],
    ['lacks its columns', '{"format": "parquet", "uri": "/x"}'],
    ['was changed', '{"format": "delta", "uri": "/x", "sha256": "0"}'],
  ])('unless its description %s', async (_what, text) => {
    await store.write(attached('a'), Buffer.from(text));
    await expect(openAttached(store, 'a', undefined)).rejects.toMatchObject({
      code: 'TABLE_CORRUPT',
      message: expect.stringMatching(/^attached\/a\.json in .* cannot be read: ./u),
      cause: expect.anything(),
    });
  });

  test('from a description of an older pixlake, which had no checksum', async () => {
    const path = await makeDelta();
    await store.write(attached('a'), Buffer.from(JSON.stringify({ format: 'delta', uri: path })));
    expect((await openAttached(store, 'a', undefined))?.snapshot.version).toBe(1);
  });
});

test.each([
  ['/a/b/c', '/a/b', 'c'],
  ['/a/b/c//', '/a/b', 'c'],
  ['s3://bucket/a/b/', 's3://bucket/a', 'b'],
])('the place %s is %s and %s in it', (uri, root, key) => {
  const place = openPlace(uri, {});
  expect([place.store.uri, place.folder]).toEqual([root, key]);
});

describe('a table is attached', () => {
  test('under a name that is free, and once', async () => {
    const path = await makeDelta();
    await cp(path, join(folder, 'lake/tables/own'), { recursive: true });
    const taken = {
      code: 'TABLE_EXISTS',
      message: `${store.uri} already has a table own`,
      remedy: expect.stringContaining('pixlake detach'),
    };
    await expect(attachTable(store, 'own', path)).rejects.toMatchObject(taken);
    await attachTable(store, 'a', path);
    await expect(attachTable(store, 'a', path)).rejects.toMatchObject({ code: 'TABLE_EXISTS' });
    // Another one was faster.
    const slow = withFaults(store, { writeIfAbsent: async () => false });
    await expect(attachTable(slow, 'b', path)).rejects.toMatchObject({ code: 'TABLE_EXISTS' });
    expect(await listAttachedNames(store)).toEqual(['a']);
    const empty = attachTable(store, 'none', join(folder, 'nothing'));
    await expect(empty).rejects.toMatchObject({
      code: 'TABLE_NOT_FOUND',
      message: `no Delta table and no Parquet file exists at ${join(folder, 'nothing')}`,
    });
    await writeFileOf(join(folder, 'bad'), 'x.parquet', 'SELECT 1 AS id');
    const bad = openStore(join(folder, 'bad'));
    await bad.write('x.parquet', Buffer.from('no Parquet'));
    await expect(attachTable(store, 'bad', bad.uri)).rejects.toMatchObject({ code: 'SQL_FAILED' });
  });

  const typesOf = async (files: Readonly<Record<string, string>>): Promise<unknown> => {
    for (const [path, query] of Object.entries(files)) await writeFileOf(join(folder, 'typed'), path, query);
    const described = await attachTable(store, 'typed', join(folder, 'typed'));
    if (described.format !== 'parquet') throw new Error('it is taken for a Delta table');
    const { fields } = JSON.parse(described.schemaString) as { fields: { name: string; type: string }[] };
    return [fields.map(({ name, type }) => `${name} ${type}`), described.partitionColumns];
  };

  test('with the columns of all its files, in the types that they have', async () => {
    expect(
      await typesOf({
        'a.parquet': `SELECT 1::UTINYINT AS a, TIMESTAMP '2020-01-01' AS t, TIMESTAMPTZ '2020-01-01 00:00:00Z' AS z`,
        'b.parquet': 'SELECT 2::UTINYINT AS a, 1.5::DECIMAL(5,2) AS d',
      }),
    ).toEqual([['a short', 't timestamp_ntz', 'z timestamp', 'd decimal(5,2)'], []]);
  });

  test('with columns of the folders that all files share', async () => {
    const files = {
      'n=7/A=9/x.parquet': 'SELECT 1 AS id, 2 AS a',
      'n=8/A=9/m=1/y.parquet': 'SELECT 2 AS id, 3 AS a',
    };
    expect(await typesOf(files)).toEqual([['id integer', 'a integer', 'n long'], ['n']]);
  });

  test.each<[string[], string]>([
    [['7', '-8', '007'], 'long'],
    [['7', '7.5'], 'string'],
    [['1e3'], 'string'],
    [['x7'], 'string'],
    [['9999999999999999999'], 'string'],
    [['2020-01-01', '2021-1-2'], 'date'],
    [['2020-01-01', '7'], 'string'],
    [['2020-13-01'], 'string'],
    [['2020-01-01x'], 'string'],
    [['2020-01-01 10:00:00', '2020-01-01T10:00:00.5'], 'timestamp_ntz'],
    [['2020-01-01 10:00:00', '2020-01-01'], 'timestamp_ntz'],
    [['2020-01-01 10:00:00x'], 'string'],
    [['x2020-01-01 10:00:00'], 'string'],
    [['2020-01-01 10'], 'string'],
    [['x', "it's"], 'string'],
    [['7', '__HIVE_DEFAULT_PARTITION__'], 'long'],
    [['__HIVE_DEFAULT_PARTITION__'], 'string'],
  ])('with a column of folders named %j in the type %s', async (values, type) => {
    const files = values.map((value, index) => [`v=${value}/${index}.parquet`, 'SELECT 1 AS id']);
    expect(await typesOf(Object.fromEntries(files) as Record<string, string>)).toEqual([
      ['id integer', `v ${type}`],
      ['v'],
    ]);
  });
});
