import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Commit, commitTimeOf, readCommitInfo, readCommits } from '../../src/table/commit-times.ts';
import { listLog, logKey } from '../../src/table/log-listing.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { withFaults } from '../support/failing-store.ts';
import { FOLDER } from './table-fixture.ts';

describe('the time of a commit', () => {
  test.each<[Parameters<typeof commitTimeOf>, number]>([
    [[{ timestamp: 5, inCommitTimestamp: 7 }, 9], 7],
    [[{ timestamp: 5 }, 9], 5],
    [[{}, 9], 9],
    [[undefined, 9], 9],
    [[undefined], 0],
    [[{ timestamp: 5 }, 9, 4], 5],
    [[{ timestamp: 5 }, 9, 5], 6],
    [[{ timestamp: 5 }, 9, 8], 9],
  ])('of %j is %i', (args, timeMs) => {
    expect(commitTimeOf(...args)).toBe(timeMs);
  });
});

test('the commits of a long log are read once each, some at a time, in the order of their versions', async () => {
  const table = await DeltaTable.begin();
  for (let version = 0; version < 70; version++) await table.commitInfo(1000 - version, { version }).commit();
  const read: string[] = [];
  let [reading, most] = [0, 0];
  const store = withFaults(table.store, {
    async read(key) {
      read.push(key);
      reading += 1;
      most = Math.max(most, reading);
      const bytes = await table.store.read(key);
      reading -= 1;
      return bytes;
    },
  });
  const log = await listLog(store, FOLDER);
  if (log === undefined) throw new Error('there is no log');
  const entries = new Map([...log.entries].toSorted(([a], [b]) => b - a));
  const commits: Commit[] = [];
  for await (const commit of readCommits(store, FOLDER, { ...log, entries })) commits.push(commit);
  expect(commits.map(({ version }) => version)).toEqual(Array.from({ length: 70 }, (_, version) => version));
  // Each claims to be earlier than the one before it.
  expect(commits.map(({ timestampMs }) => timestampMs)).toEqual(commits.map(({ version }) => 1000 + version));
  expect(commits[69]?.commitInfo).toMatchObject({ timestamp: 931, version: 69 });
  expect(read).toEqual(commits.map(({ version }) => logKey(FOLDER, version)));
  expect(most).toBe(32);
});

describe('the description of a commit', () => {
  test('is found wherever it is in the entry, and the other actions are not looked at', async () => {
    const table = await DeltaTable.begin();
    await table
      .action({ add: { path: 7 } })
      .commitInfo(5, { operation: 'X' })
      .commit();
    expect(await readCommitInfo(table.store, FOLDER, 0)).toEqual({ timestamp: 5, operation: 'X' });
    // A path may read like it.
    await table.add('"commitInfo"').commitInfo(6).commit();
    expect(await readCommitInfo(table.store, FOLDER, 1)).toMatchObject({ timestamp: 6 });
  });

  test('may be missing, and the time of the file is that of the commit', async () => {
    const table = await DeltaTable.begin();
    await table.add('a').commit();
    expect(await readCommitInfo(table.store, FOLDER, 0)).toBeUndefined();
    await utimes(join(table.lake, logKey(FOLDER, 0)), 2, 2);
    const log = await listLog(table.store, FOLDER);
    const first = log && (await readCommits(table.store, FOLDER, log).next());
    expect(first?.value).toEqual({ version: 0, timestampMs: 2000, commitInfo: undefined });
  });

  test('that is no JSON is named by its version', async () => {
    const table = await DeltaTable.begin();
    await table.store.write(logKey(FOLDER, 3), Buffer.from('{"commitInfo":'));
    await expect(readCommitInfo(table.store, FOLDER, 3)).rejects.toMatchObject({
      code: 'TABLE_CORRUPT',
      message: expect.stringContaining('version 3 of tables/t'),
    });
  });
});
