import { randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/storage/open-store.ts';
import { NONE } from '../../src/table/file-predicate.ts';
import { logKey } from '../../src/table/log-listing.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { transact } from '../../src/table/transaction.ts';
import { commitChange } from '../support/commit-change.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { clientOf, hasS3, keysOf, openTestStore, testBucket } from './s3-fixture.ts';

const AWKWARD_KEYS = [
  'c=1 %/ü.txt',
  'a+b/c&d=e',
  '日本/👟.jpg',
  'q\'u"o(t)e',
  'percent%20twice%2520',
  '~*!$;:@,',
  'a b',
  'x'.repeat(200),
];

describe.skipIf(!hasS3)('a store on S3', () => {
  test('objects are written, replaced, read in ranges, listed and deleted', async () => {
    const store = await openTestStore();
    await store.write('a/b.txt', Buffer.from('hello'));
    await store.write('a/b.txt', Buffer.from('hello there'));
    await store.write('a/empty', Buffer.alloc(0));
    expect((await store.read('a/b.txt')).toString()).toBe('hello there');
    expect((await store.read('a/b.txt', { start: 6, length: 3 })).toString()).toBe('the');
    expect((await store.read('a/b.txt', { start: 9, length: 99 })).toString()).toBe('re');
    expect(await store.read('a/b.txt', { start: 99, length: 9 })).toHaveLength(0);
    expect(await store.read('a/b.txt', { start: 0, length: 0 })).toHaveLength(0);
    expect(await store.read('a/empty')).toHaveLength(0);
    expect(await store.stat('a/b.txt')).toMatchObject({ key: 'a/b.txt', sizeBytes: 11 });
    expect(await store.stat('a')).toBeUndefined();
    expect(await store.listFolders('a')).toEqual([]);
    expect(await keysOf(store)).toEqual(['a/b.txt', 'a/empty']);
    await store.delete('a/b.txt');
    await store.delete('a/b.txt');
    await expect(store.read('a/b.txt')).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
    expect(await keysOf(store, 'nothing')).toEqual([]);
  });

  test('keys may hold anything', async () => {
    const store = await openTestStore();
    for (const key of AWKWARD_KEYS) await store.write(key, Buffer.from(key));
    expect(await keysOf(store)).toEqual(AWKWARD_KEYS.toSorted());
    for (const key of AWKWARD_KEYS) {
      expect((await store.read(key)).toString()).toBe(key);
      expect(await store.stat(key)).toMatchObject({ key });
      const url = await store.remote?.signUrl(key, 60_000);
      expect(await (await fetch(url ?? '')).text()).toBe(key);
    }
    await store.deleteMany(AWKWARD_KEYS);
    expect(await keysOf(store)).toEqual([]);
    await expect(store.read('../outside')).rejects.toMatchObject({ code: 'OBJECT_KEY_INVALID' });
  });

  test('listings go on over pages, deletes over batches', async () => {
    const store = await openTestStore();
    const keys = Array.from({ length: 1234 }, (_, index) => `many/${String(index).padStart(5, '0')}`);
    await Promise.all(keys.map((key) => store.write(key, Buffer.from('x'))));
    expect(await keysOf(store)).toEqual(keys);
    const later: string[] = [];
    for await (const { key } of store.list('many', 'many/01200')) later.push(key);
    expect(later).toEqual(keys.slice(1201));
    await store.deleteMany(keys);
    expect(await keysOf(store)).toEqual([]);
  });

  test('large files go in parts and come back whole', async () => {
    const store = await openTestStore();
    const folder = await makeTestFolder();
    const bytes = randomBytes(40 * 1024 ** 2 + 17);
    await writeFile(join(folder, 'large'), bytes);
    await store.moveIn('large.bin', join(folder, 'large'));
    await expect(stat(join(folder, 'large'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await store.read('large.bin')).equals(bytes)).toBe(true);
    await store.remote?.download('large.bin', join(folder, 'back'), bytes.length);
    expect((await readFile(join(folder, 'back'))).equals(bytes)).toBe(true);
  });

  test('a large file that cannot be sent whole leaves no parts behind', async () => {
    const proxy = await startFaultProxy(({ path }) =>
      path.includes('partNumber=2') ? { status: 403, code: 'AccessDenied' } : undefined,
    );
    const store = await openTestStore({ endpointUrl: proxy.url });
    const path = join(await makeTestFolder(), 'large');
    await writeFile(path, randomBytes(40 * 1024 ** 2));
    await expect(store.moveIn('large.bin', path)).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
    expect(await stat(path)).toMatchObject({ size: 40 * 1024 ** 2 });
    const { Uploads } = await clientOf().send(
      new ListMultipartUploadsCommand({ Bucket: await testBucket() }),
    );
    expect(Uploads ?? []).toEqual([]);
  });

  test('twenty writers at once: one wins each version', async () => {
    const first = await openTestStore();
    const stores = Array.from({ length: 20 }, () => openStore(first.uri, first.s3));
    for (let version = 0; version < 25; version++) {
      const wins = await Promise.all(
        stores.map((store, writer) => store.writeIfAbsent(logKey('t', version), Buffer.from(String(writer)))),
      );
      expect(wins.filter(Boolean)).toHaveLength(1);
      const winner = Number((await first.read(logKey('t', version))).toString());
      expect(wins[winner]).toBe(true);
    }
  });

  test('a transaction that is stopped removes its files, although its store ends with the signal', async () => {
    const store = await openTestStore();
    const controller = new AbortController();
    const bound = store.withSignal(controller.signal);
    const work = transact(
      bound,
      async () => 'tables/t',
      async (transaction) => {
        await bound.write('tables/t/part-0.parquet', Buffer.from('x'));
        transaction.add([
          { path: 'part-0.parquet', partitionValues: {}, size: 1, modificationTime: 0, dataChange: true },
        ]);
        controller.abort(new Error('stopped'));
        await bound.read('tables/t/part-0.parquet');
      },
    );
    await expect(work).rejects.toThrow('stopped');
    expect(await keysOf(store)).toEqual([]);
  });

  test('twenty committers at once: each gets a version of its own, without gap', async () => {
    const first = await openTestStore();
    const change = {
      folder: 'tables/t',
      base: undefined,
      schema: {
        type: 'struct' as const,
        fields: [{ name: 'id', type: 'long' as const, nullable: true, metadata: {} }],
      },
      partitionColumns: [],
      removed: [],
      reads: NONE,
      operation: 'WRITE',
      parameters: {},
      metrics: {},
      software: 'test',
    };
    await commitChange(first, { ...change, added: [] });
    const versions = await Promise.all(
      Array.from({ length: 20 }, async (_, writer) => {
        const store = openStore(first.uri, first.s3);
        const add = {
          path: `part-${writer}.parquet`,
          partitionValues: {},
          size: 1,
          modificationTime: 0,
          dataChange: true,
        };
        return commitChange(store, { ...change, base: await readSnapshot(store, 'tables/t'), added: [add] });
      }),
    );
    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect((await readSnapshot(first, 'tables/t'))?.files).toHaveLength(20);
  });
});
