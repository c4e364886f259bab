import { join } from 'node:path';
import { utimes } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { parseAsOf } from '../../src/table/as-of.ts';
import { logKey } from '../../src/table/log-listing.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { readHistory } from '../../src/table/table-history.ts';
import { commitChange } from '../support/commit-change.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { changeOf, FOLDER } from './table-fixture.ts';
import { readSnapshotAsOf } from '../../src/table/read-snapshot.ts';

const vectorOf = (name: string): Record<string, unknown> => ({
  deletionVector: { storageType: 'u', pathOrInlineDv: name, offset: 1, sizeInBytes: 1, cardinality: 1 },
});
const paths = async (store: ObjectStore, version?: number): Promise<string[] | undefined> =>
  (await readSnapshot(store, FOLDER, version))?.files.map(({ add }) => add.path);

describe('deletion vectors', () => {
  const begin = async (): Promise<DeltaTable> =>
    (await DeltaTable.begin()).protocol('deletionVectors').metadata({ id: 'long' });

  test('are no hindrance as a feature that no file uses, but pixlake does not write there', async () => {
    const table = await begin();
    await table.add('a').commit();
    const { store } = table;
    expect(await paths(store)).toEqual(['a']);
    const base = await readSnapshot(store, FOLDER);
    await expect(commitChange(store, changeOf({ base }))).rejects.toMatchObject({
      code: 'TABLE_FEATURE_UNSUPPORTED',
      message: expect.stringContaining('deletionVectors'),
    });
  });

  test('of files that are in a version refuse it, those of files that are not do not', async () => {
    const table = await begin();
    await table.add('a').add('b').commit();
    // The order of actions within an entry says nothing.
    await table.add('a', vectorOf('one')).remove('a').commit();
    await table.add('a', vectorOf('two')).remove('a', vectorOf('one')).commit();
    await table.remove('a', vectorOf('two')).add('c').commit();
    const { store } = table;
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
  const table = await DeltaTable.begin();
  await table.protocol().metadata().commit();
  const { store } = table;
  expect(await readSnapshot(store, FOLDER)).toMatchObject({ schema: { fields: [] }, files: [] });
});

describe('times of commits', () => {
  const at = async (store: ObjectStore, timeMs: number): Promise<number | undefined> =>
    (await readSnapshotAsOf(store, FOLDER, parseAsOf(new Date(timeMs).toISOString())))?.version;
  const timesOf = async (store: ObjectStore): Promise<number[]> =>
    ((await readHistory(store, FOLDER, 100)) ?? [])
      .map(({ timestamp }) => Date.parse(timestamp))
      .toReversed();
  const begin = async (): Promise<DeltaTable> =>
    (await DeltaTable.begin()).protocol().metadata({ id: 'long' });

  test('that go backwards are each a millisecond later than the one before', async () => {
    const table = await begin();
    for (const timestamp of [5000, 3000, 4000, 5001, 9000]) await table.commitInfo(timestamp).commit();
    const { store } = table;
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
    const table = await begin();
    await table.commit();
    await table.commitInfo(9999, { inCommitTimestamp: 7000 }).commit();
    // The clock of its writer is a day ahead.
    const future = Date.now() + 86_400_000;
    await table.commitInfo(1, { inCommitTimestamp: future }).commit();
    const { lake, store } = table;
    await utimes(join(lake, logKey(FOLDER, 0)), 2, 2);
    expect(await timesOf(store)).toEqual([2000, 7000, future]);
    expect(await readSnapshot(store, FOLDER)).toMatchObject({ timestampMs: future });
    expect(await at(store, 7500)).toBe(1);
    const base = await readSnapshot(store, FOLDER);
    await commitChange(store, changeOf({ base }));
    const times = await timesOf(store);
    expect(times.at(-1)).toBe(future + 1);
  });
});
