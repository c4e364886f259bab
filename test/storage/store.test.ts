import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkLake, checkName, createLake } from '../../src/storage/lake-layout.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

async function open(): Promise<{ store: ObjectStore; folder: string }> {
  const folder = await makeTestFolder();
  return { store: openLocalStore(folder), folder };
}

async function keysOf(store: ObjectStore, folder: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(folder)) keys.push(key);
  return keys.sort();
}

describe('a store on a folder', () => {
  test('objects are written, replaced, read in ranges, listed and deleted', async () => {
    const { store } = await open();
    await store.write('a/b.txt', bytes('hello'));
    await store.write('a/b.txt', bytes('hello there'));
    await store.write('a/c=1 %/ü.txt', bytes('x'));
    expect((await store.read('a/b.txt')).toString()).toBe('hello there');
    expect((await store.read('a/b.txt', { start: 6, length: 3 })).toString()).toBe('the');
    expect((await store.read('a/b.txt', { start: 9, length: 99 })).toString()).toBe('re');
    expect(await store.stat('a/b.txt')).toMatchObject({ key: 'a/b.txt', sizeBytes: 11 });
    expect(await store.stat('a')).toBeUndefined();
    expect(await keysOf(store, 'a')).toEqual(['a/b.txt', 'a/c=1 %/ü.txt']);
    expect(await keysOf(store, '')).toEqual(['a/b.txt', 'a/c=1 %/ü.txt']);
    expect(await store.listFolders('a')).toEqual(['c=1 %']);
    await store.delete('a/b.txt');
    await store.delete('a/b.txt');
    await expect(store.read('a/b.txt')).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
    expect(await keysOf(store, 'nothing')).toEqual([]);
    expect(await store.listFolders('nothing')).toEqual([]);
  });

  test('folders that a deletion of many objects leaves empty are gone, as they are on object stores', async () => {
    const { store, folder } = await open();
    for (const key of ['runs/a/x/1', 'runs/a/x/2', 'runs/a/y/z/3', 'runs/b/4'])
      await store.write(key, bytes('1'));
    await store.deleteMany(['runs/a/x/1', 'runs/a/y/z/3', 'runs/a/none/5']);
    expect(await store.listFolders('runs/a')).toEqual(['x']);
    await store.deleteMany(['runs/a/x/2', 'runs/b/4']);
    expect((await readdir(folder)).filter((name) => name !== '.tmp')).toEqual([]);
    expect(await store.writeIfAbsent('runs/a/x/1', bytes('again'), { mayTear: true })).toBe(true);
    expect(await keysOf(store, '')).toEqual(['runs/a/x/1']);
  });

  test('of many writers of one new object exactly one wins, and its bytes are whole', async () => {
    const { store, folder } = await open();
    const contents = Array.from({ length: 20 }, (_, writer) => bytes(String(writer).repeat(50_000)));
    const won = await Promise.all(
      contents.map((content) => openLocalStore(folder).writeIfAbsent('log/0.json', content)),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await store.read('log/0.json')).toEqual(contents[won.indexOf(true)]);
    expect(await store.writeIfAbsent('log/0.json', bytes('late'), { durable: true })).toBe(false);
  });

  test('nothing temporary is left or listed', async () => {
    const { store, folder } = await open();
    await store.write('a', bytes('1'));
    await store.writeIfAbsent('a', bytes('2'));
    await store.writeIfAbsent('b', bytes('3'));
    const scratch = await store.makeScratchDir();
    await writeFile(join(scratch, 'file'), 'moved');
    await store.moveIn('deep/er/c', join(scratch, 'file'));
    expect((await store.read('deep/er/c')).toString()).toBe('moved');
    expect(await readdir(scratch)).toEqual([]);
    expect(await keysOf(store, '')).toEqual(['a', 'b', 'deep/er/c']);
    expect(await readdir(join(folder, '.tmp'))).toHaveLength(1);
  });

  test.each(['', '/etc/passwd', '../x', 'a/../../x', 'a//b', 'a/./b', 'a\\b', 'a\0b'])(
    'keys that climb are refused: %j',
    async (key) => {
      const { store } = await open();
      await expect(store.read(key)).rejects.toMatchObject({ code: 'OBJECT_KEY_INVALID' });
      await expect(store.write(key, bytes('x'))).rejects.toMatchObject({ code: 'OBJECT_KEY_INVALID' });
    },
  );

  test('a file in the place of a folder is told apart from a defect', async () => {
    const { store } = await open();
    await store.write('a', bytes('1'));
    await expect(store.read('a/b')).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
    await expect(store.write('a/b', bytes('2'))).rejects.toMatchObject({ name: 'PixlakeError' });
  });

  test('a URI of an unknown kind is refused', () => {
    expect(() => openStore('ftp://host/x')).toThrow(/ftp/u);
    expect(openStore('file:///tmp/a%20b').uri).toBe('/tmp/a b');
  });
});

describe('a lake', () => {
  test('is made once, checked, and refused when it is newer or none', async () => {
    const { store, folder } = await open();
    await expect(checkLake(store)).rejects.toMatchObject({ code: 'LAKE_NOT_FOUND' });
    await createLake(store);
    await createLake(store);
    await checkLake(store);
    const marker = join(folder, 'pixlake.json');
    expect(JSON.parse(await readFile(marker, 'utf8'))).toEqual({ layoutVersion: 2, features: [] });
    await writeFile(marker, '{"layoutVersion":3,"features":[]}');
    await expect(createLake(store)).rejects.toMatchObject({ code: 'LAKE_TOO_NEW' });
    for (const damaged of [
      'garbage',
      '',
      'null',
      '{}',
      '{"layoutVersion":"2"}',
      '{"layoutVersion":2,"features":1}',
    ]) {
      await writeFile(marker, damaged);
      await expect(checkLake(store), damaged).rejects.toMatchObject({ code: 'LAKE_NOT_FOUND' });
    }
    await mkdir(join(folder, 'sub'));
  });

  test('with a feature that this pixlake does not know is refused by its name, by readers and writers', async () => {
    const { store, folder } = await open();
    await writeFile(join(folder, 'pixlake.json'), '{"layoutVersion":2,"features":["teleport"]}');
    for (const verb of [checkLake, createLake]) {
      await expect(verb(store)).rejects.toMatchObject({
        code: 'LAKE_FEATURE_UNSUPPORTED',
        message: expect.stringContaining('teleport'),
      });
    }
  });

  test('of layout 1 is read as it is, and becomes one of layout 2 by the first write', async () => {
    const { store, folder } = await open();
    const marker = join(folder, 'pixlake.json');
    await writeFile(marker, '{"layoutVersion":1}\n');
    await checkLake(store);
    expect(await readFile(marker, 'utf8')).toBe('{"layoutVersion":1}\n');
    await createLake(store);
    expect(JSON.parse(await readFile(marker, 'utf8'))).toEqual({ layoutVersion: 2, features: [] });
  });

  test.each(['', '..', '.a', 'a/b', 'a b', 'a..b', 'x'.repeat(65), 'ü'])('%j names no table', (name) => {
    expect(() => checkName(name)).toThrow(expect.objectContaining({ code: 'TABLE_NAME_INVALID' }));
  });
});
