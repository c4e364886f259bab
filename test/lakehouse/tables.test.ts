import { expect, test } from 'vitest';
import { Tables } from '../../src/lakehouse/tables.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { makeLake, useLake, writeParquet } from '../support/run-in-process.ts';

const lake = useLake(3);
const table = 'images';
const WHERE = { table, where: 'id = 1' };

type Verb = (tables: Tables, signal?: AbortSignal) => Promise<unknown>;

const STOPPABLE: Readonly<Record<string, Verb>> = {
  delete: (tables, signal) => tables.delete({ ...WHERE, isDryRun: true }, signal),
  optimize: (tables, signal) => tables.optimize({ table }, signal),
  vacuum: (tables, signal) => tables.vacuum({ table, isDryRun: true }, signal),
  verify: (tables, signal) => tables.verify(table, false, signal),
  drop: (tables, signal) => tables.drop({ table, isDryRun: true }, signal),
};

const VERBS: Readonly<Record<string, Verb>> = {
  ...STOPPABLE,
  list: (tables) => tables.list(),
  describe: (tables) => tables.describe(table),
  files: (tables) => tables.files(table),
  history: (tables) => tables.history(table),
  restore: (tables) => tables.restore(table, '0'),
  detach: (tables) => tables.detach(table),
};

test.each(Object.entries(VERBS))('%s needs a lake', async (_, verb) => {
  const tables = new Tables(openLocalStore(await makeTestFolder()));
  await expect(verb(tables)).rejects.toMatchObject({ code: 'LAKE_NOT_FOUND' });
});

test.each(Object.entries(STOPPABLE))('%s hands its signal to the store', async (_, verb) => {
  const { store } = lake.current;
  const signals: AbortSignal[] = [];
  const watched = withFaults(store, {
    withSignal(signal) {
      signals.push(signal);
      return store;
    },
  });
  const { signal } = new AbortController();
  await verb(new Tables(watched), signal);
  expect(signals).toContain(signal);
});

test('a table is looked at, changed and brought back', async () => {
  const { store } = await makeLake(3);
  const tables = new Tables(store);
  expect(await tables.list()).toMatchObject([{ name: table, rowCount: 3 }]);
  expect((await tables.describe(table)).columns.map(({ name }) => name)).toContain('image_key');
  expect(await tables.delete(WHERE)).toMatchObject({ isCommitted: true, deletedCount: 1, version: 1 });
  expect(await tables.files(table)).toMatchObject({ version: 1 });
  expect(await tables.files(table, '0')).toMatchObject({ version: 0 });
  expect((await tables.history(table)).map(({ version }) => version)).toEqual([1, 0]);
  expect((await tables.history(table, 1)).map(({ version }) => version)).toEqual([1]);
  expect(await tables.restore(table, '0')).toMatchObject({ restoredVersion: 0, version: 2 });
  expect(await tables.verify(table)).toMatchObject({ rowCount: 3, imageCount: 0, problems: [] });
  expect(await tables.verify(table, true)).toMatchObject({ rowCount: 3, imageCount: 3, problems: [] });
  expect(await tables.optimize({ table, sortBy: ['id'] })).toMatchObject({ isCommitted: true, version: 3 });
  expect(await tables.vacuum({ table, retainMs: 0 })).toMatchObject({ isDryRun: false });
  expect(await tables.drop({ table })).toMatchObject({ table, isDryRun: false });
  expect(await tables.list()).toEqual([]);
});

test('a table of another program is attached, which makes the lake, and forgotten', async () => {
  const tables = new Tables(openLocalStore(await makeTestFolder()));
  const uri = await writeParquet(await makeTestFolder(), 'SELECT 7 AS id');
  expect(await tables.attach('theirs', uri)).toMatchObject({ uri });
  expect(await tables.list()).toMatchObject([{ name: 'theirs' }]);
  await tables.detach('theirs');
  expect(await tables.list()).toEqual([]);
});
