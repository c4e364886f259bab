import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { parseAsOf } from '../../src/table/as-of.ts';
import { CHECKPOINT_SCHEMA } from '../../src/table/checkpoint-schema.ts';
import { checkpointKey, lastCheckpointKey, logKey } from '../../src/table/log-listing.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { readStats, rowCountOf } from '../../src/table/snapshot.ts';
import { readHistory } from '../../src/table/table-history.ts';
import { writeCheckpoint } from '../../src/table/write-checkpoint.ts';
import { commitChange } from '../support/commit-change.ts';
import { writeEntry } from '../support/delta-table.ts';
import { addOf, changeOf, FOLDER, openTable } from './table-fixture.ts';
import { readSnapshotAsOf } from '../../src/table/read-snapshot.ts';

/** Commits until the table is at a version; version 5 takes the first file out. */
async function commitUntil(store: ObjectStore, last: number): Promise<void> {
  for (let version = 1; version <= last; version++) {
    const base = await readSnapshot(store, FOLDER);
    await commitChange(
      store,
      changeOf({
        base,
        added: [{ ...addOf(`kind=x%2520y/f${version}.parquet`), partitionValues: { kind: 'x y' } }],
        removed: version === 5 ? (base?.files.slice(0, 1) ?? []) : [],
        once: { appId: 'app', version },
      }),
    );
  }
}

async function removeEntries(folder: string, first: number, last: number): Promise<void> {
  for (let version = first; version <= last; version++) await rm(join(folder, logKey(FOLDER, version)));
}

describe('a checkpoint', () => {
  test('follows the tenth commit and holds all that the entries before it say', async () => {
    const { store, folder } = await openTable();
    await commitUntil(store, 12);
    const [whole, tenth] = [await readSnapshot(store, FOLDER), await readSnapshot(store, FOLDER, 10)];
    const hint = JSON.parse(await readFile(join(folder, lastCheckpointKey(FOLDER)), 'utf8')) as object;
    expect(hint).toMatchObject({ version: 10, numOfAddFiles: 11, size: 11 + 4 });
    await removeEntries(folder, 0, 10);
    const fromCheckpoint = await readSnapshot(store, FOLDER);
    const withoutChange = (snapshot: typeof whole) =>
      snapshot && {
        ...snapshot,
        files: snapshot.files
          .map(({ add, ...file }) => ({ ...file, add: { ...add, dataChange: true } }))
          .sort((a, b) => (a.key < b.key ? -1 : 1)),
        removed: snapshot.removed.map((remove) => ({ ...remove, dataChange: true })),
      };
    expect(withoutChange(fromCheckpoint)).toEqual(withoutChange(whole));
    expect(fromCheckpoint?.transactions.get('app')).toBe(12);
    expect(fromCheckpoint?.removed).toHaveLength(1);
    expect((await readSnapshot(store, FOLDER, 10))?.files).toHaveLength(tenth?.files.length ?? 0);
    await expect(readSnapshot(store, FOLDER, 9)).rejects.toMatchObject({
      code: 'SNAPSHOT_NOT_FOUND',
      message: expect.stringContaining('its oldest version is 10'),
    });
  });

  test('knows files that were taken out by their deletion vectors too', async () => {
    const { store, folder } = await openTable();
    const deletionVector = { storageType: 'u', pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^', offset: 4 };
    const vector = { ...deletionVector, sizeInBytes: 40, cardinality: 6 };
    const removed = { path: 'a.parquet', dataChange: true, deletionTimestamp: Date.now() };
    const versions = [
      [{ remove: removed }, { add: { ...addOf('a.parquet'), deletionVector: vector } }],
      [{ remove: { ...removed, deletionVector: vector } }, { add: addOf('a.parquet') }],
    ];
    for (const [index, actions] of versions.entries())
      await writeEntry(join(folder, FOLDER), index + 1, actions);
    const snapshot = await readSnapshot(store, FOLDER);
    if (snapshot === undefined) throw new Error('there is no table');
    expect(snapshot.removed).toMatchObject([{ path: 'a.parquet', deletionVector: vector }]);
    await writeCheckpoint(store, snapshot);
    await removeEntries(folder, 0, 2);
    const again = await readSnapshot(store, FOLDER);
    expect(again?.removed).toEqual(snapshot.removed.map((remove) => ({ ...remove, dataChange: false })));
    expect(again?.files.map(({ add }) => add.path).sort()).toEqual(['a.parquet', 'kind=x%2520y/b.parquet']);
  });

  test('is Parquet that another reader reads, with maps and lists', async () => {
    const { store, folder } = await openTable();
    await commitUntil(store, 10);
    using db = await openDuckDb({ scratchDir: folder });
    const path = quoteText(join(folder, checkpointKey(FOLDER, 10)));
    const [counts] = await db.rows(
      `SELECT count(add.path) AS adds, count(remove.path) AS removes, count(txn.appId) AS txns,
              any_value(metaData.partitionColumns) AS partitions, any_value(protocol.minWriterVersion) AS writer,
              count(*) FILTER (WHERE add.partitionValues['kind'] = 'x y') AS spaced
       FROM read_parquet(${path})`,
    );
    expect(counts).toEqual({
      adds: 11n,
      removes: 1n,
      txns: 1n,
      partitions: ['kind'],
      writer: 2,
      spaced: 10n,
    });
  });

  test('that is damaged is passed over as long as the entries are there', async () => {
    const { store, folder } = await openTable();
    await commitUntil(store, 11);
    await writeFile(join(folder, checkpointKey(FOLDER, 10)), 'PAR1 not really PAR1');
    await writeFile(join(folder, lastCheckpointKey(FOLDER)), 'nonsense');
    expect((await readSnapshot(store, FOLDER))?.files).toHaveLength(12);
    await removeEntries(folder, 0, 3);
    await expect(readSnapshot(store, FOLDER)).rejects.toMatchObject({
      code: 'TABLE_CORRUPT',
      message: expect.stringContaining('checkpoint'),
    });
  });

  test('in several parts is read when all of them are there', async () => {
    const { store, folder } = await openTable();
    await commitUntil(store, 10);
    const log = join(folder, FOLDER, '_delta_log');
    const part = (number: number): string =>
      join(log, `00000000000000000010.checkpoint.000000000${number}.0000000002.parquet`);
    await rename(join(folder, checkpointKey(FOLDER, 10)), part(1));
    const columnData = CHECKPOINT_SCHEMA.filter(({ num_children: children }, index) => index > 0 && children)
      .filter(({ name }) => ['txn', 'add', 'remove', 'metaData', 'protocol'].includes(name))
      .map(({ name }) => ({
        name,
        data: [
          name === 'add'
            ? { path: 'second.parquet', partitionValues: { kind: null }, size: 1n, modificationTime: 0n }
            : null,
        ],
      }));
    await removeEntries(folder, 0, 9);
    await rm(join(folder, logKey(FOLDER, 10)));
    await expect(readSnapshot(store, FOLDER)).resolves.toBeUndefined();
    await writeFile(part(2), Buffer.from(parquetWriteBuffer({ columnData, schema: CHECKPOINT_SCHEMA })));
    const snapshot = await readSnapshot(store, FOLDER);
    expect(snapshot).toMatchObject({ version: 10 });
    expect(snapshot?.files).toHaveLength(12);
    expect(snapshot?.files.at(-1)).toMatchObject({
      key: `${FOLDER}/second.parquet`,
      partitionValues: { kind: null },
    });
  });

  test('of another format is asked for by the name of its feature', async () => {
    const { store, folder } = await openTable();
    await rm(join(folder, logKey(FOLDER, 0)));
    const name = '00000000000000000000.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json';
    await writeFile(join(folder, FOLDER, '_delta_log', name), '{}');
    await expect(readSnapshot(store, FOLDER)).rejects.toMatchObject({
      code: 'TABLE_FEATURE_UNSUPPORTED',
      message: expect.stringContaining('v2Checkpoint'),
    });
  });

  test('with statistics as columns only is read with their counts and bounds', async () => {
    const { store, folder } = await openTable();
    using db = await openDuckDb({ scratchDir: folder });
    const { metadata, protocol } = (await readSnapshot(store, FOLDER)) ?? {};
    await db.run(`
      COPY (
        SELECT {'minReaderVersion': ${protocol?.minReaderVersion}, 'minWriterVersion': 2} AS protocol, NULL AS add,
               {'id': 'x', 'schemaString': ${quoteText(metadata?.schemaString ?? '')}, 'partitionColumns': ['kind']} AS metaData
        UNION ALL BY NAME
        SELECT {'path': 'a.parquet', 'partitionValues': MAP {'kind': 'a'}, 'size': 10, 'modificationTime': 0, 'dataChange': false,
                'stats_parsed': {'numRecords': 9, 'minValues': {'id': 3}, 'maxValues': {'id': 8}, 'nullCount': {'id': 1}}} AS add)
      TO ${quoteText(join(folder, checkpointKey(FOLDER, 3)))} (FORMAT parquet)`);
    const snapshot = await readSnapshot(store, FOLDER);
    const [file] = snapshot?.files ?? [];
    expect(file && rowCountOf(file)).toBe(9);
    expect(file && readStats(file)).toMatchObject({ minValues: { id: 3 }, maxValues: { id: 8 } });
  });
});

describe('a log that others wrote', () => {
  test('may hold actions, fields and files that pixlake does not know', async () => {
    const { store, folder } = await openTable();
    const log = join(folder, FOLDER, '_delta_log');
    const lines = [
      { commitInfo: { timestamp: 5, operation: 'SOMETHING', operationParameters: { a: [1] }, extra: {} } },
      { cdc: { path: '_change_data/x.parquet', partitionValues: {}, size: 1, dataChange: false } },
      { txn: { appId: 'spark', version: 3, lastUpdated: 1 } },
      { remove: { path: 'a.parquet', dataChange: true } },
      {
        add: {
          path: 'b.parquet',
          partitionValues: { kind: '' },
          size: 4,
          modificationTime: 1,
          dataChange: true,
          stats: null,
          baseRowId: 3,
          newField: {},
        },
      },
      { unheardOf: 1 },
    ];
    await writeFile(
      join(log, '00000000000000000001.json'),
      `\n${lines.map((line) => JSON.stringify(line)).join('\r\n')}`,
    );
    await writeFile(join(log, '00000000000000000001.crc'), '{}');
    await writeFile(join(log, '00000000000000000000.00000000000000000001.compacted.json'), '{}');
    await writeFile(join(log, '.00000000000000000001.json.tmp'), '{');
    const snapshot = await readSnapshot(store, FOLDER);
    expect(snapshot).toMatchObject({ version: 1 });
    expect(snapshot?.files.map(({ add }) => add.path)).toEqual(['kind=x%2520y/b.parquet', 'b.parquet']);
    expect(snapshot?.transactions.get('spark')).toBe(3);
  });

  test.each([
    [{ add: { size: 1 } }, 'add.path'],
    [{ add: { path: 'x', size: 'big', partitionValues: {} } }, 'add.size'],
    [{ protocol: { minReaderVersion: 1 } }, 'minWriterVersion'],
    [{ metaData: { id: 'x', schemaString: 7 } }, 'schemaString'],
    ['a text', 'action'],
  ])('with %j in it is corrupt, and the message says where', async (action, place) => {
    const { store } = await openTable();
    await store.write(logKey(FOLDER, 1), Buffer.from(JSON.stringify(action)));
    await expect(readSnapshot(store, FOLDER)).rejects.toMatchObject({
      code: 'TABLE_CORRUPT',
      message: expect.stringContaining(place),
    });
  });

  test.each<[string, object, string]>([
    [
      'features in the protocol',
      { protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['columnMapping', 'x'] } },
      'columnMapping, x',
    ],
    [
      'a deletion vector on a file',
      {
        add: { path: 'x', size: 1, partitionValues: {}, deletionVector: { storageType: 'u' } },
      },
      'deletionVectors',
    ],
    [
      'column mapping',
      {
        metaData: {
          id: 'x',
          schemaString: '{"type":"struct","fields":[]}',
          configuration: { 'delta.columnMapping.mode': 'name' },
        },
      },
      'columnMapping',
    ],
    ['a sidecar', { sidecar: { path: 'x' } }, 'v2Checkpoint'],
    ['a newer protocol', { protocol: { minReaderVersion: 4, minWriterVersion: 7 } }, 'reader version 4'],
    [
      'a type that is unknown',
      {
        metaData: {
          id: 'x',
          schemaString: '{"type":"struct","fields":[{"name":"v","type":"variant","nullable":true}]}',
        },
      },
      'variant',
    ],
    [
      'a partition column of type binary',
      {
        metaData: {
          id: 'x',
          schemaString: '{"type":"struct","fields":[{"name":"v","type":"binary","nullable":true}]}',
          partitionColumns: ['v'],
        },
      },
      'binary',
    ],
    [
      'another file format',
      {
        metaData: { id: 'x', format: { provider: 'orc' }, schemaString: '{"type":"struct","fields":[]}' },
      },
      'format orc',
    ],
    ['a file elsewhere', { add: { path: 's3://other/x', size: 1, partitionValues: {} } }, 's3://other/x'],
  ])('with %s is refused by name', async (_, action, feature) => {
    const { store } = await openTable();
    await store.write(logKey(FOLDER, 1), Buffer.from(JSON.stringify(action)));
    await expect(readSnapshot(store, FOLDER)).rejects.toMatchObject({
      code: 'TABLE_FEATURE_UNSUPPORTED',
      message: expect.stringContaining(feature),
    });
  });

  test('with statistics that are no JSON has none', async () => {
    const { store } = await openTable();
    const add = { ...addOf('c.parquet'), stats: '{"numRecords": ' };
    await store.write(logKey(FOLDER, 1), Buffer.from(JSON.stringify({ add })));
    const files = (await readSnapshot(store, FOLDER))?.files ?? [];
    expect(files.map(rowCountOf)).toEqual([3, 4, undefined]);
  });
});

describe('versions', () => {
  test('are listed with time, operation and metrics, newest first', async () => {
    const { store } = await openTable();
    await commitUntil(store, 3);
    const history = await readHistory(store, FOLDER, 2);
    expect(history).toMatchObject([
      { version: 3, operation: 'WRITE', metrics: { numAddedRows: '1' }, software: 'pixlake/test' },
      { version: 2 },
    ]);
    expect(await readHistory(store, 'tables/none', 5)).toBeUndefined();
  });

  test('are found by number and by time', async () => {
    const { store } = await openTable();
    await commitUntil(store, 7);
    const history = (await readHistory(store, FOLDER, 100)) ?? [];
    const at = async (text: string): Promise<number | undefined> =>
      (await readSnapshotAsOf(store, FOLDER, parseAsOf(text)))?.version;
    expect(history).toHaveLength(8);
    for (const { version, timestamp } of history) expect(await at(timestamp)).toBe(version);
    expect(await at('v3')).toBe(3);
    expect(await at('0')).toBe(0);
    expect(await at('2999-01-01')).toBe(7);
    await expect(at('2001-01-01')).rejects.toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
    await expect(at('8')).rejects.toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
  });
});
