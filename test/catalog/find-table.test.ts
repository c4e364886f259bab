import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { attachTable } from '../../src/catalog/attach-table.ts';
import {
  findOwnTable,
  findQueriedTable,
  findTable,
  listTableNames,
  tableNotFound,
} from '../../src/catalog/find-table.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { writeRunFolder } from '../support/run-folder.ts';

let store: ObjectStore;

beforeEach(async () => {
  const table = await DeltaTable.begin();
  table
    .protocol()
    .metadata({ id: 'long' })
    .add('a.parquet', { stats: { numRecords: 1 } });
  await table.commit();
  ({ store } = table);
  const copyTo = (folder: string): Promise<void> =>
    cp(table.path, join(table.lake, folder), { recursive: true });
  for (const name of ['Shoes', 'SHOES', 'bags']) await copyTo(`tables/${name}`);
  await attachTable(store, 'Mirror', table.path);
  for (const child of ['manifest', 'errors']) await copyTo(`runs/Crops/run_id=a/${child}`);
  await writeRunFolder(store, 'runs/Crops/run_id=a', { plannedMs: 1, isFinished: true });
  await writeRunFolder(store, 'runs/begun/run_id=a', { plannedMs: 1, isFinished: false });
});

const folderOf = async (name: string, schema = ''): Promise<string | undefined> =>
  (await findTable(store, { schema, name }))?.snapshot.folder;

describe('a table is found', () => {
  test.each([
    ['', 't', 'tables/t'],
    ['', 'Shoes', 'tables/Shoes'],
    ['', 'SHOES', 'tables/SHOES'],
    // As SQL has it, in another case; of several the first in their order.
    ['', 'shoes', 'tables/SHOES'],
    ['', 'BAGS', 'tables/bags'],
    ['', 'mirror', 't'],
    ['runs', 'Crops', 'runs/Crops/run_id=a/manifest'],
    ['runs', 'crops', 'runs/Crops/run_id=a/manifest'],
    ['errors', 'crops', 'runs/Crops/run_id=a/errors'],
  ])('of the schema %j by the name %s: %s', async (schema, name, folder) => {
    expect(await folderOf(name, schema)).toBe(folder);
  });

  test.each([
    ['', 'none'],
    ['', '../tables/t'],
    ['', 'Crops'],
    ['runs', 't'],
    ['runs', 'begun'],
    ['runs', 'Mirror'],
    ['runs', '..'],
  ])('and none of the schema %j by the name %s', async (schema, name) => {
    expect(await folderOf(name, schema)).toBeUndefined();
  });

  test('at the version that is asked for, and told whether it is attached', async () => {
    expect(await findTable(store, { schema: '', name: 'MIRROR' })).toMatchObject({ isAttached: true });
    expect(await findTable(store, { schema: '', name: 't' })).toMatchObject({ isAttached: false });
    const asOf = { kind: 'version', version: 9 } as const;
    await expect(findTable(store, { schema: '', name: 't', asOf })).rejects.toMatchObject({
      code: 'SNAPSHOT_NOT_FOUND',
    });
    const reference = { schema: 'runs', name: 'crops' };
    const queried = await findQueriedTable(store, reference);
    expect([queried.reference, queried.readFiles.map(({ key }) => key)]).toEqual([
      reference,
      ['runs/Crops/run_id=a/manifest/a.parquet'],
    ]);
  });
});

test('a table that is not found is told with those that are there', async () => {
  await expect(findQueriedTable(store, { schema: '', name: 'my shoe' })).rejects.toMatchObject({
    code: 'TABLE_NOT_FOUND',
    message: `no table "my shoe" exists in ${store.uri}`,
    remedy: 'the lake has: Mirror, SHOES, Shoes, bags, t, runs.Crops, runs.begun',
  });
  expect((await listTableNames(store)).map(({ schema, name }) => `${schema}/${name}`)).toEqual(
    '/Mirror /SHOES /Shoes /bags /t runs/Crops runs/begun'.split(' '),
  );
  const empty = openLocalStore(await makeTestFolder());
  expect((await tableNotFound(empty, { schema: 'runs', name: 'x' })).remedy).toBe(
    'make one with `pixlake ingest`',
  );
});

test('only tables of the lake may be changed', async () => {
  expect((await findOwnTable(store, '"t"')).folder).toBe('tables/t');
  for (const [name, message] of [
    ['mirror', 'mirror is attached and can only be read'],
    ['runs.Crops', 'runs.Crops is the output of a run and can only be read'],
  ] as const)
    await expect(findOwnTable(store, name)).rejects.toMatchObject({ code: 'TABLE_READ_ONLY', message });
  await expect(findOwnTable(store, 'none')).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
});
