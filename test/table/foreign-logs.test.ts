import { join } from 'node:path';
import { utimes } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/storage/open-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { parseAsOf } from '../../src/table/as-of.ts';
import { logKey } from '../../src/table/log-listing.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { readHistory, readSnapshotAsOf } from '../../src/table/table-history.ts';
import { commitChange } from '../support/commit-change.ts';
import { makeTable, writeEntry } from '../support/delta-table.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { changeOf, FOLDER } from './table-fixture.ts';

const WITH_VECTORS = {
  minReaderVersion: 3,
  minWriterVersion: 7,
  readerFeatures: ['deletionVectors'],
  writerFeatures: ['deletionVectors'],
};

async function openLog(
  ...entries: readonly (readonly object[])[]
): Promise<{ store: ObjectStore; folder: string }> {
  const folder = await makeTestFolder();
  for (const [version, actions] of entries.entries())
    await writeEntry(join(folder, FOLDER), version, actions);
  return { store: openStore(folder), folder };
}

const addOf = (path: string, more: object = {}): object => ({
  add: { path, partitionValues: {}, size: 1, modificationTime: 0, dataChange: true, ...more },
});
const removeOf = (path: string, more: object = {}): object => ({
  remove: { path, dataChange: true, deletionTimestamp: 0, ...more },
});
const vectorOf = (name: string): object => ({
  deletionVector: { storageType: 'u', pathOrInlineDv: name, offset: 1, sizeInBytes: 1, cardinality: 1 },
});
const paths = async (store: ObjectStore, version?: number): Promise<string[] | undefined> =>
  (await readSnapshot(store, FOLDER, version))?.files.map(({ add }) => add.path);

describe('deletion vectors', () => {
  const made = makeTable({ id: 'long' }, { protocol: WITH_VECTORS });

  test('are no hindrance as a feature that no file uses, but pixlake does not write there', async () => {
    const { store } = await openLog([...made, addOf('a')]);
    expect(await paths(store)).toEqual(['a']);
    const base = await readSnapshot(store, FOLDER);
    await expect(commitChange(store, changeOf({ base }))).rejects.toMatchObject({
      code: 'TABLE_FEATURE_UNSUPPORTED',
      message: expect.stringContaining('deletionVectors'),
    });
  });

  test('of files that are in a version refuse it, those of files that are not do not', async () => {
    const { store } = await openLog(
      [...made, addOf('a'), addOf('b')],
      // The order of actions within an entry says nothing.
      [addOf('a', vectorOf('one')), removeOf('a')],
      [addOf('a', vectorOf('two')), removeOf('a', vectorOf('one'))],
      [removeOf('a', vectorOf('two')), addOf('c')],
    );
    expect(await paths(store, 0)).toEqual(['a', 'b']);
    for (const version of [1, 2]) {
      await expect(readSnapshot(store, FOLDER, version)).rejects.toMatchObject({
        code: 'TABLE_FEATURE_UNSUPPORTED',
        message: expect.stringContaining('deletionVectors'),
      });
    }
    expect(await paths(store)).toEqual(['b', 'c']);
  });
});

test('a table that has no columns yet is empty', async () => {
  const { store } = await openLog([
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    {
      metaData: {
        id: 'x',
        format: { provider: 'parquet', options: {} },
        partitionColumns: [],
        configuration: {},
      },
    },
  ]);
  expect(await readSnapshot(store, FOLDER)).toMatchObject({ schema: { fields: [] }, files: [] });
});

describe('times of commits', () => {
  const at = async (store: ObjectStore, timeMs: number): Promise<number | undefined> =>
    (await readSnapshotAsOf(store, FOLDER, parseAsOf(new Date(timeMs).toISOString())))?.version;
  const timesOf = async (store: ObjectStore): Promise<number[]> =>
    ((await readHistory(store, FOLDER, 100)) ?? [])
      .map(({ timestamp }) => Date.parse(timestamp))
      .toReversed();
  const commit = (timestamp: number, more: object = {}): object => ({
    commitInfo: { timestamp, operation: 'WRITE', ...more },
  });

  test('that go backwards are each a millisecond later than the one before', async () => {
    const made = makeTable({ id: 'long' });
    const { store } = await openLog(
      [...made, commit(5000)],
      [commit(3000)],
      [commit(4000)],
      [commit(5001)],
      [commit(9000)],
    );
    expect(await timesOf(store)).toEqual([5000, 5001, 5002, 5003, 9000]);
    for (const [timeMs, version] of [
      [5000, 0],
      [5001, 1],
      [5002, 2],
      [8999, 3],
      [9000, 4],
    ] as const)
      expect(await at(store, timeMs), String(timeMs)).toBe(version);
    await expect(at(store, 4999)).rejects.toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
  });

  test('are those in the commit where the table has them, and the time of the file where nothing says', async () => {
    const { store, folder } = await openLog(
      makeTable({ id: 'long' }),
      [commit(9999, { inCommitTimestamp: 7000 })],
      [commit(1, { inCommitTimestamp: 8000 })],
    );
    await utimes(join(folder, logKey(FOLDER, 0)), 2, 2);
    expect(await timesOf(store)).toEqual([2000, 7000, 8000]);
    expect(await readSnapshot(store, FOLDER)).toMatchObject({ timestampMs: 8000 });
    expect(await at(store, 7500)).toBe(1);
    const base = await readSnapshot(store, FOLDER);
    await commitChange(store, changeOf({ base }));
    const times = await timesOf(store);
    expect(times.at(-1)).toBeGreaterThan(8000);
  });
});
