import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { keysOf } from '../support/keys-of.ts';

const AWKWARD_KEYS = [
  'c=1 %/ü.txt',
  'a+b/c&d=e',
  '日本/👟.jpg',
  'q\'u"o(t)e',
  'percent%20twice%2520',
  '~*!$;:@,',
  'less<than>',
  'a b',
  'x'.repeat(200),
];

const CLIMBING_KEYS = ['', '/etc/passwd', '..', '../x', 'a/../../x', 'a//b', 'a/./b', 'a/', 'a\\b', 'a\0b'];

const bytes = (text: string): Buffer => Buffer.from(text);

/** How much a contract asks of a store. */
interface Extent {
  /** Objects of a listing; to be more than one page of it. */
  readonly objectCount: number;
  /** How often writers race in each way. */
  readonly roundCount: number;
}

/**
 * What every store does, whatever its objects lie in.
 *
 * @param open gives an empty store
 */
export function testStoreContract(
  open: () => Promise<ObjectStore>,
  { objectCount, roundCount }: Extent = { objectCount: 234, roundCount: 1 },
): void {
  test('objects are written, replaced, described and deleted', async () => {
    const store = await open();
    await store.write('a/b.txt', bytes('hello'));
    await store.write('a/b.txt', bytes('hello there'));
    await store.write('a/empty', Buffer.alloc(0));
    expect((await store.read('a/b.txt')).toString()).toBe('hello there');
    expect(await store.read('a/empty')).toHaveLength(0);
    expect(await store.stat('a/b.txt')).toMatchObject({ key: 'a/b.txt', sizeBytes: 11 });
    expect(await store.stat('a/empty')).toMatchObject({ key: 'a/empty', sizeBytes: 0 });
    expect(await keysOf(store)).toEqual(['a/b.txt', 'a/empty']);
    await store.delete('a/b.txt');
    await store.delete('a/b.txt');
    expect(await keysOf(store)).toEqual(['a/empty']);
  });

  test('a range is read as far as the object goes', async () => {
    const store = await open();
    await store.write('a/b.txt', bytes('hello there'));
    expect((await store.read('a/b.txt', { start: 6, length: 3 })).toString()).toBe('the');
    expect((await store.read('a/b.txt', { start: 9, length: 99 })).toString()).toBe('re');
    expect(await store.read('a/b.txt', { start: 99, length: 9 })).toHaveLength(0);
    expect(await store.read('a/b.txt', { start: 0, length: 0 })).toHaveLength(0);
  });

  test('what is not there is not read, listed or described, and its folder is no object', async () => {
    const store = await open();
    await store.write('a/b.txt', bytes('x'));
    expect(await store.stat('a')).toBeUndefined();
    expect(await store.stat('a/c.txt')).toBeUndefined();
    await expect(store.read('a/c.txt')).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
    await expect(store.read('a/c.txt', { start: 1, length: 2 })).rejects.toMatchObject({
      code: 'OBJECT_NOT_FOUND',
    });
    expect(await keysOf(store, 'nothing')).toEqual([]);
    expect(await store.listFolders('nothing')).toEqual([]);
  });

  test('a listing of a folder holds what is below it alone; folders are those directly below', async () => {
    const store = await open();
    for (const key of ['runs/a/x/1', 'runs/a/y/z/2', 'runs/a/3', 'runs/ab/4', 'runs.txt'])
      await store.write(key, bytes('x'));
    expect(await keysOf(store, 'runs/a')).toEqual(['runs/a/3', 'runs/a/x/1', 'runs/a/y/z/2']);
    expect(await store.listFolders('runs/a')).toEqual(['x', 'y']);
    expect(await store.listFolders('runs')).toEqual(['a', 'ab']);
  });

  test('keys may hold anything', async () => {
    const store = await open();
    for (const key of AWKWARD_KEYS) await store.write(key, bytes(key));
    expect(await keysOf(store)).toEqual(AWKWARD_KEYS.toSorted());
    for (const key of AWKWARD_KEYS) {
      expect((await store.read(key)).toString()).toBe(key);
      expect(await store.stat(key)).toMatchObject({ key });
    }
    await store.deleteMany(AWKWARD_KEYS);
    expect(await keysOf(store)).toEqual([]);
  });

  test('keys that climb are refused', async () => {
    const store = await open();
    const refused = { code: 'OBJECT_KEY_INVALID' };
    for (const key of CLIMBING_KEYS) {
      await expect(store.read(key), key).rejects.toMatchObject(refused);
      await expect(store.write(key, bytes('x')), key).rejects.toMatchObject(refused);
      await expect(store.writeIfAbsent(key, bytes('x')), key).rejects.toMatchObject(refused);
      await expect(store.stat(key), key).rejects.toMatchObject(refused);
      await expect(store.delete(key), key).rejects.toMatchObject(refused);
    }
    expect.assertions(CLIMBING_KEYS.length * 5);
  });

  test('listings go on over pages, deletes over batches', async () => {
    const store = await open();
    const keys = Array.from({ length: objectCount }, (_, index) => `many/${String(index).padStart(5, '0')}`);
    await Promise.all(keys.map((key) => store.write(key, bytes('x'))));
    expect(await keysOf(store)).toEqual(keys);
    const later: string[] = [];
    for await (const { key } of store.list('many', 'many/00200')) later.push(key);
    // A store may list those before, too.
    expect(later.filter((key) => key > 'many/00200').sort()).toEqual(keys.slice(201));
    // S3 deletes a thousand at once.
    const absent = Array.from({ length: 1000 }, (_, index) => `many/none-${index}`);
    await store.deleteMany([...absent, ...keys]);
    expect(await keysOf(store)).toEqual([]);
  });

  test('folders that a deletion of many objects leaves empty are gone', async () => {
    const store = await open();
    for (const key of ['runs/a/x/1', 'runs/a/x/2', 'runs/a/y/z/3', 'runs/b/4'])
      await store.write(key, bytes('1'));
    await store.deleteMany(['runs/a/x/1', 'runs/a/y/z/3', 'runs/a/none/5']);
    expect(await store.listFolders('runs/a')).toEqual(['x']);
    await store.deleteMany(['runs/a/x/2', 'runs/b/4']);
    expect(await store.listFolders('runs')).toEqual([]);
    expect(await store.writeIfAbsent('runs/a/x/1', bytes('again'), { mayTear: true })).toBe(true);
    expect(await keysOf(store)).toEqual(['runs/a/x/1']);
  });

  test('of twenty writers of one new object exactly one wins, and its bytes are whole', async () => {
    const first = await open();
    const stores = Array.from({ length: 20 }, () => openStore(first.uri, first.s3));
    const contents = stores.map((_, writer) => bytes(String(writer).repeat(20_000)));
    const ways = [{}, { durable: true }, { mayTear: true }];
    const rounds = Array.from({ length: roundCount }, () => ways).flat();
    expect(rounds.length).toBeGreaterThanOrEqual(3);
    for (const [index, options] of rounds.entries()) {
      const key = `log/${index}.json`;
      const won = await Promise.all(
        stores.map((store, writer) => store.writeIfAbsent(key, contents[writer] ?? bytes(''), options)),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await first.read(key)).toEqual(contents[won.indexOf(true)]);
      expect(await first.writeIfAbsent(key, bytes('late'), options)).toBe(false);
    }
  });

  test('a local file is moved in, in the place of what was there, and nothing temporary is listed', async () => {
    const store = await open();
    await store.write('deep/er/c', bytes('before'));
    await store.writeIfAbsent('deep/er/d', bytes('1'));
    const path = join(await store.makeScratchDir(), 'file');
    await writeFile(path, 'moved');
    await store.moveIn('deep/er/c', path);
    expect((await store.read('deep/er/c')).toString()).toBe('moved');
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await keysOf(store)).toEqual(['deep/er/c', 'deep/er/d']);
  });
}
