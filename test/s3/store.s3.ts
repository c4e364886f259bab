import { randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/storage/open-store.ts';
import { NONE } from '../../src/table/file-predicate.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { transact } from '../../src/table/transaction.ts';
import { testStoreContract } from '../storage/store-contract.ts';
import { commitChange } from '../support/commit-change.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { clientOf, hasS3, openTestStore, testBucket } from './s3-fixture.ts';

const KEY_OF_ALL_KINDS = 'a+b/c&d=e/c=1 %/日本 👟 q\'u"o(t)e percent%20twice%2520 ~*!$;:@,<>.jpg';

describe.skipIf(!hasS3)('a store on S3', () => {
  testStoreContract(openTestStore, { objectCount: 1234, roundCount: 8 });

  test('a signed link gives the object to anyone, whatever its key', async () => {
    const store = await openTestStore();
    await store.write(KEY_OF_ALL_KINDS, Buffer.from('shared'));
    const url = await store.remote?.signUrl(KEY_OF_ALL_KINDS, 60_000);
    expect(await (await fetch(url ?? '')).text()).toBe('shared');
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
