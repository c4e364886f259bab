import { describe, expect, test } from 'vitest';
import { REFERENCED, withFileLists } from '../../src/maintenance/image-references.ts';
import { countFiles, listForRemoval, removeListed } from '../../src/maintenance/remove-files.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const KEYS = [
  'runs/a/1.jpg',
  'runs/a/2.jpg',
  'runs/a/manifest/_delta_log/00000000000000000000.json',
  'runs/a/manifest/_delta_log/00000000000000000001.json',
  'runs/b/3.jpg',
];

async function open(): Promise<ObjectStore> {
  const store = openLocalStore(await makeTestFolder());
  for (const key of KEYS) await store.write(key, Buffer.from('12345'));
  return store;
}

type Options = Parameters<typeof removeListed>[2];

/** Removes all below two folders but what is referred to; the order in which keys went is told, too. */
async function remove(
  store: ObjectStore,
  referred: readonly string[],
  options: Options,
): Promise<{ removal: Awaited<ReturnType<typeof removeListed>>; gone: string[] }> {
  const gone: string[] = [];
  const removal = await withFileLists(store, async (db) => {
    for (const key of referred) await db.run(`INSERT INTO ${REFERENCED} VALUES ('${key}', 'table t')`);
    for (const folder of ['runs/a', 'runs/b']) await listForRemoval(db, folder, store.list(folder));
    return removeListed(db, store, { ...options, onRemove: (keys) => gone.push(...keys) });
  });
  return { removal, gone };
}

describe('a removal', () => {
  test('takes what nothing refers to, logs first from the newest entry on, and tells what it kept', async () => {
    const store = await open();
    const { removal, gone } = await remove(store, ['runs/a/2.jpg', 'elsewhere/9.jpg'], { isDryRun: false });
    expect(removal).toEqual({
      removed: [
        { folder: 'runs/a', fileCount: 3, sizeBytes: 15 },
        { folder: 'runs/b', fileCount: 1, sizeBytes: 5 },
      ],
      kept: [{ folder: 'runs/a', fileCount: 1, sizeBytes: 5, reason: 'table t refers to them' }],
    });
    expect(gone.slice(0, 2)).toEqual([KEYS[3], KEYS[2]]);
    expect(await keysOf(store, '')).toEqual(['runs/a/2.jpg']);
  });

  test('tells of each file all that refers to it', async () => {
    const store = await open();
    const { kept } = await withFileLists(store, async (db) => {
      await db.run(`
        INSERT INTO ${REFERENCED} VALUES ('runs/a/1.jpg', 'table t'), ('runs/a/1.jpg', 'run r'), ('runs/a/1.jpg', 'table t'),
          ('runs/a/2.jpg', 'table t')`);
      await listForRemoval(db, 'runs/a', store.list('runs/a'));
      return removeListed(db, store, { isDryRun: false });
    });
    expect(kept.map(({ fileCount, reason }) => [fileCount, reason])).toEqual([
      [1, 'run r, table t refers to them'],
      [1, 'table t refers to them'],
    ]);
    expect(await keysOf(store)).toEqual(['runs/a/1.jpg', 'runs/a/2.jpg', 'runs/b/3.jpg']);
  });

  test('that is a dry run tells the same and takes nothing', async () => {
    const store = await open();
    const { removal, gone } = await remove(store, [], { isDryRun: true });
    expect(removal.removed.map(({ fileCount }) => fileCount)).toEqual([4, 1]);
    expect(gone).toHaveLength(5);
    expect(await keysOf(store, '')).toEqual(KEYS);
  });

  test('counts what its caller removes last, and leaves it', async () => {
    const store = await open();
    const leftKeys = ['runs/b/3.jpg'];
    const { removal } = await remove(store, [], { isDryRun: false, leftKeys });
    expect(removal.removed.at(-1)).toMatchObject({ folder: 'runs/b', fileCount: 1 });
    expect(await keysOf(store, '')).toEqual(leftKeys);
  });

  test('that is stopped takes nothing more', async () => {
    const store = await open();
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(remove(store, [], { isDryRun: false, signal })).rejects.toThrow('stopped');
    expect(await keysOf(store, '')).toEqual(KEYS);
  });
});

test('the files below a folder are counted with their bytes', async () => {
  const store = await open();
  expect(await countFiles(store, 'runs/a')).toEqual({ fileCount: 4, sizeBytes: 20 });
  expect(await countFiles(store, 'runs/none')).toEqual({ fileCount: 0, sizeBytes: 0 });
});
