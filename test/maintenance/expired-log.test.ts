import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { type Lakehouse, openLakehouse } from '../../src/index.ts';
import { listExpiredLog } from '../../src/maintenance/expired-log.ts';
import { vacuumTable } from '../../src/maintenance/vacuum-table.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { CHECKPOINT_SCHEMA } from '../../src/table/checkpoint-schema.ts';
import { checkpointKey, logKey } from '../../src/table/log-listing.ts';
import { DeltaTable } from '../support/delta-table.ts';

const DAY = 86_400_000;
const { FOLDER } = DeltaTable;

/**
 * A table whose version n was committed `10 - n` times ten days ago and has the one file `f<n>.parquet`, with checkpoints at some versions.
 */
async function open(
  options: {
    readonly checkpoints?: readonly number[];
    readonly properties?: Readonly<Record<string, string>>;
  } = {},
): Promise<{ lakehouse: Lakehouse; lake: string; table: string }> {
  const table = await DeltaTable.begin();
  table.protocol().metadata({ id: 'long' }, { configuration: options.properties ?? {} });
  for (let version = 0; version <= 10; version++) {
    const timestamp = Date.now() - (10 - version) * 10 * DAY - 60_000;
    table.commitInfo(timestamp);
    const rows = `SELECT ${version}::BIGINT AS id`;
    await table.addRows(`f${version}.parquet`, rows, { modificationTime: timestamp });
    if (version > 0) table.remove(`f${version - 1}.parquet`, { deletionTimestamp: timestamp });
    await table.commit();
    if (options.checkpoints?.includes(version)) await table.checkpoint();
  }
  const { lake, path } = table;
  return { lakehouse: openLakehouse({ lake }), lake, table: path };
}

async function versionsOf(table: string): Promise<number[]> {
  const names = await readdir(join(table, '_delta_log'));
  return names
    .filter((name) => name.endsWith('.json'))
    .map((name) => Number(name.slice(0, 20)))
    .sort((a, b) => a - b);
}

async function filesOf(table: string): Promise<string[]> {
  const names = (await readdir(table)).filter((name) => name.endsWith('.parquet'));
  return names.map((name) => name.slice(1, -'.parquet'.length)).sort((a, b) => Number(a) - Number(b));
}

const from = (first: number): number[] => Array.from({ length: 11 - first }, (_, index) => first + index);

describe('vacuum of the log', () => {
  test.each<[string, Parameters<typeof open>[0], number | undefined, number[], number[]]>([
    ['30 days by default, from a checkpoint on', { checkpoints: [3, 6, 9] }, undefined, from(6), [9, 10]],
    [
      'as long as the property says',
      { checkpoints: [3, 6, 9], properties: { 'delta.logRetentionDuration': 'interval 65 days' } },
      undefined,
      from(3),
      [9, 10],
    ],
    [
      'forever if the property says so',
      { checkpoints: [3, 6, 9], properties: { 'delta.logRetentionDuration': 'interval 1000000000 weeks' } },
      undefined,
      from(0),
      [9, 10],
    ],
    [
      'as long as --retain says',
      { checkpoints: [3, 6, 9], properties: { 'delta.logRetentionDuration': 'interval 1 day' } },
      65,
      from(3),
      [3, 4, 5, 6, 7, 8, 9, 10],
    ],
    ['nothing but what is needed now', { checkpoints: [3, 6, 9] }, 0, from(9), [10]],
    ['all where there is no checkpoint', {}, 0, from(0), [10]],
    [
      'the files that the property says',
      { properties: { 'delta.deletedFileRetentionDuration': 'interval 3 weeks 4 days' } },
      undefined,
      from(0),
      [7, 8, 9, 10],
    ],
  ])('keeps %s', async (_name, options, retainDays, versions, files) => {
    const { lakehouse, table } = await open(options);
    const spec = { table: 't', ...(retainDays === undefined ? {} : { retainMs: retainDays * DAY }) };
    const planned = await lakehouse.tables.vacuum({ ...spec, isDryRun: true });
    expect(await versionsOf(table)).toEqual(from(0));
    const report = await lakehouse.tables.vacuum(spec);
    expect(report.removedLogKeys).toEqual(planned.removedLogKeys);
    expect(await versionsOf(table)).toEqual(versions);
    expect(await filesOf(table)).toEqual(files.map(String));
    expect((await lakehouse.tables.verify('t', true)).problems).toEqual([]);
    expect((await lakehouse.tables.history('t')).map(({ version }) => version)).toEqual(
      versions.toReversed(),
    );
    if ((versions[0] ?? 0) > 0) {
      const gone = lakehouse.tables.files('t', 'v2');
      await expect(gone).rejects.toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
    }
    expect((await lakehouse.tables.vacuum(spec)).removedLogKeys).toEqual([]);
  });

  test('does not rely on a checkpoint that is damaged', async () => {
    const { lakehouse, table } = await open({ checkpoints: [3, 6] });
    await writeFile(join(table, '_delta_log/00000000000000000006.checkpoint.parquet'), 'PAR1');
    await lakehouse.tables.vacuum({ table: 't', retainMs: 0 });
    expect(await versionsOf(table)).toEqual(from(3));
    expect(await lakehouse.tables.files('t')).toMatchObject({ version: 10 });
  });

  test('does not rely on a checkpoint whose files are named in sidecars', async () => {
    const { lakehouse, table } = await open({ checkpoints: [3, 6, 9] });
    const path = join(table, '_delta_log/00000000000000000006.checkpoint.parquet');
    const connection = await (await DuckDBInstance.create()).connect();
    await connection.run(`CREATE TABLE actions AS SELECT * FROM read_parquet('${path}') WHERE add IS NULL`);
    await connection.run(`COPY (FROM actions UNION ALL BY NAME
      SELECT {path: 'files.parquet', sizeInBytes: 1, modificationTime: 0} AS sidecar) TO '${path}' (FORMAT parquet)`);
    await lakehouse.tables.vacuum({ table: 't', retainMs: 35 * DAY });
    expect(await versionsOf(table)).toEqual(from(3));
    expect(await lakehouse.tables.files('t')).toMatchObject({ version: 10 });
  });

  test('keeps versions that are pinned, with their files', async () => {
    const { lake, table } = await open({ checkpoints: [3, 6, 9] });
    const store = openStore(lake);
    const asked: string[] = [];
    const pinnedVersions = async (folder: string): Promise<number[]> => {
      asked.push(folder);
      return [7, 4, 99];
    };
    await vacuumTable({ store, software: 'test', pinnedVersions }, { table: 't', retainMs: 0 });
    expect(asked).toEqual([FOLDER]);
    expect(await versionsOf(table)).toEqual(from(3));
    expect(await filesOf(table)).toEqual(['4', '7', '10']);
  });

  test('asks for --retain where a property cannot be read,', async () => {
    const properties = { 'delta.logRetentionDuration': 'interval 1 month' };
    const { lakehouse, table } = await open({ checkpoints: [3], properties });
    await expect(lakehouse.tables.vacuum({ table: 't' })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringContaining('delta.logRetentionDuration'),
    });
    await lakehouse.tables.vacuum({ table: 't', retainMs: 65 * DAY });
    expect(await versionsOf(table)).toEqual(from(3));
  });

  test('is for tables that pixlake may write', async () => {
    const table = await DeltaTable.begin();
    await table.protocol('deletionVectors').metadata({ id: 'long' }).commit();
    await expect(openLakehouse({ lake: table.lake }).tables.vacuum({ table: 't' })).rejects.toMatchObject({
      code: 'TABLE_FEATURE_UNSUPPORTED',
    });
  });
});

describe('log entries are expired', () => {
  /** A table of versions 0 to 6, whose version n was committed at n ms, with checkpoints of 2 and 4. */
  async function makeLog(): Promise<DeltaTable> {
    const table = await DeltaTable.begin();
    table.protocol().metadata({ id: 'long' });
    for (let version = 0; version <= 6; version++) {
      await table.commitInfo(version).commit();
      if (version === 2 || version === 4) await table.checkpoint();
    }
    return table;
  }
  const times = new Map(Array.from({ length: 7 }, (_, version) => [version, version]));
  const TWO = [logKey(FOLDER, 0), logKey(FOLDER, 1)];
  const FOUR = [...TWO, checkpointKey(FOLDER, 2), logKey(FOLDER, 2), logKey(FOLDER, 3)];

  test.each<[string, Partial<Parameters<typeof listExpiredLog>[2]>, string[]]>([
    ['before the checkpoint of the version that was current', { cutoffMs: 5 }, FOUR],
    ['before a checkpoint that is that version', { cutoffMs: 4 }, FOUR],
    ['before an older one', { cutoffMs: 3.9 }, TWO],
    ['not where there is none so old', { cutoffMs: 1 }, []],
    ['not where no version is so old', { cutoffMs: -1 }, []],
    ['before a version that is pinned', { cutoffMs: 6, pinned: [5, 3] }, TWO],
    ['before a version that is older than those that are pinned', { cutoffMs: 4, pinned: [6] }, FOUR],
    ['not where the first version is pinned', { cutoffMs: 6, pinned: [0] }, []],
    [
      'by the times of the log, which need not begin with version 0',
      {
        cutoffMs: 5,
        times: new Map([
          [3, 3],
          [4, 9],
        ]),
      },
      TWO,
    ],
  ])('%s', async (_, options, expected) => {
    const { store } = await makeLog();
    expect(await listExpiredLog(store, FOLDER, { times, cutoffMs: 0, pinned: [], ...options })).toEqual(
      expected,
    );
  });

  test.each<[string, readonly object[]]>([
    ['is torn', []],
    ['has no metadata', [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }]],
    ['has no protocol', [{ metaData: { id: 'x', schemaString: '{}', partitionColumns: [] } }]],
  ])('not before a checkpoint that %s', async (_, actions) => {
    const { store } = await makeLog();
    const names = ['txn', 'add', 'remove', 'metaData', 'protocol'];
    const columnData = names.map((name) => ({
      name,
      data: actions.map((action) => (action as Record<string, unknown>)[name] ?? null),
    }));
    const bytes =
      actions.length === 0
        ? 'PAR1'
        : Buffer.from(parquetWriteBuffer({ columnData, schema: CHECKPOINT_SCHEMA }));
    await store.write(checkpointKey(FOLDER, 4), Buffer.from(bytes));
    expect(await listExpiredLog(store, FOLDER, { times, cutoffMs: 6, pinned: [] })).toEqual(TWO);
  });
});
