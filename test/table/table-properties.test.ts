import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { listLog, logKey } from '../../src/table/log-listing.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import type { MetadataAction } from '../../src/table/delta-actions.ts';
import {
  checkpointIntervalOf,
  parseInterval,
  retentionOf,
  SORT_PROPERTY,
  sortColumnsOf,
} from '../../src/table/table-properties.ts';
import { commitChange } from '../support/commit-change.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { addOf, changeOf, FOLDER, SCHEMA } from './table-fixture.ts';

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
  ['interval 1 day later', undefined],
  ['x interval 1 day', undefined],
  ['interval 1 fortnight', undefined],
  ['interval +2 days', 2 * DAY],
  ['interval 10.25 seconds', 10_250],
  ['interval 3 nanoseconds 2 microseconds', 0.002003],
  ['intervals 1 day', undefined],
])('the interval %j is %s ms', (text, ms) => {
  expect(parseInterval(text)).toBe(ms);
});

const metadataOf = (configuration: Readonly<Record<string, string>>): MetadataAction => ({
  id: 'x',
  format: { provider: 'parquet', options: {} },
  schemaString: '',
  partitionColumns: [],
  configuration,
});

test.each<[string | undefined, string[]]>([
  ['["kind","id"]', ['kind', 'id']],
  ['["id"]', ['id']],
  ['[]', []],
  [undefined, []],
  ['["id","gone"]', []],
  ['["gone"]', []],
  ['"id"', []],
  ['{"length":0}', []],
  ['["id"', []],
])('a table whose property says %s is sorted by %j', (text, columns) => {
  expect(sortColumnsOf(metadataOf(text === undefined ? {} : { [SORT_PROPERTY]: text }), SCHEMA)).toEqual(
    columns,
  );
});

test.each<[string | undefined, number]>([
  [undefined, 10],
  ['1', 1],
  ['25', 25],
  ['0', 10],
  ['-1', 10],
  ['1.5', 10],
  ['often', 10],
])('with delta.checkpointInterval %s a checkpoint is due after %i versions', (text, interval) => {
  const configuration: Record<string, string> =
    text === undefined ? {} : { 'delta.checkpointInterval': text };
  expect(checkpointIntervalOf(metadataOf(configuration))).toBe(interval);
});

test('files are kept for a week and the log for 30 days, if the table does not say otherwise', () => {
  const [files, log] = ['delta.deletedFileRetentionDuration', 'delta.logRetentionDuration'] as const;
  expect([retentionOf(metadataOf({}), files), retentionOf(metadataOf({}), log)]).toEqual([7 * DAY, 30 * DAY]);
  const own = metadataOf({ [files]: 'interval 1 day', [log]: 'soon' });
  expect([retentionOf(own, files), retentionOf(own, log)]).toEqual([DAY, undefined]);
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
  ])('with delta.checkpointInterval %s after versions %j', async (interval, expected) => {
    const store = await open(interval === undefined ? {} : { 'delta.checkpointInterval': interval });
    for (let version = 1; version <= 20; version++) await commit(store);
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
