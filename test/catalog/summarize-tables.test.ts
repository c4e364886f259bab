import { join } from 'node:path';
import { expect, test } from 'vitest';
import { attachTable } from '../../src/catalog/attach-table.ts';
import {
  describeTable,
  listVersions,
  summarizeTables,
  type TableListSpec,
} from '../../src/catalog/summarize-tables.ts';
import { DeltaTable, writeFileOf } from '../support/delta-table.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { writeRunFolder } from '../support/run-folder.ts';

const SUMMARY = {
  name: 't',
  version: 1,
  rowCount: 5,
  fileCount: 2,
  sizeBytes: 30,
  partitionColumns: ['p'],
  isAttached: false,
};

async function makeTable(): Promise<DeltaTable> {
  const table = await DeltaTable.begin();
  table
    .protocol()
    .metadata({ id: 'long', p: 'string' }, { partitionColumns: ['p'] })
    .commitInfo(1000, { engineInfo: 'test' });
  table.add('a', { size: 10, partitionValues: { p: 'x' }, stats: { numRecords: 2 } });
  await table.commit();
  table.commitInfo(2000).add('b', { size: 20, partitionValues: { p: 'y' }, stats: { numRecords: 3 } });
  await table.commit();
  return table;
}

test('tables are summarized at their newest versions, and described with their columns', async () => {
  const { store } = await makeTable();
  expect(await summarizeTables(store)).toEqual([SUMMARY]);
  const { columns, ...summary } = await describeTable(store, 't');
  expect(summary).toEqual(SUMMARY);
  expect(columns.map(({ name, type }) => [name, type])).toEqual([
    ['id', 'long'],
    ['p', 'string'],
  ]);
  await expect(describeTable(store, 'none')).rejects.toMatchObject({
    code: 'TABLE_NOT_FOUND',
    remedy: 'the lake has: t',
  });
});

test('rows are not counted if a file does not tell them, whichever it is', async () => {
  const table = await makeTable();
  table.add('c', { size: 1, partitionValues: { p: 'x' } });
  table.add('d', { size: 1, partitionValues: { p: 'x' }, stats: { numRecords: 1 } });
  await table.commit();
  expect(await summarizeTables(table.store)).toEqual([
    { ...SUMMARY, version: 2, rowCount: undefined, fileCount: 4, sizeBytes: 32 },
  ]);
});

test('versions are listed with the newest first, so many as are wanted', async () => {
  const { store } = await makeTable();
  const versions = await listVersions(store, 't', 10);
  expect(versions.map(({ version, timestamp, software }) => [version, timestamp, software])).toEqual([
    [1, '1970-01-01T00:00:02.000Z', undefined],
    [0, '1970-01-01T00:00:01.000Z', 'test'],
  ]);
  expect(await listVersions(store, 't', 1)).toEqual(versions.slice(0, 1));
  expect(await listVersions(store, 't', 10, 1)).toEqual(versions.slice(1));
  expect(await listVersions(store, 't', 10, 0)).toEqual([]);
  await expect(listVersions(store, 'none', 1)).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
});

test('attached tables are told apart, and plain files have no versions', async () => {
  const { store } = await makeTable();
  const folder = await makeTestFolder();
  const { size } = await writeFileOf(folder, 'x.parquet', 'SELECT 1 AS id');
  await attachTable(store, 'plain', folder);
  await attachTable(store, 'mirror', join(store.uri, 'tables/t'));
  expect(await summarizeTables(store)).toEqual([
    { ...SUMMARY, name: 'mirror', isAttached: true },
    {
      name: 'plain',
      version: 0,
      rowCount: undefined,
      fileCount: 1,
      sizeBytes: size,
      partitionColumns: [],
      isAttached: true,
    },
    SUMMARY,
  ]);
  expect(await listVersions(store, 'plain', 9)).toEqual([]);
  expect(await listVersions(store, 'mirror', 9)).toHaveLength(2);
});

test('runs that cannot be read or have not finished are left out; what else fails is told', async () => {
  const { store } = await makeTable();
  await store.write('runs/old/run_id=a/spec.json', Buffer.from('{"shardCount": 1}'));
  await store.write('runs/old/run_id=a/_SUCCESS', Buffer.from('{}'));
  await store.write('runs/bad/run_id=a/spec.json', Buffer.from('{'));
  await store.write('runs/bad/run_id=a/_SUCCESS', Buffer.from('{}'));
  await writeRunFolder(store, 'runs/begun/run_id=a', { plannedMs: 1, isFinished: false });
  expect(await summarizeTables(store)).toEqual([SUMMARY]);
  await store.write('tables/t/_delta_log/00000000000000000001.json', Buffer.from('{'));
  await expect(summarizeTables(store)).rejects.toMatchObject({ code: 'TABLE_CORRUPT' });
  const broken = withFaults(store, { listFolders: () => Promise.reject(new Error('no disk')) });
  await expect(summarizeTables(broken)).rejects.toThrow('no disk');
});

test('a list of tables begins with a name, is of a schema, and goes on after a table', async () => {
  const { store } = await makeTable();
  const folder = await makeTestFolder();
  await writeFileOf(folder, 'x.parquet', 'SELECT 1 AS id');
  for (const name of ['a', 'b-1', 'b-2', 'z']) await attachTable(store, name, folder);
  for (const name of ['b', 'a', 'begun']) {
    const run = `runs/${name}/run_id=a`;
    await writeRunFolder(store, run, { plannedMs: 1, isFinished: name !== 'begun' });
    for (const key of ['00000000000000000000.json', '00000000000000000001.json'])
      await store.write(`${run}/manifest/_delta_log/${key}`, await store.read(`tables/t/_delta_log/${key}`));
  }
  const namesOf = async (spec: TableListSpec): Promise<string> =>
    (await summarizeTables(store, spec)).map(({ name }) => name).join(' ');
  expect(await namesOf({})).toBe('a "b-1" "b-2" t z runs.a runs.b');
  expect(await namesOf({ schema: '' })).toBe('a "b-1" "b-2" t z');
  expect(await namesOf({ schema: 'runs' })).toBe('runs.a runs.b');
  expect(await namesOf({ prefix: 'b' })).toBe('"b-1" "b-2"');
  expect(await namesOf({ prefix: 'runs.b' })).toBe('runs.b');
  expect(await namesOf({ prefix: 'b', schema: 'runs' })).toBe('');
  expect(await namesOf({ limit: 2 })).toBe('a "b-1"');
  expect(await namesOf({ limit: 2, after: '"b-1"' })).toBe('"b-2" t');
  expect(await namesOf({ limit: 2, after: 'z' })).toBe('runs.a runs.b');
  expect(await namesOf({ after: 'zz' })).toBe('runs.a runs.b');
  expect(await namesOf({ after: 'runs.a' })).toBe('runs.b');
  expect(await namesOf({ after: 'runs.b' })).toBe('');
});
