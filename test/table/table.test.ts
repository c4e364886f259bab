import { join } from 'node:path';
import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { logKey } from '../../src/table/log-listing.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { rowCountOf } from '../../src/table/snapshot.ts';
import { commitChange } from '../support/commit-change.ts';
import { addOf, changeOf, FOLDER, openTable, SCHEMA } from './table-fixture.ts';

describe('a table', () => {
  test('a commit is read back: schema, partitions, files by their keys', async () => {
    const { store } = await openTable();
    const snapshot = await readSnapshot(store, FOLDER);
    expect(snapshot).toMatchObject({ version: 0, schema: SCHEMA, partitionColumns: ['kind'] });
    expect(snapshot?.files.map((file) => [file.key, rowCountOf(file), file.sizeBytes])).toEqual([
      ['tables/t/a.parquet', 3, 10],
      ['tables/t/kind=x%20y/b.parquet', 4, 10],
    ]);
    expect(await readSnapshot(store, 'tables/none')).toBeUndefined();
  });

  test('the log entry is as the protocol wants it', async () => {
    const { store } = await openTable();
    const lines = (await store.read(logKey(FOLDER, 0))).toString().trimEnd().split('\n');
    const actions = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(actions.map((action) => Object.keys(action).join())).toEqual([
      'commitInfo',
      'protocol',
      'metaData',
      'add',
      'add',
    ]);
    expect(actions[1]).toEqual({ protocol: { minReaderVersion: 1, minWriterVersion: 2 } });
    expect(logKey(FOLDER, 12)).toBe('tables/t/_delta_log/00000000000000000012.json');
  });

  test('files that were removed are gone from newer snapshots and there in older ones', async () => {
    const { store } = await openTable();
    const base = await readSnapshot(store, FOLDER);
    const removed = base?.files.slice(0, 1) ?? [];
    expect(await commitChange(store, changeOf({ base, added: [addOf('c.parquet')], removed }))).toBe(1);
    const names = async (version?: number): Promise<string[] | undefined> =>
      (await readSnapshot(store, FOLDER, version))?.files.map(({ add }) => add.path);
    expect(await names()).toEqual(['kind=x%2520y/b.parquet', 'c.parquet']);
    expect(await names(0)).toEqual(['a.parquet', 'kind=x%2520y/b.parquet']);
    for (const version of [2, -1])
      await expect(names(version)).rejects.toMatchObject({
        code: 'SNAPSHOT_NOT_FOUND',
        message: `tables/t has no version ${version}; its newest is 1`,
      });
  });

  test('a log with a gap, with garbage or without metadata is refused, not guessed at', async () => {
    const { store, folder } = await openTable();
    const log = (version: number): string => join(folder, logKey(FOLDER, version));
    await writeFile(log(2), '{"commitInfo":{}}\n');
    await expect(readSnapshot(store, FOLDER)).rejects.toMatchObject({
      code: 'TABLE_CORRUPT',
      message: 'the log of tables/t lacks version 1 of 2',
    });
    await rm(log(2));
    await writeFile(log(1), '{"add": {"path"');
    await expect(readSnapshot(store, FOLDER)).rejects.toMatchObject({ code: 'TABLE_CORRUPT' });
    await rm(log(1));
    await writeFile(log(0), '{"commitInfo":{}}\n');
    await expect(readSnapshot(store, FOLDER)).rejects.toMatchObject({ code: 'TABLE_CORRUPT' });
  });
});
