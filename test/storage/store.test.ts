import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkLake, checkName, createLake } from '../../src/storage/lake-layout.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { startFakeS3 } from '../support/fake-s3.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { testStoreContract } from './store-contract.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

async function open(): Promise<{ store: ObjectStore; folder: string }> {
  const folder = await makeTestFolder();
  return { store: openLocalStore(folder), folder };
}

describe.each<[string, () => Promise<ObjectStore>]>([
  ['a folder', async () => (await open()).store],
  ['a folder, at once', async () => openLocalStore(await makeTestFolder(), {}, true)],
  ['S3', async () => (await startFakeS3()).store],
])('a store on %s', (_name, openIt) => {
  testStoreContract(openIt);
});

describe('a store on a folder', () => {
  test('leaves neither empty folders behind nor temporary files', async () => {
    const { store, folder } = await open();
    await store.write('a/b', bytes('1'));
    await store.writeIfAbsent('a/b', bytes('2'));
    await store.writeIfAbsent('a/c', bytes('3'));
    const scratch = await store.makeScratchDir();
    await writeFile(join(scratch, 'file'), 'moved');
    await store.moveIn('deep/er/c', join(scratch, 'file'));
    expect(await readdir(scratch)).toEqual([]);
    expect(await readdir(join(folder, '.tmp'))).toHaveLength(1);
    await store.deleteMany(['a/b', 'a/c', 'deep/er/c']);
    expect(await readdir(folder)).toEqual(['.tmp']);
  });

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
