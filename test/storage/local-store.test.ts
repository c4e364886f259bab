import { access, chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';

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

const OTHER_DEVICE = '/dev/shm';
const isOtherDevice = async (folder: string): Promise<boolean> => {
  const [here, there] = [await stat(folder), await stat(OTHER_DEVICE).catch(() => undefined)];
  return there !== undefined && there.dev !== here.dev;
};

test('a file is moved in from another file system whole, over what was there, and is gone there', async ({
  skip,
}) => {
  const store = openLocalStore(await makeTestFolder());
  if (!(await isOtherDevice(store.uri)))
    skip(`${OTHER_DEVICE} is no other file system than the temporary folder`);
  const elsewhere = await mkdtemp(join(OTHER_DEVICE, 'pixlake-test-'));
  onTestFinished(() => rm(elsewhere, { recursive: true, force: true }));
  const bytes = Buffer.alloc(300_000, 'x');
  for (const key of ['deep/er/file', 'deep/er/file', 'other']) {
    await writeFile(join(elsewhere, 'file'), bytes);
    await store.moveIn(key, join(elsewhere, 'file'));
    expect((await store.read(key)).equals(bytes)).toBe(true);
    await expect(access(join(elsewhere, 'file'))).rejects.toThrow('ENOENT');
  }
  expect(await keysOf(store)).toEqual(['deep/er/file', 'other']);
  // Nothing temporary is left of it.
  expect(await keysOf(store, '.tmp')).toEqual([]);
  expect.assertions(8);
});

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

test('work that only reads goes on where the lake cannot be written, work that writes does not', async ({
  skip,
}) => {
  if (process.getuid?.() === 0) skip('root may write everywhere');
  const root = await makeTestFolder();
  const store = openLocalStore(root);
  await mkdir(join(root, 'x'));
  await chmod(root, 0o500);
  onTestFinished(() => chmod(root, 0o700));
  expect(await store.makeScratchDir()).not.toContain(root);
  await expect(store.makeScratchDir({ isForWriting: true })).rejects.toMatchObject({
    code: 'STORAGE_DENIED',
  });
});
