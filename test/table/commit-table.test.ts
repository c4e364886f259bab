import { describe, expect, test } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import { keysOf } from '../support/keys-of.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { commitChange } from '../support/commit-change.ts';
import { withFaults } from '../support/failing-store.ts';
import type { DeltaAction } from '../../src/table/delta-actions.ts';
import { deltaField } from '../../src/table/delta-schema.ts';
import { ANY, type FilePredicate } from '../../src/table/file-predicate.ts';
import { logKey } from '../../src/table/log-listing.ts';
import { readLogEntry, readSnapshot } from '../../src/table/read-snapshot.ts';
import type { TableChange } from '../../src/table/table-change.ts';
import { addOf, changeOf, FOLDER, openTable, SCHEMA } from './table-fixture.ts';

async function snapshotOf(store: ObjectStore, version?: number) {
  const snapshot = await readSnapshot(store, FOLDER, version);
  if (snapshot === undefined) throw new Error('there is no table');
  return snapshot;
}

/** Lets another writer commit first, then commits on the snapshot of before. */
async function commitAfter(
  theirs: Partial<TableChange>,
  ours: Partial<TableChange>,
): Promise<{ version: number; store: ObjectStore }> {
  const { store } = await openTable();
  const base = await snapshotOf(store);
  await commitChange(store, changeOf({ base, ...theirs }));
  return { version: await commitChange(store, changeOf({ base, ...ours })), store };
}

function idsBetween(min: number, max: number): FilePredicate {
  const literal = (value: number) => ({ kind: 'number', value }) as const;
  return {
    kind: 'and',
    parts: [
      { kind: 'compare', column: 'id', comparison: '>=', literal: literal(min) },
      { kind: 'compare', column: 'id', comparison: '<=', literal: literal(max) },
    ],
  };
}

function addIds(path: string, min: number, max: number) {
  const stats = JSON.stringify({
    numRecords: 2,
    minValues: { id: min },
    maxValues: { id: max },
    nullCount: { id: 0 },
  });
  return { ...addOf(path), stats };
}

describe('two commits on one version', () => {
  test('that both append are both in the table, one after the other', async () => {
    const { store, version } = await commitAfter(
      { added: [addOf('x.parquet')] },
      { added: [addOf('y.parquet')] },
    );
    expect(version).toBe(2);
    const paths = (await snapshotOf(store)).files.map(({ add }) => add.path);
    expect(paths).toEqual(expect.arrayContaining(['x.parquet', 'y.parquet']));
    expect(paths).toHaveLength(4);
  });

  test('that take out different files are both done', async () => {
    const { store } = await openTable();
    const base = await snapshotOf(store);
    await commitChange(store, changeOf({ base, removed: base.files.slice(0, 1) }));
    await commitChange(store, changeOf({ base, removed: base.files.slice(1) }));
    expect((await snapshotOf(store)).files).toEqual([]);
  });

  test('that take out the same file conflict, and nothing of the second is seen', async () => {
    const { store } = await openTable();
    const base = await snapshotOf(store);
    const removed = base.files.slice(0, 1);
    await commitChange(store, changeOf({ base, removed, added: [addOf('x.parquet')] }));
    const second = commitChange(store, changeOf({ base, removed, added: [addOf('y.parquet')] }));
    await expect(second).rejects.toMatchObject({
      code: 'COMMIT_CONFLICT',
      message: 'another writer committed version 1 of tables/t: it removed a file that this one removes',
      remedy: 'nothing was changed; run the same command again',
    });
    expect((await snapshotOf(store)).files.map(({ add }) => add.path)).not.toContain('y.parquet');
  });

  test.each<[string, Partial<TableChange>, string]>([
    [
      'new columns',
      { schema: { ...SCHEMA, fields: [...SCHEMA.fields, deltaField('size', 'long')] } },
      'columns',
    ],
    ['new properties', { configuration: { a: 'b' } }, 'properties'],
  ])('conflict if the first brought %s', async (_, theirs, reason) => {
    await expect(commitAfter(theirs, { added: [addOf('x.parquet')] })).rejects.toMatchObject({
      code: 'COMMIT_CONFLICT',
      message: expect.stringContaining(reason),
    });
  });

  test('conflict if the first brought rows that the second would have read, by their ids', async () => {
    const theirs = { added: [addIds('x.parquet', 10, 20)] };
    const ours = { added: [addOf('y.parquet')] };
    await expect(commitAfter(theirs, { ...ours, reads: idsBetween(20, 30) })).rejects.toMatchObject({
      code: 'COMMIT_CONFLICT',
    });
    await expect(commitAfter(theirs, { ...ours, reads: ANY })).rejects.toMatchObject({
      code: 'COMMIT_CONFLICT',
    });
    expect(await commitAfter(theirs, { ...ours, reads: idsBetween(21, 30) })).toMatchObject({ version: 2 });
    const rearranged = { ...theirs, isRearrangement: true };
    expect(await commitAfter(rearranged, { ...ours, reads: ANY })).toMatchObject({ version: 2 });
  });

  test('conflict if the first removed rows that the second read, or changed the protocol', async () => {
    const { store } = await openTable();
    const base = await snapshotOf(store);
    await commitChange(store, changeOf({ base, removed: base.files.slice(0, 1) }));
    expect((await readLogEntry(store, FOLDER, 1))[0]?.commitInfo?.isBlindAppend).toBe(false);
    const reading = commitChange(store, changeOf({ base, added: [addOf('y.parquet')], reads: ANY }));
    await expect(reading).rejects.toMatchObject({
      code: 'COMMIT_CONFLICT',
      message: expect.stringContaining('removed rows'),
    });
    const next = await snapshotOf(store);
    const protocol = { minReaderVersion: 1, minWriterVersion: 2 };
    await store.write(logKey(FOLDER, 2), Buffer.from(JSON.stringify({ protocol })));
    await expect(
      commitChange(store, changeOf({ base: next, added: [addOf('z.parquet')] })),
    ).rejects.toMatchObject({
      code: 'COMMIT_CONFLICT',
      message: expect.stringContaining('protocol'),
    });
  });

  test('that both make the table conflict', async () => {
    const { store } = await openTable();
    await expect(commitChange(store, changeOf({ base: undefined }))).rejects.toMatchObject({
      code: 'COMMIT_CONFLICT',
      message: expect.stringContaining('made the table'),
    });
  });

  test('many at once get versions without a gap', async () => {
    const count = 14;
    const { store } = await openTable();
    const base = await snapshotOf(store);
    const versions = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        commitChange(store, changeOf({ base, added: [addOf(`f${index}.parquet`)] })),
      ),
    );
    expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    expect((await snapshotOf(store)).files).toHaveLength(count + 2);
    const stamps = [];
    for (let version = 0; version <= count; version++) {
      const [first] = await readLogEntry(store, FOLDER, version);
      stamps.push(first?.commitInfo?.timestamp ?? 0);
    }
    expect(stamps).toEqual([...new Set(stamps)].sort((a, b) => a - b));
  });
});

describe('a commit', () => {
  test('whose answer was lost is recognised and not repeated', async () => {
    const { store } = await openTable();
    const base = await snapshotOf(store);
    const forgetful = withFaults(store, {
      writeIfAbsent: async (...args) => {
        await store.writeIfAbsent(...args);
        return false;
      },
    });
    expect(await commitChange(forgetful, changeOf({ base, added: [addOf('x.parquet')] }))).toBe(1);
    expect((await snapshotOf(store)).files).toHaveLength(3);
  });

  test('stands where its checkpoint cannot be written, and the next one that is due writes it', async () => {
    const { store } = await openTable();
    const isCheckpoint = (key: string): boolean =>
      key.includes('.checkpoint.') || key.endsWith('_last_checkpoint');
    const full = new PixlakeError('STORAGE_FULL', 'full');
    const failing = withFaults(store, {
      write: async (key, bytes) => (isCheckpoint(key) ? Promise.reject(full) : store.write(key, bytes)),
      writeIfAbsent: async (key, bytes, options) =>
        isCheckpoint(key) ? Promise.reject(full) : store.writeIfAbsent(key, bytes, options),
      moveIn: async (key, path) => (isCheckpoint(key) ? Promise.reject(full) : store.moveIn(key, path)),
    });
    const checkpoints = async (): Promise<string[]> => (await keysOf(store, FOLDER)).filter(isCheckpoint);
    const commit = async (to: ObjectStore, version: number): Promise<void> => {
      const change = changeOf({ base: await snapshotOf(store), added: [addOf(`f${version}.parquet`)] });
      expect(await commitChange(to, change)).toBe(version);
    };
    for (let version = 1; version <= 10; version++) await commit(failing, version);
    expect(await checkpoints()).toEqual([]);
    await commit(store, 11);
    expect((await checkpoints()).length).toBeGreaterThan(0);
    expect(await snapshotOf(store)).toMatchObject({ version: 11, checkpointVersion: 11 });
    expect((await snapshotOf(store)).files).toHaveLength(13);
  });

  test('is later than the one that came first, even if the clock of that writer is ahead', async () => {
    const { store } = await openTable();
    const base = await snapshotOf(store);
    const future = Date.now() + 86_400_000;
    const theirs = { commitInfo: { timestamp: future, operation: 'WRITE' } };
    await store.write(logKey(FOLDER, 1), Buffer.from(`${JSON.stringify(theirs)}\n`));
    expect(await commitChange(store, changeOf({ base, added: [addOf('x.parquet')] }))).toBe(2);
    const [first] = await readLogEntry(store, FOLDER, 2);
    expect(first?.commitInfo?.timestamp).toBe(future + 1);
    expect((await snapshotOf(store)).timestampMs).toBe(future + 1);
  });

  test('of a transaction happens once, before or after others', async () => {
    const { store } = await openTable();
    const base = await snapshotOf(store);
    const once = { appId: 'app', version: 5 };
    const change = changeOf({ base, added: [addOf('x.parquet')], once });
    expect(await commitChange(store, change)).toBe(1);
    // Others commit before and after it.
    for (const path of ['p.parquet', 'q.parquet'])
      await commitChange(store, changeOf({ base: await snapshotOf(store), added: [addOf(path)] }));
    expect(await commitChange(store, { ...change, added: [addOf('again.parquet')] })).toBe(1);
    const newer = await snapshotOf(store);
    expect(newer.transactions.get('app')).toBe(5);
    expect(await commitChange(store, { ...change, base: newer })).toBe(3);
    const next = { ...change, base: newer, added: [addOf('y.parquet')], once: { appId: 'app', version: 6 } };
    expect(await commitChange(store, next)).toBe(4);
    expect((await snapshotOf(store)).files).toHaveLength(6);
  });

  test('says what it did, on which version, and whether it only appended', async () => {
    const { store } = await openTable();
    const base = await snapshotOf(store);
    const parameters = { source: 'a.csv' };
    await commitChange(
      store,
      changeOf({ base, added: [addOf('x.parquet')], parameters, metrics: { numAddedRows: 7 } }),
    );
    const actions = await readLogEntry(store, FOLDER, 1);
    expect(actions).toEqual([
      {
        commitInfo: {
          timestamp: expect.any(Number),
          operation: 'WRITE',
          operationParameters: { source: 'a.csv' },
          operationMetrics: { numAddedRows: '7' },
          engineInfo: 'pixlake/test',
          readVersion: 0,
          isBlindAppend: true,
          txnId: expect.stringMatching(/^[\da-f-]{36}$/u),
          actionsSha256: expect.any(String),
        },
      },
      { add: addOf('x.parquet') },
    ]);
  });

  test('that only rearranges says so of every file', async () => {
    const { store } = await openTable();
    const base = await snapshotOf(store);
    await commitChange(
      store,
      changeOf({ base, removed: base.files, added: [addOf('x.parquet')], isRearrangement: true }),
    );
    const [first, ...actions] = await readLogEntry(store, FOLDER, 1);
    const deletionTimestamp = first?.commitInfo?.timestamp;
    const facts = { deletionTimestamp, dataChange: false, extendedFileMetadata: true, size: 10 };
    const removes = ['a.parquet', 'kind=x%2520y/b.parquet'].map((path) => ({
      remove: { path, partitionValues: { kind: 'a' }, ...facts },
    }));
    expect(actions).toEqual([...removes, { add: { ...addOf('x.parquet'), dataChange: false } }]);
  });

  test('may not take rows out of an append-only table, but may rearrange it', async () => {
    const { store } = await openTable();
    await commitChange(
      store,
      changeOf({ base: await snapshotOf(store), configuration: { 'delta.appendOnly': 'true' } }),
    );
    const base = await snapshotOf(store);
    const change = changeOf({ base, removed: base.files });
    await expect(commitChange(store, change)).rejects.toMatchObject({
      code: 'TABLE_APPEND_ONLY',
      message: 'tables/t is append-only (delta.appendOnly), so its rows cannot be changed',
      remedy: 'set the property to false with another Delta tool if rows may be removed',
    });
    expect(await commitChange(store, { ...change, isRearrangement: true })).toBe(2);
    const next = await snapshotOf(store);
    expect(await commitChange(store, changeOf({ base: next, added: [addOf('x.parquet')] }))).toBe(3);
  });

  test.each([
    [{ minReaderVersion: 1, minWriterVersion: 3 }, 'checkConstraints'],
    [{ minReaderVersion: 1, minWriterVersion: 4 }, 'checkConstraints, changeDataFeed, generatedColumns'],
    [{ minReaderVersion: 2, minWriterVersion: 5 }, 'columnMapping'],
    [{ minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['rowTracking'] }, 'rowTracking'],
    [{ minReaderVersion: 1, minWriterVersion: 8 }, 'writer version 8'],
  ])('is refused where the protocol is %j, which can be read', async (protocol, feature) => {
    const { store } = await openTable();
    const entry: DeltaAction = { protocol };
    await store.write(logKey(FOLDER, 1), Buffer.from(`${JSON.stringify(entry)}\n`));
    const base = await snapshotOf(store);
    await expect(commitChange(store, changeOf({ base, added: [addOf('x.parquet')] }))).rejects.toMatchObject({
      code: 'TABLE_FEATURE_UNSUPPORTED',
      message: expect.stringContaining(feature),
    });
  });

  test('goes to tables with writer features that pixlake honours', async () => {
    const { store } = await openTable();
    const protocol = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['timestampNtz'],
      writerFeatures: ['timestampNtz', 'appendOnly', 'invariants'],
    };
    await store.write(logKey(FOLDER, 1), Buffer.from(`${JSON.stringify({ protocol })}\n`));
    const base = await snapshotOf(store);
    expect(await commitChange(store, changeOf({ base, added: [addOf('x.parquet')] }))).toBe(2);
  });
});
