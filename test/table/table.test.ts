import { join } from 'node:path';
import { rm, writeFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { commitTable, type TableChange } from '../../src/table/commit-table.ts';
import { decodeDataPath, encodeDataPath } from '../../src/table/data-path.ts';
import type { AddAction } from '../../src/table/delta-actions.ts';
import { type DeltaStruct, deltaField } from '../../src/table/delta-schema.ts';
import { logKey, readSnapshot } from '../../src/table/read-snapshot.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const SCHEMA: DeltaStruct = {
  type: 'struct',
  fields: [deltaField('id', 'long'), deltaField('kind', 'string')],
};
const FOLDER = 'tables/t';

function addOf(path: string, rowCount = 1): AddAction {
  const stats = JSON.stringify({ numRecords: rowCount, minValues: {}, maxValues: {}, nullCount: {} });
  return { path, partitionValues: { kind: 'a' }, size: 10, modificationTime: 0, dataChange: true, stats };
}

function changeOf(change: Partial<TableChange>): TableChange {
  return {
    folder: FOLDER,
    base: undefined,
    schema: SCHEMA,
    partitionColumns: ['kind'],
    added: [],
    removed: [],
    operation: 'WRITE',
    parameters: {},
    metrics: { numAddedRows: 1 },
    engine: 'pixlake/test',
    ...change,
  };
}

async function openTable(): Promise<{ store: ObjectStore; folder: string }> {
  const folder = await makeTestFolder();
  const store = openLocalStore(folder);
  await commitTable(store, changeOf({ added: [addOf('a.parquet', 3), addOf('kind=x%2520y/b.parquet', 4)] }));
  return { store, folder };
}

describe('a table', () => {
  test('a commit is read back: schema, partitions, files by their keys', async () => {
    const { store } = await openTable();
    const snapshot = await readSnapshot(store, FOLDER);
    expect(snapshot).toMatchObject({ version: 0, schema: SCHEMA, partitionColumns: ['kind'] });
    expect(snapshot?.files.map(({ key, rowCount, sizeBytes }) => ({ key, rowCount, sizeBytes }))).toEqual([
      { key: 'tables/t/a.parquet', rowCount: 3, sizeBytes: 10 },
      { key: 'tables/t/kind=x%20y/b.parquet', rowCount: 4, sizeBytes: 10 },
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
    expect(await commitTable(store, changeOf({ base, added: [addOf('c.parquet')], removed }))).toBe(1);
    const names = async (version?: number): Promise<string[] | undefined> =>
      (await readSnapshot(store, FOLDER, version))?.files.map(({ add }) => add.path);
    expect(await names()).toEqual(['kind=x%2520y/b.parquet', 'c.parquet']);
    expect(await names(0)).toEqual(['a.parquet', 'kind=x%2520y/b.parquet']);
    await expect(names(2)).rejects.toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
  });

  test('of two commits on one version one gets a conflict and nothing of it is seen', async () => {
    const { store } = await openTable();
    const base = await readSnapshot(store, FOLDER);
    const commits = ['x.parquet', 'y.parquet'].map((path) =>
      commitTable(store, changeOf({ base, added: [addOf(path)] })),
    );
    const outcomes = await Promise.allSettled(commits);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'COMMIT_CONFLICT' },
    });
    expect((await readSnapshot(store, FOLDER))?.files).toHaveLength(3);
  });

  test('a log with a gap, with garbage or without metadata is refused, not guessed at', async () => {
    const { store, folder } = await openTable();
    const log = (version: number): string => join(folder, logKey(FOLDER, version));
    await writeFile(log(2), '{"commitInfo":{}}\n');
    await expect(readSnapshot(store, FOLDER)).rejects.toMatchObject({
      code: 'TABLE_CORRUPT',
      message: expect.stringContaining('version 1'),
    });
    await rm(log(2));
    await writeFile(log(1), '{"add": {"path"');
    await expect(readSnapshot(store, FOLDER)).rejects.toMatchObject({ code: 'TABLE_CORRUPT' });
    await rm(log(1));
    await writeFile(log(0), '{"commitInfo":{}}\n');
    await expect(readSnapshot(store, FOLDER)).rejects.toMatchObject({ code: 'TABLE_CORRUPT' });
  });

  test('a table that needs newer features is refused by their names', async () => {
    const { store, folder } = await openTable();
    const protocol = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['deletionVectors'],
      writerFeatures: ['deletionVectors', 'rowTracking'],
    };
    await writeFile(join(folder, logKey(FOLDER, 1)), `${JSON.stringify({ protocol })}\n`);
    await expect(readSnapshot(store, FOLDER)).rejects.toMatchObject({
      code: 'TABLE_FEATURE_UNSUPPORTED',
      message: expect.stringContaining('deletionVectors, rowTracking'),
    });
  });

  test('property: any path survives its way through the log', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('a', '%', ' ', '#', '?', 'ü', '/', '=', '+', '&', '2', '0'),
          minLength: 1,
        }),
        (path) => {
          expect(decodeDataPath(encodeDataPath(path))).toBe(path);
          expect(encodeDataPath(path)).toMatch(/^[\w%/=+&.-]*$/u);
        },
      ),
      { seed: 1, numRuns: 1000 },
    );
    expect(encodeDataPath('c=Personal%20Care/x.parquet')).toBe('c=Personal%2520Care/x.parquet');
  });
});
