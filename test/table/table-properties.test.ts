import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { listLog, logKey } from '../../src/table/log-listing.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { parseInterval } from '../../src/table/table-properties.ts';
import { commitChange } from '../support/commit-change.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { addOf, changeOf, FOLDER } from './table-fixture.ts';

const DAY = 86_400_000;

test.each<[string, number | undefined]>([
  ['interval 7 days', 7 * DAY],
  ['interval 1 week 2 days', 9 * DAY],
  ['7 days', 7 * DAY],
  ['INTERVAL 1 DAY', DAY],
  [' interval  168   hours ', 7 * DAY],
  ["interval '2' hours", 7_200_000],
  ['interval 1 minute 30 seconds 5 milliseconds', 90_005],
  ['interval 1000000000 weeks', 7e9 * DAY],
  ['interval 0 days', 0],
  ['interval 1.5 seconds', 1500],
  ['interval 1 month', undefined],
  ['interval -1 days', undefined],
  ['interval days', undefined],
  ['interval 5', undefined],
  ['interval', undefined],
  ['', undefined],
  ['soon', undefined],
])('the interval %j is %s ms', (text, ms) => {
  expect(parseInterval(text)).toBe(ms);
});

async function open(configuration: Readonly<Record<string, string>> = {}): Promise<ObjectStore> {
  const table = await DeltaTable.begin();
  table.protocol().metadata({ id: 'long', kind: 'string' }, { partitionColumns: ['kind'], configuration });
  await table.commit();
  return table.store;
}

async function commit(store: ObjectStore, change: Parameters<typeof changeOf>[0] = {}): Promise<number> {
  return commitChange(store, changeOf({ base: await readSnapshot(store, FOLDER), ...change }));
}

async function checkpointsOf(store: ObjectStore): Promise<number[]> {
  return ((await listLog(store, FOLDER))?.checkpoints ?? []).map(({ version }) => version).toReversed();
}

/** An entry of a writer that makes no checkpoints. */
async function commitElsewhere(store: ObjectStore, version: number): Promise<void> {
  const line = JSON.stringify({ commitInfo: { timestamp: Date.now(), operation: 'WRITE' } });
  expect(await store.writeIfAbsent(logKey(FOLDER, version), Buffer.from(line))).toBe(true);
}

describe('a checkpoint is due', () => {
  test.each<[string | undefined, number[]]>([
    [undefined, [10, 20]],
    ['4', [4, 8, 12, 16, 20]],
    ['1', Array.from({ length: 21 }, (_, index) => index + 1)],
    ['0', [10, 20]],
    ['often', [10, 20]],
  ])('with delta.checkpointInterval %s after versions %j', async (interval, expected) => {
    const store = await open(interval === undefined ? {} : { 'delta.checkpointInterval': interval });
    for (let version = 1; version <= 21; version++) await commit(store);
    expect(await checkpointsOf(store)).toEqual(expected);
  });

  test('by the versions since the last one, whoever wrote them', async () => {
    const store = await open();
    for (let version = 1; version <= 13; version++) await commitElsewhere(store, version);
    await commit(store);
    expect(await checkpointsOf(store)).toEqual([14]);
    for (let version = 15; version <= 23; version++) await commitElsewhere(store, version);
    await commit(store);
    expect(await checkpointsOf(store)).toEqual([14, 24]);
  });

  test('by the version that a commit got in the end, after it lost races', async () => {
    const store = await open();
    const base = await readSnapshot(store, FOLDER);
    for (let version = 1; version <= 10; version++) await commitElsewhere(store, version);
    expect(await commitChange(store, changeOf({ base, added: [addOf('late.parquet')] }))).toBe(11);
    expect(await checkpointsOf(store)).toEqual([11]);
  });
});

test.each<[string | undefined, number]>([
  [undefined, 1],
  ['interval 1 day', 0],
  ['interval 3 weeks', 2],
  ['no interval', 2],
])(
  'with delta.deletedFileRetentionDuration %s a checkpoint keeps %i removed files',
  async (retention, count) => {
    const store = await open({
      'delta.checkpointInterval': '3',
      ...(retention === undefined ? {} : { 'delta.deletedFileRetentionDuration': retention }),
    });
    const agesMs = [2 * DAY, 14 * DAY];
    await commit(store, { added: agesMs.map((age) => addOf(`${age}.parquet`)) });
    const removes = agesMs.map((age) => ({
      remove: { path: `${age}.parquet`, deletionTimestamp: Date.now() - age, dataChange: true },
    }));
    const lines = removes.map((remove) => JSON.stringify(remove)).join('\n');
    expect(await store.writeIfAbsent(logKey(FOLDER, 2), Buffer.from(lines))).toBe(true);
    await commit(store);
    expect(await checkpointsOf(store)).toEqual([3]);
    await store.deleteMany([0, 1, 2, 3].map((version) => logKey(FOLDER, version)));
    expect((await readSnapshot(store, FOLDER))?.removed).toHaveLength(count);
    expect(
      (await readdir(join(store.uri, FOLDER, '_delta_log'))).filter((name) => name.endsWith('.json')),
    ).toEqual([]);
  },
);
