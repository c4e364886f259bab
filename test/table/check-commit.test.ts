import { describe, expect, test } from 'vitest';
import { keysOf } from '../support/keys-of.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { checkCommit, putCommit } from '../../src/table/commit-table.ts';
import type { DeltaAction } from '../../src/table/delta-actions.ts';
import { checkpointKey, droppedKey, logKey } from '../../src/table/log-listing.ts';
import { readLogEntry, readSnapshot } from '../../src/table/read-snapshot.ts';
import type { Snapshot } from '../../src/table/snapshot.ts';
import type { TableChange } from '../../src/table/table-change.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { addOf, changeOf, FOLDER, openTable, SCHEMA } from './table-fixture.ts';

async function begin(): Promise<{ readonly store: ObjectStore; readonly base: Snapshot }> {
  const { store } = await openTable();
  const base = await readSnapshot(store, FOLDER);
  if (base === undefined) throw new Error('there is no table');
  return { store, base };
}

describe('before a commit', () => {
  test('a change that may be committed is told from one that has been', async () => {
    const { store, base } = await begin();
    const seen = { ...base, version: 9, transactions: new Map([['app', 5]]) };
    const check = (change: Partial<TableChange>): ReturnType<typeof checkCommit> =>
      checkCommit(store, changeOf({ base, ...change }));
    expect(await check({})).toBeUndefined();
    expect(
      await check({ base: undefined, folder: 'tables/new', once: { appId: 'app', version: 0 } }),
    ).toBeUndefined();
    const done = { version: 9, isOwn: false };
    expect(await check({ base: seen, once: { appId: 'app', version: 5 } })).toEqual(done);
    expect(await check({ base: seen, once: { appId: 'app', version: 4 } })).toEqual(done);
    expect(await check({ base, once: { appId: 'other', version: 5 } })).toBeUndefined();
  });

  test.each([
    [3, 3, true],
    [3, 2, false],
    [0, 3, false],
    [undefined, 2, true],
  ])('a claim of %s rows is compared with the %s of the files', async (rowDelta, addedCount, isRight) => {
    const { store, base } = await begin();
    const check = checkCommit(store, changeOf({ base, added: [addOf('x', addedCount)], rowDelta }));
    if (isRight) expect(await check).toBeUndefined();
    else
      await expect(check).rejects.toMatchObject({
        code: 'ROW_COUNT_MISMATCH',
        message: `the new files of tables/t have ${addedCount} rows, but ${rowDelta} are expected; nothing was committed`,
        remedy: expect.stringContaining('pixlake verify'),
      });
  });

  test('rows that are removed count too, and those that nobody counted make it unknown', async () => {
    const { store, base } = await begin();
    const removed = base.files;
    const check = (change: Partial<TableChange>): ReturnType<typeof checkCommit> =>
      checkCommit(store, changeOf({ base, removed, ...change }));
    expect(await check({ rowDelta: -7 })).toBeUndefined();
    expect(await check({ rowDelta: -5, added: [addOf('x', 2)] })).toBeUndefined();
    await expect(check({ rowDelta: -4, added: [addOf('x', 2)] })).rejects.toMatchObject({
      message: expect.stringContaining('have 2 rows, but 3 are expected'),
    });
    expect(await check({ rowDelta: -4, added: [{ ...addOf('x'), stats: '{}' }] })).toBeUndefined();
  });

  test('a table that is being dropped is left alone', async () => {
    const { store, base } = await begin();
    await store.write(droppedKey(FOLDER), Buffer.from(''));
    const expected = {
      code: 'TABLE_IN_USE',
      message: 'tables/t is being dropped, or the drop was interrupted',
      remedy: 'finish the drop, then run the same command again: pixlake tables drop t',
    };
    await expect(checkCommit(store, changeOf({ base }))).rejects.toMatchObject(expected);
    await expect(checkCommit(store, changeOf({}))).rejects.toMatchObject(expected);
  });

  test('a table that was dropped is not made anew, but one whose old entries were vacuumed is there', async () => {
    const { store, base } = await begin();
    await store.delete(logKey(FOLDER, 0));
    await expect(checkCommit(store, changeOf({ base }))).rejects.toMatchObject({
      code: 'TABLE_IN_USE',
      message: 'tables/t was dropped meanwhile; nothing was committed',
      remedy: 'run the same command again to make the table anew',
    });
    await store.write(logKey(FOLDER, 1), Buffer.from('{}'));
    expect(await checkCommit(store, changeOf({ base }))).toBeUndefined();
  });
});

describe('a commit', () => {
  test('makes a table with its protocol and metadata', async () => {
    const store = openLocalStore(await makeTestFolder());
    const configuration = { a: 'b' };
    expect(await putCommit(store, changeOf({ configuration, added: [addOf('x')] }))).toEqual({
      version: 0,
      isOwn: true,
    });
    const [first, ...actions] = await readLogEntry(store, FOLDER, 0);
    expect(first?.commitInfo).not.toHaveProperty('readVersion');
    expect(actions).toEqual([
      { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
      {
        metaData: {
          id: expect.stringMatching(/^[\da-f-]{36}$/u),
          format: { provider: 'parquet', options: {} },
          schemaString: JSON.stringify(SCHEMA),
          partitionColumns: ['kind'],
          configuration,
          createdTime: first?.commitInfo?.timestamp,
        },
      },
      { add: addOf('x') },
    ]);
  });

  test.each<[string, Partial<TableChange>, object | undefined]>([
    ['nothing', {}, undefined],
    ['what they are', { schema: SCHEMA, partitionColumns: ['kind'], configuration: {} }, undefined],
    [
      'other columns',
      { schema: { type: 'struct', fields: [] } },
      { schemaString: '{"type":"struct","fields":[]}' },
    ],
    ['other partitions', { partitionColumns: ['id'] }, { partitionColumns: ['id'] }],
    ['more partitions', { partitionColumns: ['kind', 'id'] }, { partitionColumns: ['kind', 'id'] }],
    ['properties', { configuration: { a: 'b' } }, { configuration: { a: 'b' } }],
  ])('that sets %s of columns and properties writes what is new', async (_, change, metaData) => {
    const { store, base } = await begin();
    await putCommit(store, changeOf({ base, ...change }));
    const actions = await readLogEntry(store, FOLDER, 1);
    const written = actions.flatMap((action) => action.metaData ?? []);
    expect(written).toEqual(metaData === undefined ? [] : [{ ...base.metadata, ...metaData }]);
  });

  test('is later than its base, even if the clock of its writer is ahead', async () => {
    const { store, base } = await begin();
    const timestampMs = Date.now() + 86_400_000;
    await putCommit(store, changeOf({ base: { ...base, timestampMs } }));
    const [first] = await readLogEntry(store, FOLDER, 1);
    expect(first?.commitInfo?.timestamp).toBe(timestampMs + 1);
  });

  test.each([
    ['a version that is higher', 6, true],
    ['the same version', 5, true],
    ['a lower version', 4, false],
  ])(
    'of a transaction stands back where another writer has put %s of it first',
    async (_, version, isDone) => {
      const { store, base } = await begin();
      const theirs: DeltaAction[] = [
        { txn: { appId: 'other', version: 9 } },
        { txn: { appId: 'app', version } },
      ];
      await store.write(
        logKey(FOLDER, 1),
        Buffer.from(theirs.map((action) => JSON.stringify(action)).join('\n')),
      );
      const once = { appId: 'app', version: 5 };
      expect(await putCommit(store, changeOf({ base, once }))).toEqual(
        isDone ? { version: 1, isOwn: false } : { version: 2, isOwn: true },
      );
    },
  );

  test.each([
    ['whose answer came', (written: boolean) => written],
    ['whose answer was lost', () => false],
  ])('that is due a checkpoint has it when it ends: one %s', async (_, answer) => {
    const { store, base } = await begin();
    const metadata = { ...base.metadata, configuration: { 'delta.checkpointInterval': '1' } };
    await putCommit(store, changeOf({ base, configuration: metadata.configuration }));
    const next = await readSnapshot(store, FOLDER);
    const forgetful = withFaults(store, {
      writeIfAbsent: async (...args) => answer(await store.writeIfAbsent(...args)),
    });
    expect(await putCommit(forgetful, changeOf({ base: next, added: [addOf('x')] }))).toEqual({
      version: 2,
      isOwn: true,
    });
    expect(await keysOf(store)).toContain(checkpointKey(FOLDER, 2));
  });
});
