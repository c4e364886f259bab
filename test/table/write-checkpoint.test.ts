import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sha256Of } from '../../src/storage/hash-file.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { DeltaAction } from '../../src/table/delta-actions.ts';
import { readCheckpoint } from '../../src/table/read-checkpoint.ts';
import type { Snapshot } from '../../src/table/snapshot.ts';
import { isCheckpointDue, writeCheckpoint } from '../../src/table/write-checkpoint.ts';
import { duckDb } from '../support/delta-table.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { addOf, SCHEMA } from './table-fixture.ts';

const metadata = {
  id: 'x',
  name: 'n',
  description: 'd',
  format: { provider: 'parquet', options: { o: 'p' } },
  schemaString: JSON.stringify(SCHEMA),
  partitionColumns: ['kind', 'more'],
  configuration: { a: 'b', c: '' },
  createdTime: 5,
};

const SNAPSHOT: Snapshot = {
  folder: 't',
  version: 7,
  checkpointVersion: 0,
  timestampMs: 1_000_000_000,
  schema: SCHEMA,
  partitionColumns: [],
  metadata,
  protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['f'], writerFeatures: ['f', 'g'] },
  files: [],
  removed: [],
  transactions: new Map(),
};

const filesOf = (...adds: readonly Snapshot['files'][number]['add'][]): Snapshot['files'] =>
  adds.map((add) => ({ key: add.path, sizeBytes: add.size, partitionValues: add.partitionValues, add }));

const KEY = 't/_delta_log/00000000000000000007.checkpoint.parquet';

/** The actions of a checkpoint that was written, and the hint beside it. */
async function write(
  snapshot: Partial<Snapshot>,
): Promise<{ actions: DeltaAction[]; hint: object; bytes: Buffer }> {
  const store = openLocalStore(await makeTestFolder());
  await writeCheckpoint(store, { ...SNAPSHOT, ...snapshot });
  const actions: DeltaAction[] = [];
  for await (const action of readCheckpoint(store, KEY)) actions.push(action);
  const hint = JSON.parse((await store.read('t/_delta_log/_last_checkpoint')).toString()) as object;
  return { actions, hint, bytes: await store.read(KEY) };
}

test.each([
  [7, 0, {}, false],
  [10, 0, {}, true],
  [19, 10, {}, false],
  [20, 10, {}, true],
  [25, 10, {}, true],
  [12, 10, { 'delta.checkpointInterval': '2' }, true],
  [11, 10, { 'delta.checkpointInterval': '2' }, false],
])(
  'at version %i after a checkpoint of %i with %j one is due: %s',
  (version, checkpointVersion, configuration, isDue) => {
    expect(isCheckpointDue({ version, checkpointVersion, metadata: { ...metadata, configuration } })).toBe(
      isDue,
    );
  },
);

describe('a checkpoint', () => {
  const deletionVector = { storageType: 'u', pathOrInlineDv: 'v', offset: 1, sizeInBytes: 2, cardinality: 3 };
  const removed = [
    {
      path: 'gone',
      deletionTimestamp: 999_999_999.5,
      dataChange: true,
      extendedFileMetadata: true,
      partitionValues: { kind: null },
      size: 4,
      deletionVector,
    },
    { path: 'bare', deletionTimestamp: 999_999_999, dataChange: true },
  ];
  const added = { ...addOf('a.parquet', 3), size: 2 ** 40, modificationTime: 5.5, tags: { t: 'u' } };

  test('has all that a snapshot knows, and says that none of it is new', async () => {
    const { actions, hint, bytes } = await write({
      files: filesOf(added, addOf('b.parquet')),
      removed,
      transactions: new Map([
        ['app', 3],
        ['other', 2 ** 40],
      ]),
    });
    expect(actions).toEqual([
      { protocol: SNAPSHOT.protocol },
      { metaData: metadata },
      { txn: { appId: 'app', version: 3 } },
      { txn: { appId: 'other', version: 2 ** 40 } },
      { remove: { ...removed[0], deletionTimestamp: 999_999_999, dataChange: false } },
      { remove: { ...removed[1], dataChange: false } },
      { add: { ...added, modificationTime: 5, dataChange: false } },
      { add: { ...addOf('b.parquet'), dataChange: false } },
    ]);
    expect(hint).toEqual({
      version: 7,
      size: 8,
      sizeInBytes: bytes.length,
      numOfAddFiles: 2,
      sha256: sha256Of(bytes),
    });
  });

  test('of a table of little has little', async () => {
    const bare = {
      id: 'x',
      format: { provider: 'parquet', options: {} },
      schemaString: '{}',
      partitionColumns: [],
      configuration: {},
    };
    const protocol = { minReaderVersion: 1, minWriterVersion: 2 };
    const { actions, hint } = await write({ metadata: bare, protocol });
    expect(actions).toEqual([{ protocol }, { metaData: bare }]);
    expect(hint).toMatchObject({ size: 2, numOfAddFiles: 0 });
  });

  test.each([
    [{}, [604_799_999]],
    [{ 'delta.deletedFileRetentionDuration': 'interval 1 second' }, []],
    [{ 'delta.deletedFileRetentionDuration': 'interval 1 month' }, [604_799_999, 604_800_000, undefined]],
  ])(
    'with the properties %j has the files that were removed as long ago as %j ms',
    async (configuration, kept) => {
      const ages = [604_799_999, 604_800_000, undefined];
      const { actions } = await write({
        metadata: { ...metadata, configuration },
        removed: ages.map((age) => ({
          path: String(age),
          dataChange: true,
          ...(age === undefined ? {} : { deletionTimestamp: SNAPSHOT.timestampMs - age }),
        })),
      });
      expect(actions.flatMap(({ remove }) => remove?.path ?? [])).toEqual(kept.map(String));
    },
  );

  test('of many files has them all once, in several row groups', async () => {
    const folder = await makeTestFolder();
    const adds = Array.from({ length: 10_001 }, (_, index) => ({
      path: `${index}`,
      partitionValues: {},
      size: 1,
      modificationTime: 0,
      dataChange: true,
    }));
    await writeCheckpoint(openLocalStore(folder), { ...SNAPSHOT, files: filesOf(...adds) });
    const path = join(folder, KEY);
    const counts = `count(*), count(add.path), count(DISTINCT add.path)`;
    expect(await duckDb(`SELECT ${counts} FROM '${path}'`)).toEqual([[10_003n, 10_001n, 10_001n]]);
    expect(
      await duckDb(`SELECT DISTINCT row_group_num_rows FROM parquet_metadata('${path}') ORDER BY 1`),
    ).toEqual([[3n], [10_000n]]);
  });
});
