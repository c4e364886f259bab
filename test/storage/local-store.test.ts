import fs from 'node:fs/promises';
import { access, mkdir, open, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { processMark } from '../../src/storage/process-mark.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { stubBuiltin } from '../support/stub-builtin.ts';

/** Ways to put an object of these bytes into a store. */
const WAYS: Readonly<Record<string, (store: ObjectStore, key: string, bytes: Buffer) => Promise<unknown>>> = {
  write: (store, key, bytes) => store.write(key, bytes),
  writeIfAbsent: (store, key, bytes) => store.writeIfAbsent(key, bytes, { durable: true }),
  'writeIfAbsent of what may tear': (store, key, bytes) => store.writeIfAbsent(key, bytes, { mayTear: true }),
  async moveIn(store, key, bytes) {
    const path = join(await makeTestFolder(), 'file');
    await writeFile(path, bytes);
    await store.moveIn(key, path);
  },
};

const everyWay = Object.entries(WAYS).flatMap(([name, put]) =>
  [false, true].map((isBlocking) => [name, isBlocking, put] as const),
);

test.each(everyWay)(
  'a folder that somebody removed meanwhile is made again: %s, blocking: %s',
  async (_, isBlocking, put) => {
    const store = openLocalStore(await makeTestFolder(), {}, isBlocking);
    await put(store, 'a/b/one', Buffer.from('1'));
    await rm(store.locate('a'), { recursive: true });
    await put(store, 'a/b/two', Buffer.from('2'));
    expect(await keysOf(store)).toEqual(['a/b/two']);
    expect((await store.read('a/b/two')).toString()).toBe('2');
    await rm(store.uri, { recursive: true });
    await put(store, 'a/b/three', Buffer.from('3'));
    expect(await keysOf(store)).toEqual(['a/b/three']);
  },
);

test('what stands where a folder belongs is named, and stays', async () => {
  const store = openLocalStore(await makeTestFolder());
  await store.write('a', Buffer.from('a file'));
  for (const put of Object.values(WAYS))
    await expect(put(store, 'a/b', Buffer.from('1'))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining('a file is where a folder belongs'),
    });
  expect((await readFile(store.locate('a'))).toString()).toBe('a file');
  expect(await store.stat('a/b')).toBeUndefined();
  expect.assertions(Object.keys(WAYS).length + 2);
});

const failure = (code: string): Error => Object.assign(new Error(`${code}: failed`), { code });

/** Notes what is synced, when that is over; what is written is noted as `placed`. */
async function noteSyncs(): Promise<string[]> {
  const handle = await open(await makeTestFolder(), 'r');
  const methods = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const order: string[] = [];
  const sync = vi.spyOn(methods, 'sync').mockImplementation(async function note(this: typeof handle) {
    const stats = await this.stat();
    await new Promise(setImmediate);
    order.push(stats.isDirectory() ? 'folder' : `file of ${stats.size}`);
  });
  onTestFinished(() => sync.mockRestore());
  for (const name of ['link', 'rename'] as const) {
    const place = fs[name];
    stubBuiltin(vi.spyOn(fs, name)).mockImplementation(async (from, to) => {
      await new Promise(setImmediate);
      await place(from, to);
      order.push('placed');
    });
  }
  return order;
}

describe('what is to survive a power loss', () => {
  test('is synced before it is named, and its folder after that', async () => {
    const store = openLocalStore(await makeTestFolder());
    const order = await noteSyncs();
    expect(await store.writeIfAbsent('a/b', Buffer.from('12345'), { durable: true })).toBe(true);
    expect(order).toEqual(['file of 5', 'placed', 'folder']);
    // The other one who wrote it has seen to it.
    expect(await store.writeIfAbsent('a/b', Buffer.from('12345'), { durable: true })).toBe(false);
    expect(order).toEqual(['file of 5', 'placed', 'folder', 'file of 5']);
  });

  test('costs nothing where that is not asked for', async () => {
    const store = openLocalStore(await makeTestFolder());
    const order = await noteSyncs();
    await store.writeIfAbsent('a', Buffer.from('1'));
    await store.writeIfAbsent('b', Buffer.from('1'), { durable: true, mayTear: true });
    await store.write('c', Buffer.from('1'));
    expect(order).toEqual(['placed', 'placed']);
  });

  test('is a file that is moved in', async () => {
    const store = openLocalStore(await makeTestFolder());
    const path = join(await makeTestFolder(), 'file');
    await writeFile(path, '123');
    const order = await noteSyncs();
    await store.moveIn('a', path);
    expect(order).toEqual(['file of 3', 'placed']);
  });
});

test('what may tear is written in place, all else aside', async () => {
  const store = openLocalStore(await makeTestFolder());
  await store.writeIfAbsent('a', Buffer.from('1'), { mayTear: true });
  expect(await readdir(store.uri)).toEqual(['a']);
  await store.writeIfAbsent('b', Buffer.from('1'));
  expect((await readdir(store.uri)).sort()).toEqual(['.tmp', 'a', 'b']);
  expect(await keysOf(store, '.tmp')).toEqual([]);
});

test('a file comes whole from another file system, over what was there, and is gone there', async () => {
  const store = openLocalStore(await makeTestFolder());
  const path = join(await makeTestFolder(), 'file');
  await store.write('a/b', Buffer.from('before'));
  await writeFile(path, 'moved');
  const order = await noteSyncs();
  const { rename } = fs;
  vi.mocked(rename).mockImplementationOnce(() => Promise.reject(failure('EXDEV')));
  await store.moveIn('a/b', path);
  expect((await store.read('a/b')).toString()).toBe('moved');
  await expect(access(path)).rejects.toThrow('ENOENT');
  // Nothing temporary is left of it, and the copy is synced, too.
  expect(await keysOf(store, '.tmp')).toEqual([]);
  expect(order).toEqual(['file of 5', 'file of 5', 'placed']);
});

test('a file that cannot be moved in stays where it was', async () => {
  const store = openLocalStore(await makeTestFolder());
  const path = join(await makeTestFolder(), 'file');
  await writeFile(path, 'x');
  stubBuiltin(vi.spyOn(fs, 'rename')).mockRejectedValueOnce(failure('EACCES'));
  await expect(store.moveIn('a', path)).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
  await access(path);
  expect(await keysOf(store)).toEqual([]);
});

test('what cannot be written leaves nothing temporary behind', async () => {
  const store = openLocalStore(await makeTestFolder());
  for (const bytes of ['write', 'writeIfAbsent'] as const)
    await expect(store[bytes]('a', 5 as never)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining(`cannot write ${store.locate('a')}: `),
    });
  stubBuiltin(vi.spyOn(fs, 'link')).mockRejectedValue(failure('ENOSPC'));
  await expect(store.writeIfAbsent('a', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  expect(await readdir(join(store.uri, '.tmp'))).toEqual([]);
  expect.assertions(4);
});

test('a folder is made once', async () => {
  const store = openLocalStore(await makeTestFolder());
  const made = stubBuiltin(vi.spyOn(fs, 'mkdir'));
  for (const key of ['a/b/1', 'a/b/2', 'a/c/3']) await store.write(key, Buffer.from('x'));
  expect(made.mock.calls.map(([path]) => path)).toEqual(
    ['.tmp', 'a/b', 'a/c'].map((name) => join(store.uri, name)),
  );
});

const LONG = 'x'.repeat(300);

test.each<[string, string, (store: ObjectStore) => Promise<unknown>]>([
  ['read', LONG, (store) => store.read(LONG)],
  ['read', LONG, (store) => store.read(LONG, { start: 0, length: 1 })],
  ['read', LONG, (store) => store.stat(LONG)],
  ['list', LONG, (store) => keysOf(store, LONG)],
  ['list', LONG, (store) => store.listFolders(LONG)],
  ['delete', LONG, (store) => store.delete(LONG)],
  ['write', LONG, (store) => store.write(LONG, Buffer.from('x'))],
  ['write', LONG, (store) => store.writeIfAbsent(LONG, Buffer.from('x'), { mayTear: true })],
])('what the system refuses to %s is told with its path', async (verb, key, work) => {
  const store = openLocalStore(await makeTestFolder());
  await expect(work(store)).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    message: expect.stringMatching(new RegExp(`^cannot ${verb} ${store.locate(key)}: ENAMETOOLONG`, 'u')),
  });
});

describe('a listing', () => {
  test('has sizes and times, also of what is named like the folder of temporary files', async () => {
    const root = await makeTestFolder();
    const store = openLocalStore(root);
    await store.write('a/.tmp/b', Buffer.from('12345'));
    await store.write('.tmp/temporary', Buffer.from('1'));
    await utimes(store.locate('a/.tmp/b'), 100, 200);
    await symlink(store.locate('a/.tmp/b'), store.locate('a/link'));
    const entry = { key: 'a/.tmp/b', sizeBytes: 5, modifiedMs: 200_000 };
    expect(await store.stat('a/.tmp/b')).toEqual(entry);
    for (const folder of ['', 'a', 'a/.tmp']) {
      const entries = [];
      for await (const one of store.list(folder)) entries.push(one);
      expect(entries).toEqual([entry]);
    }
    expect(await store.listFolders('a')).toEqual(['.tmp']);
    expect.assertions(5);
  });

  test('leaves out what is removed meanwhile', async () => {
    const store = openLocalStore(await makeTestFolder());
    await store.write('a', Buffer.from('x'));
    vi.spyOn(store, 'stat').mockResolvedValue(undefined);
    expect(await keysOf(store)).toEqual([]);
  });

  test('of a folder that does not exist, or is a file, is empty', async () => {
    const store = openLocalStore(join(await makeTestFolder(), 'absent'));
    expect(await keysOf(store)).toEqual([]);
    await store.write('a', Buffer.from('x'));
    expect([await keysOf(store, 'a/b'), await store.listFolders('a/b')]).toEqual([[], []]);
    expect(await store.listFolders('a')).toEqual([]);
  });

  test('has folders in order', async () => {
    const store = openLocalStore(await makeTestFolder());
    const order = ['c', 'a', 'b'];
    for (const name of order) await store.write(`f/${name}/x`, Buffer.from('x'));
    const { readdir: list } = fs;
    stubBuiltin(vi.spyOn(fs, 'readdir')).mockImplementation((async (path: string, options: never) => {
      const entries = (await list(path, options)) as unknown as { name: string }[];
      return entries.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    }) as never);
    expect(await store.listFolders('f')).toEqual(['a', 'b', 'c']);
  });
});

test('a store is named by its absolute path, and is the same with a signal', () => {
  const s3 = { region: 'eu-west-1' };
  const store = openLocalStore('some/lake', s3);
  expect([store.uri, store.s3, store.remote]).toEqual([resolve('some/lake'), s3, undefined]);
  expect(store.locate('a/b')).toBe(resolve('some/lake/a/b'));
  expect(store.withSignal(AbortSignal.abort())).toBe(store);
});

describe('a folder for temporary files', () => {
  test('lies in the lake, where those of dead processes go', async () => {
    const store = openLocalStore(await makeTestFolder());
    const left = join(store.uri, '.tmp', `${processMark().split('.')[0]}.99999999.1-x`);
    await mkdir(left, { recursive: true });
    const path = await store.makeScratchDir();
    await expect(access(left)).rejects.toThrow('ENOENT');
    expect(path.startsWith(join(store.uri, '.tmp/'))).toBe(true);
    expect(await readdir(path)).toEqual([]);
    expect(await store.sweepTemporary(Date.now() + 1000)).toBe(0);
  });

  test('lies elsewhere if the lake cannot be written, but not for work that writes', async () => {
    const store = openLocalStore(await makeTestFolder());
    const { mkdir: make } = fs;
    let refusal = failure('EROFS');
    stubBuiltin(vi.spyOn(fs, 'mkdir')).mockImplementation((path, options) =>
      String(path).startsWith(store.uri) ? Promise.reject(refusal) : make(path, options),
    );
    const elsewhere = await store.makeScratchDir();
    onTestFinished(() => rm(elsewhere, { recursive: true, force: true }));
    expect([elsewhere.startsWith(store.uri), await readdir(elsewhere)]).toEqual([false, []]);
    await expect(store.makeScratchDir({ isForWriting: true })).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
    });
    refusal = failure('EIO');
    await expect(store.makeScratchDir()).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining(`cannot write ${join(store.uri, '.tmp/')}`),
    });
  });

  test('that cannot be made for want of the lake says what the system says of that', async () => {
    const store = openLocalStore(await makeTestFolder());
    stubBuiltin(vi.spyOn(fs, 'mkdir')).mockRejectedValue(failure('ENOENT'));
    const reachable = stubBuiltin(vi.spyOn(fs, 'access')).mockRejectedValue(failure('EROFS'));
    await expect(store.makeScratchDir({ isForWriting: true })).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
    });
    expect(reachable).toHaveBeenCalledWith(store.uri, fs.constants.W_OK);
    reachable.mockResolvedValue();
    await expect(store.makeScratchDir({ isForWriting: true })).rejects.toMatchObject({
      code: 'OBJECT_NOT_FOUND',
    });
  });

  test('that nobody made yet is not in the way of sweeping, but a file in its place is', async () => {
    const store = openLocalStore(await makeTestFolder());
    expect(await store.sweepTemporary(Date.now())).toBe(0);
    await mkdir(store.locate('.tmp/left'), { recursive: true });
    await utimes(store.locate('.tmp/left'), 1, 1);
    expect(await store.sweepTemporary(2000)).toBe(1);
    await rm(store.locate('.tmp'), { recursive: true });
    await writeFile(store.locate('.tmp'), 'x');
    await expect(store.sweepTemporary(2000)).rejects.toMatchObject({
      message: expect.stringContaining(`cannot delete ${store.locate('.tmp')}: ENOTDIR`),
    });
  });
});

test('removed are a missing object, an object, and folders that are empty then', async () => {
  const root = await makeTestFolder();
  const store = openLocalStore(root);
  for (const key of ['a/b', 'a/c', 'd']) await store.write(key, Buffer.from('x'));
  await store.delete('a/b');
  await store.delete('a/b');
  expect(await keysOf(store)).toEqual(['a/c', 'd']);
  await store.deleteMany(['a/c', 'd', 'none/e']);
  expect(await readdir(root)).toEqual(['.tmp']);
});
