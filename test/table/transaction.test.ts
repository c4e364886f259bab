import { describe, expect, test } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { AddAction } from '../../src/table/delta-actions.ts';
import { NONE } from '../../src/table/file-predicate.ts';
import { droppedKey, logKey } from '../../src/table/log-listing.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import type { Snapshot } from '../../src/table/snapshot.ts';
import { beginTransaction, type CommitSpec, transact } from '../../src/table/transaction.ts';
import { commitChange } from '../support/commit-change.ts';
import { withFaults } from '../support/failing-store.ts';
import { addOf, changeOf, FOLDER, openTable, SCHEMA } from './table-fixture.ts';

const COMMIT: CommitSpec = {
  reads: NONE,
  rowDelta: undefined,
  operation: 'WRITE',
  parameters: {},
  metrics: {},
  software: 'pixlake/test',
};

async function snapshotOf(store: ObjectStore): Promise<Snapshot> {
  const snapshot = await readSnapshot(store, FOLDER);
  if (snapshot === undefined) throw new Error('there is no table');
  return snapshot;
}

/** Writes an object where a data file belongs. */
async function placeFile(store: ObjectStore, path: string): Promise<AddAction> {
  await store.write(`${FOLDER}/${path}`, Buffer.from(path));
  return addOf(path);
}

/** The objects that lie where data files do. */
async function objectsOf(store: ObjectStore): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of store.list(FOLDER)) {
    if (!key.includes('_delta_log')) names.push(key.slice(FOLDER.length + 1));
  }
  return names.sort();
}

async function pathsOf(store: ObjectStore): Promise<string[]> {
  return (await snapshotOf(store)).files.map(({ add }) => add.path);
}

/** A transaction that adds `own.parquet`, and `shared.parquet` which is not its own, to the newest snapshot; then does more. */
async function addTwo(
  store: ObjectStore,
  finish: (commit: () => Promise<number>) => Promise<unknown>,
  spec: Partial<CommitSpec> = {},
): Promise<unknown> {
  return transact(
    store,
    () => snapshotOf(store),
    async (transaction) => {
      transaction.add([await placeFile(store, 'own.parquet')]);
      transaction.addShared([await placeFile(store, 'shared.parquet')]);
      return finish(() => transaction.commit({ ...COMMIT, ...spec }));
    },
  );
}

describe('a transaction that is committed', () => {
  test('changes the table, and keeps its files', async () => {
    const { store } = await openTable();
    expect(await addTwo(store, (commit) => commit())).toBe(1);
    expect(await objectsOf(store)).toEqual(['own.parquet', 'shared.parquet']);
    expect(await pathsOf(store)).toEqual(expect.arrayContaining(['own.parquet', 'shared.parquet']));
  });

  test('keeps its files if what follows the commit fails', async () => {
    const { store } = await openTable();
    const work = addTwo(store, async (commit) => {
      await commit();
      throw new Error('later');
    });
    await expect(work).rejects.toThrow('later');
    expect(await objectsOf(store)).toEqual(['own.parquet', 'shared.parquet']);
  });

  test('leaves columns and properties as they are unless it sets them', async () => {
    const { store } = await openTable();
    await using first = beginTransaction(store, await snapshotOf(store));
    first.setMetadata({ schema: SCHEMA, partitionColumns: ['kind'], configuration: { a: 'b' } });
    await first.commit(COMMIT);
    await using second = beginTransaction(store, await snapshotOf(store));
    second.remove(second.base?.files ?? []);
    await second.commit(COMMIT);
    const { files, metadata, partitionColumns } = await snapshotOf(store);
    expect([files, metadata.configuration, partitionColumns]).toEqual([[], { a: 'b' }, ['kind']]);
  });

  test('reads no more of the store than whether the table is there, and puts one object', async () => {
    const { store } = await openTable();
    const base = await snapshotOf(store);
    const calls: string[] = [];
    const spy = withFaults(store, {
      stat: async (key) => {
        calls.push(`stat ${key}`);
        return store.stat(key);
      },
      list: (...args) => {
        calls.push('list');
        return store.list(...args);
      },
      read: async (...args) => {
        calls.push('read');
        return store.read(...args);
      },
      writeIfAbsent: async (key, ...more) => {
        calls.push(`put ${key}`);
        return store.writeIfAbsent(key, ...more);
      },
    });
    await using transaction = beginTransaction(spy, base);
    transaction.add([addOf('x.parquet')]);
    await transaction.commit(COMMIT);
    const checks = [`stat ${droppedKey(FOLDER)}`, `stat ${logKey(FOLDER, 0)}`];
    expect(calls).toEqual([...checks, `put ${logKey(FOLDER, 1)}`]);
  });

  test('may hold more files than a call may have arguments', async () => {
    const { store } = await openTable();
    const base = await snapshotOf(store);
    await using transaction = beginTransaction(store, base);
    const [file] = base.files;
    if (file === undefined) throw new Error('the table has no files');
    const many = Array.from({ length: 300_000 }, () => file);
    const adds = many.map(({ add }) => add);
    expect(() => transaction.remove(many)).not.toThrow();
    expect(() => transaction.addShared(adds)).not.toThrow();
  });
});

describe('a transaction that is not committed discards its own files, and only these,', () => {
  test('if its work fails', async () => {
    const { store } = await openTable();
    const broken = addTwo(store, async () => {
      throw new Error('broken');
    });
    await expect(broken).rejects.toThrow('broken');
    expect(await objectsOf(store)).toEqual(['shared.parquet']);
  });

  test('if its work ends without a commit', async () => {
    const { store } = await openTable();
    expect(await addTwo(store, async () => 'nothing to do')).toBe('nothing to do');
    expect(await objectsOf(store)).toEqual(['shared.parquet']);
  });

  test('if it is aborted, although the store is bound to the signal', async () => {
    const { store } = await openTable();
    const controller = new AbortController();
    const bound = withFaults(store, {
      withSignal: (signal) => store.withSignal(signal),
      deleteMany: async () => controller.signal.throwIfAborted(),
    });
    const work = addTwo(bound, async () => {
      controller.abort(new Error('stopped'));
      controller.signal.throwIfAborted();
    });
    await expect(work).rejects.toThrow('stopped');
    expect(await objectsOf(store)).toEqual(['shared.parquet']);
  });

  test('if the table is append-only', async () => {
    const { store } = await openTable();
    const configuration = { 'delta.appendOnly': 'true' };
    await commitChange(store, changeOf({ base: await snapshotOf(store), configuration }));
    const work = transact(
      store,
      () => snapshotOf(store),
      async (transaction, { files }) => {
        transaction.add([await placeFile(store, 'own.parquet')]);
        transaction.remove(files);
        await transaction.commit(COMMIT);
      },
    );
    await expect(work).rejects.toMatchObject({ code: 'TABLE_APPEND_ONLY' });
    expect(await objectsOf(store)).toEqual([]);
  });

  test('if the table is being dropped', async () => {
    const { store } = await openTable();
    const work = addTwo(store, async (commit) => {
      await store.write(droppedKey(FOLDER), Buffer.from(''));
      return commit();
    });
    await expect(work).rejects.toMatchObject({ code: 'TABLE_IN_USE' });
    expect(await objectsOf(store)).toEqual(['shared.parquet']);
  });

  test('if another process has committed the same already, before it began or meanwhile', async () => {
    const { store } = await openTable();
    const base = await snapshotOf(store);
    const once = { appId: 'app', version: 1 };
    const work = addTwo(
      store,
      async (commit) => {
        await commitChange(store, changeOf({ base, added: [addOf('theirs.parquet')], once }));
        return commit();
      },
      { once },
    );
    expect(await work).toBe(1);
    expect(await addTwo(store, (commit) => commit(), { once })).toBe(1);
    expect(await objectsOf(store)).toEqual(['shared.parquet']);
    expect(await pathsOf(store)).toEqual(['a.parquet', 'kind=x%2520y/b.parquet', 'theirs.parquet']);
  });

  test('and the error that ended it is told even if they cannot be removed', async () => {
    const { store } = await openTable();
    const stuck = withFaults(store, {
      deleteMany: async () => {
        throw new PixlakeError('STORAGE_DENIED', 'no deletes');
      },
    });
    const broken = addTwo(stuck, async () => {
      throw new Error('broken');
    });
    await expect(broken).rejects.toThrow('broken');
    expect(await objectsOf(store)).toEqual(['own.parquet', 'shared.parquet']);
  });
});

test('a transaction that is aborted while its work is done commits nothing and leaves nothing', async () => {
  const { store } = await openTable();
  const before = await snapshotOf(store);
  const stop = new AbortController();
  const work = transact(
    store,
    () => snapshotOf(store),
    async (transaction) => {
      transaction.add([await placeFile(store, 'own.parquet')]);
      stop.abort(new Error('stopped'));
      return transaction.commit(COMMIT);
    },
    stop.signal,
  );
  await expect(work).rejects.toThrow('stopped');
  expect((await snapshotOf(store)).version).toBe(before.version);
  expect(await objectsOf(store)).not.toContain('own.parquet');
});

describe('a commit whose answer is lost', () => {
  test('is recognised if the store says that the version is taken', async () => {
    const { store } = await openTable();
    const forgetful = withFaults(store, {
      writeIfAbsent: async (...args) => {
        await store.writeIfAbsent(...args);
        return false;
      },
    });
    expect(await addTwo(forgetful, (commit) => commit())).toBe(1);
    expect(await objectsOf(store)).toEqual(['own.parquet', 'shared.parquet']);
    expect(await pathsOf(store)).toHaveLength(4);
  });

  test.each([
    ['an error of the store', new PixlakeError('STORAGE_FAILED', 'no answer')],
    ['an abort', new DOMException('stopped', 'AbortError')],
    ['an error of a connection', new Error('socket hang up')],
  ])('keeps its files if it ends in %s, for it may have been done', async (_, error) => {
    const { store } = await openTable();
    const lost = withFaults(store, {
      writeIfAbsent: async (...args) => {
        await store.writeIfAbsent(...args);
        throw error;
      },
    });
    await expect(addTwo(lost, (commit) => commit())).rejects.toBe(error);
    expect(await objectsOf(store)).toEqual(['own.parquet', 'shared.parquet']);
    expect(await pathsOf(store)).toEqual(expect.arrayContaining(['own.parquet', 'shared.parquet']));
  });

  test('keeps its files if it cannot be read who took the version', async () => {
    const { store } = await openTable();
    const blind = withFaults(store, {
      writeIfAbsent: async (...args) => {
        await store.writeIfAbsent(...args);
        return false;
      },
      read: async (key, range) => {
        if (key === logKey(FOLDER, 1)) throw new PixlakeError('STORAGE_FAILED', 'no answer');
        return store.read(key, range);
      },
    });
    const work = addTwo(blind, (commit) => commit());
    await expect(work).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(await objectsOf(store)).toEqual(['own.parquet', 'shared.parquet']);
    expect(await pathsOf(store)).toHaveLength(4);
  });
});

describe('a transaction that conflicts with another', () => {
  /** Replaces all files of the table by one; before the first commit, another writer takes them out. */
  async function replaceAll(store: ObjectStore, signal?: AbortSignal, meanwhile?: () => void) {
    const tries: { tryCount: number; version: number }[] = [];
    const work = transact(
      store,
      async (tryCount) => {
        const snapshot = await snapshotOf(store);
        tries.push({ tryCount, version: snapshot.version });
        return snapshot;
      },
      async (transaction, base) => {
        const { version, files } = base;
        transaction.add([await placeFile(store, `on-${version}.parquet`)]);
        transaction.remove(files);
        if (version === 0) {
          const theirs = { added: [addOf('theirs.parquet')], removed: files };
          await commitChange(store, changeOf({ base, ...theirs }));
          meanwhile?.();
        }
        return transaction.commit(COMMIT);
      },
      signal,
    );
    return { work, tries };
  }

  test('is done again on the snapshot of then, and what the first try wrote goes', async () => {
    const { store } = await openTable();
    const { work, tries } = await replaceAll(store);
    expect(await work).toBe(2);
    expect(tries).toEqual([
      { tryCount: 0, version: 0 },
      { tryCount: 1, version: 1 },
    ]);
    expect(await objectsOf(store)).toEqual(['on-1.parquet']);
    expect(await pathsOf(store)).toEqual(['on-1.parquet']);
  });

  test('is not done again once it is aborted', async () => {
    const { store } = await openTable();
    const controller = new AbortController();
    const abort = (): void => controller.abort(new Error('stopped'));
    const { work, tries } = await replaceAll(store, controller.signal, abort);
    await expect(work).rejects.toThrow('stopped');
    expect(tries).toHaveLength(1);
    expect(await objectsOf(store)).toEqual([]);
    expect(await pathsOf(store)).toEqual(['theirs.parquet']);
  });

  test('fails where nobody does it again', async () => {
    const { store } = await openTable();
    const base = await snapshotOf(store);
    await commitChange(store, changeOf({ base, removed: base.files }));
    await using transaction = beginTransaction(store, base);
    transaction.remove(base.files);
    await expect(transaction.commit(COMMIT)).rejects.toMatchObject({ code: 'COMMIT_CONFLICT' });
  });

  test('is the only one that is done again', async () => {
    const { store } = await openTable();
    let tries = 0;
    const work = addTwo(store, async () => {
      tries += 1;
      throw new PixlakeError('STORAGE_FULL', 'full');
    });
    await expect(work).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(tries).toBe(1);
  });
});

describe('a transaction that makes a table', () => {
  test('needs its columns', async () => {
    const { store } = await openTable();
    await using transaction = beginTransaction(store, 'tables/new');
    await expect(transaction.commit(COMMIT)).rejects.toThrow(TypeError);
    transaction.setMetadata({ schema: SCHEMA, partitionColumns: [] });
    expect(await transaction.commit(COMMIT)).toBe(0);
    expect(await readSnapshot(store, 'tables/new')).toMatchObject({ version: 0, schema: SCHEMA, files: [] });
  });

  test('that another one makes at the same time goes on top of it', async () => {
    const { store } = await openTable();
    const make = (path: string): Promise<number> =>
      transact(
        store,
        async () => (await readSnapshot(store, 'tables/new')) ?? 'tables/new',
        async (transaction) => {
          transaction.setMetadata({ schema: SCHEMA, partitionColumns: [] });
          transaction.addShared([addOf(path)]);
          return transaction.commit(COMMIT);
        },
      );
    const versions = await Promise.all([make('x'), make('y'), make('z')]);
    expect(versions.sort()).toEqual([0, 1, 2]);
    expect((await readSnapshot(store, 'tables/new'))?.files).toHaveLength(3);
  });
});

describe('the rows of a commit', () => {
  /** Commits that `c.parquet` comes and `a.parquet` of three rows goes. */
  const exchange = async (
    store: ObjectStore,
    rowDelta: number | undefined,
    added: AddAction,
  ): Promise<number> => {
    const base = await snapshotOf(store);
    await using transaction = beginTransaction(store, base);
    transaction.addShared([added]);
    transaction.remove(base.files.filter(({ add }) => add.path === 'a.parquet'));
    return transaction.commit({ ...COMMIT, rowDelta });
  };

  test.each([
    [5, 2],
    [3, 0],
    [0, -3],
    [9, undefined],
  ])('are %i instead of three where the table grows by %s', async (rows, rowDelta) => {
    const { store } = await openTable();
    expect(await exchange(store, rowDelta, addOf('c.parquet', rows))).toBe(1);
  });

  test.each([
    [5, 1],
    [5, 3],
    [3, 3],
    [0, 0],
  ])('cannot be %i instead of three where the table should grow by %i', async (rows, rowDelta) => {
    const { store } = await openTable();
    await expect(exchange(store, rowDelta, addOf('c.parquet', rows))).rejects.toMatchObject({
      code: 'ROW_COUNT_MISMATCH',
      message: expect.stringContaining(`have ${rows} rows, but ${3 + rowDelta} are expected`),
    });
    expect((await snapshotOf(store)).version).toBe(0);
  });

  test('that other writers have not counted are not judged', async () => {
    const { store } = await openTable();
    const { stats: _, ...uncounted } = addOf('c.parquet');
    expect(await exchange(store, 7, uncounted)).toBe(1);
  });

  test('are judged only where the change was not committed before', async () => {
    const { store } = await openTable();
    const once = { appId: 'a', version: 1 };
    await using first = beginTransaction(store, await snapshotOf(store));
    await first.commit({ ...COMMIT, once });
    await using again = beginTransaction(store, await snapshotOf(store));
    expect(await again.commit({ ...COMMIT, once, rowDelta: 7 })).toBe(1);
  });
});
