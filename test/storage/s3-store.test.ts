import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { describe, expect, type MockInstance, onTestFinished, test, vi } from 'vitest';
import type { ObjectEntry, ObjectStore } from '../../src/storage/object-store.ts';
import { openS3Store } from '../../src/storage/s3-store.ts';
import { processMark } from '../../src/storage/process-mark.ts';
import { touchInUse } from '../../src/storage/temporary-folder.ts';
import { CHANGED_MS, refusal, type SeenRequest, startFakeS3 } from '../support/fake-s3.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const HELLO = Buffer.from('hello');

const entriesOf = async (store: ObjectStore, folder: string, startAfter?: string): Promise<ObjectEntry[]> => {
  const entries: ObjectEntry[] = [];
  for await (const entry of store.list(folder, startAfter)) entries.push(entry);
  return entries;
};

interface Command {
  readonly input: object;
}

/** An answer in XML. */
const xml = (body: string) => ({ status: 200, body });

describe('a URI', () => {
  test.each([
    ['s3://bucket', 's3://bucket', 's3://bucket/a/b'],
    ['s3://bucket//', 's3://bucket', 's3://bucket/a/b'],
    ['s3://bucket/x/y', 's3://bucket/x/y', 's3://bucket/x/y/a/b'],
    ['S3://bucket/x//', 's3://bucket/x', 's3://bucket/x/a/b'],
  ])('%s is %s, and the place of an object in it %s', (uri, told, place) => {
    const store = openS3Store(uri, {});
    expect([store.uri, store.locate('a/b')]).toEqual([told, place]);
  });

  test.each(['s3://', 's3:///prefix', 'x-s3://bucket'])('%j names no bucket', (uri) => {
    expect(() => openS3Store(uri, {})).toThrow(expect.objectContaining({ code: 'ARGUMENT_INVALID' }));
  });
});

describe('what is there', () => {
  test('is described by its size and time, as far as the server tells', async () => {
    const { store } = await startFakeS3(({ key }) => (key === 'lake/bare' ? { status: 200 } : undefined));
    await store.write('a/b', HELLO);
    const entry = { key: 'a/b', sizeBytes: 5, modifiedMs: CHANGED_MS };
    expect(await store.stat('a/b')).toEqual(entry);
    expect(await entriesOf(store, '')).toEqual([entry]);
    expect(await store.stat('bare')).toEqual({ key: 'bare', sizeBytes: 0, modifiedMs: 0 });
  });

  test('is listed without the objects that web consoles make for folders', async () => {
    const { store } = await startFakeS3(({ query }) =>
      query.has('list-type')
        ? xml(`<ListBucketResult><Contents><Key>lake/</Key></Contents><Contents><Key>lake/a/</Key></Contents>
            <Contents><Key>lake/a/b</Key></Contents></ListBucketResult>`)
        : undefined,
    );
    expect(await entriesOf(store, '')).toEqual([{ key: 'a/b', sizeBytes: 0, modifiedMs: 0 }]);
    expect(await store.listFolders('a')).toEqual([]);
  });

  test('is listed page by page, until the server says that there is no other', async () => {
    const asked: Record<string, string>[] = [];
    const pages = [
      '<IsTruncated>true</IsTruncated><NextContinuationToken>one</NextContinuationToken>',
      '<IsTruncated>true</IsTruncated><NextContinuationToken>two</NextContinuationToken>',
      '<IsTruncated>false</IsTruncated><NextContinuationToken>three</NextContinuationToken>',
      '<IsTruncated>true</IsTruncated>',
    ];
    const { store } = await startFakeS3(({ query }) => {
      query.delete('x-id');
      asked.push(Object.fromEntries(query));
      const page = pages.shift() ?? '';
      return xml(
        `<ListBucketResult>${page}<CommonPrefixes><Prefix>lake/b/d/</Prefix></CommonPrefixes>
          <CommonPrefixes><Prefix>lake/b/c/</Prefix></CommonPrefixes></ListBucketResult>`,
      );
    });
    expect(await entriesOf(store, 'a', 'a/5')).toEqual([]);
    expect(await store.listFolders('b')).toEqual(['c', 'd']);
    const query = { 'list-type': '2', prefix: 'lake/a/', 'start-after': 'lake/a/5' };
    expect(asked).toEqual([
      query,
      { ...query, 'continuation-token': 'one' },
      { ...query, 'continuation-token': 'two' },
      { 'list-type': '2', prefix: 'lake/b/', delimiter: '/' },
    ]);
  });
});

describe('what is removed', () => {
  test('goes a thousand objects a request', async () => {
    const bodies: string[] = [];
    const { store } = await startFakeS3(({ body }) => {
      bodies.push(body.toString());
      return xml('<DeleteResult></DeleteResult>');
    });
    await store.deleteMany([]);
    expect(bodies).toEqual([]);
    await store.deleteMany(Array.from({ length: 1001 }, (_, index) => `k${index}`));
    const keysIn = (body = ''): string[] =>
      [...body.matchAll(/<Key>(.*?)<\/Key>/gu)].map(([, key = '']) => key);
    expect(bodies).toHaveLength(2);
    expect([keysIn(bodies[0]).length, keysIn(bodies[0])[999]]).toEqual([1000, 'lake/k999']);
    expect(keysIn(bodies[1])).toEqual(['lake/k1000']);
    expect(bodies[0]).toContain('<Quiet>true</Quiet>');
  });

  test('is told of where the server keeps it', async () => {
    const { store } = await startFakeS3(() =>
      xml(`<DeleteResult><Error><Key>lake/b</Key><Code>AccessDenied</Code><Message>no</Message></Error>
        <Error><Key>lake/c</Key><Code>Other</Code><Message>no</Message></Error></DeleteResult>`),
    );
    await expect(store.deleteMany(['a', 'b', 'c'])).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: 'cannot delete s3://bucket/lake/b: access denied',
    });
  });
});

test('a refusal says what was to be done with which object', async () => {
  const { store } = await startFakeS3(() => refusal(403, 'AccessDenied'));
  const file = join(await makeTestFolder(), 'file');
  await writeFile(file, HELLO);
  const failures: Record<string, () => Promise<unknown> | undefined> = {
    'cannot read s3://bucket/lake/a': () => store.read('a'),
    'cannot read s3://bucket/lake/b': () => store.stat('b'),
    'cannot read s3://bucket/lake/c': () => store.remote?.download('c', `${file}-c`, 5),
    'cannot write s3://bucket/lake/d': () => store.write('d', HELLO),
    'cannot write s3://bucket/lake/e': () => store.moveIn('e', file),
    'cannot delete s3://bucket/lake/f': () => store.delete('f'),
    'cannot delete s3://bucket/lake/g': () => store.deleteMany(['g', 'h']),
    'cannot list s3://bucket/lake/i': () => entriesOf(store, 'i'),
    'cannot list s3://bucket/lake/j': () => store.listFolders('j'),
    'cannot list s3://bucket/lake': () => entriesOf(store, ''),
  };
  for (const [told, failure] of Object.entries(failures))
    await expect(failure()).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: `${told}: access denied`,
    });
  expect((await readFile(file)).equals(HELLO)).toBe(true);
  expect.assertions(11);
});

describe('writing only what is absent', () => {
  const probes = ['PUT .tmp/probe 200', 'PUT .tmp/probe 412', 'DELETE .tmp/probe 204'];
  const short = (requests: readonly string[]): string[] =>
    requests.map((request) => request.replace(/probe-\S+/u, 'probe'));

  test('is tried once with each server, whatever signal the store has', async () => {
    const { store, requests } = await startFakeS3();
    const other = store.withSignal(new AbortController().signal);
    expect(await other.writeIfAbsent('a', HELLO)).toBe(true);
    expect(await store.writeIfAbsent('a', Buffer.from('other'))).toBe(false);
    expect(short(requests)).toEqual([...probes, 'PUT a 200', 'PUT a 412']);
    expect(await store.read('a')).toEqual(HELLO);
  });

  test.each([
    ['lets every writer win', { status: 200 }],
    ['does not know it', refusal(501, 'NotImplemented')],
  ])('is refused where the server %s', async (_, answer) => {
    const { store, requests } = await startFakeS3(({ headers }) =>
      headers['if-none-match'] === undefined ? undefined : answer,
    );
    for (const key of ['a', 'b'])
      await expect(store.writeIfAbsent(key, HELLO)).rejects.toMatchObject({
        code: 'STORAGE_NOT_ATOMIC',
        message: expect.stringContaining('s3://bucket/lake'),
        remedy: expect.stringContaining('MinIO'),
      });
    expect(short(requests)).toEqual([probes[0], `PUT .tmp/probe ${answer.status}`, probes[2]]);
    expect.assertions(3);
  });

  test('is tried again where the server could not be asked', async () => {
    let isDenied = true;
    const { store } = await startFakeS3(({ headers }) =>
      isDenied && headers['if-none-match'] !== undefined ? refusal(403, 'AccessDenied') : undefined,
    );
    const denied = {
      code: 'STORAGE_DENIED',
      message: expect.stringContaining('cannot write s3://bucket/lake/.tmp'),
    };
    await expect(store.writeIfAbsent('a', HELLO)).rejects.toMatchObject(denied);
    isDenied = false;
    expect(await store.writeIfAbsent('a', HELLO)).toBe(true);
  });

  test('is not tried with AWS, which knows it', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', undefined);
    vi.stubEnv('AWS_ENDPOINT_URL_S3', undefined);
    const send = vi.spyOn(S3Client.prototype, 'send') as MockInstance<(command: Command) => Promise<object>>;
    send.mockResolvedValue({});
    onTestFinished(() => void vi.restoreAllMocks().unstubAllEnvs());
    const store = openS3Store('s3://bucket/lake', { region: 'eu-west-1' });
    expect(await store.writeIfAbsent('a', HELLO)).toBe(true);
    expect(send.mock.calls.map(([{ input }]) => input)).toMatchObject([{ Key: 'lake/a', IfNoneMatch: '*' }]);
    send.mockRejectedValue(Object.assign(new Error('no'), { name: 'AccessDenied' }));
    await expect(store.writeIfAbsent('a', HELLO)).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: 'cannot write s3://bucket/lake/a: access denied',
    });
  });
});

describe('access by others', () => {
  test('is described as the settings say', async () => {
    const { store } = await startFakeS3();
    const options = { ...store.s3, reader: 'cache', httpfsPath: '/x', cacheBytes: 9 } as const;
    const { remote } = openS3Store('s3://bucket/lake', options);
    const { cacheDir } = store.s3;
    expect(remote).toMatchObject({ reader: 'cache', httpfsPath: '/x', cacheBytes: 9, cacheDir });
    expect(await remote?.connect()).toMatchObject({
      endpoint: store.s3.endpointUrl?.slice('http://'.length),
      region: 'us-east-1',
    });
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'HOME'])
      vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(openS3Store('s3://bucket/lake', options).remote?.connect()).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: 'cannot reach s3://bucket/lake: no credentials were found',
    });
  });

  test('goes by links, which end', async () => {
    const { store } = await startFakeS3();
    await store.write('a b', HELLO);
    const url = new URL((await store.remote?.signUrl('a b', 59_001)) ?? '');
    expect(url.href.startsWith(`${store.s3.endpointUrl}/bucket/lake/a%20b?`)).toBe(true);
    expect(url.searchParams.get('X-Amz-Expires')).toBe('60');
    expect(Buffer.from(await (await fetch(url)).arrayBuffer())).toEqual(HELLO);
  });

  test('may be a local copy', async () => {
    const { store } = await startFakeS3();
    await store.write('a', HELLO);
    const path = join(await makeTestFolder(), 'copy');
    await store.remote?.download('a', path, 5);
    expect(await readFile(path)).toEqual(HELLO);
  });
});

test('a store whose signal aborts does nothing any more, and another on the same place goes on', async () => {
  const { store } = await startFakeS3();
  await store.write('a', HELLO);
  const stop = new AbortController();
  const bound = store.withSignal(stop.signal);
  expect(await bound.read('a')).toEqual(HELLO);
  expect([bound.uri, bound.s3, bound.remote?.cacheDir]).toEqual([
    store.uri,
    store.s3,
    store.remote?.cacheDir,
  ]);
  // Every request in flight adds a listener.
  const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
  onTestFinished(() => void vi.restoreAllMocks());
  for (let count = 0; count < 20; count += 1) stop.signal.addEventListener('abort', () => undefined);
  expect(warn).not.toHaveBeenCalled();
  stop.abort(new Error('enough'));
  await expect(bound.read('a')).rejects.toThrow('enough');
  await expect(bound.delete('a')).rejects.toThrow('enough');
  expect(await store.read('a')).toEqual(HELLO);
});

describe('temporary files', () => {
  test('lie in the cache, in a folder that stays young, or is only named', async () => {
    const { store } = await startFakeS3();
    const root = join(store.s3.cacheDir ?? '', 'tmp');
    const named = await store.nameScratchDir();
    expect([named.startsWith(`${root}/`), existsSync(named), await readdir(root)]).toEqual([true, false, []]);
    const made = await store.makeScratchDir();
    expect([made.startsWith(`${root}/`), existsSync(made)]).toEqual([true, true]);
    await utimes(made, 1, 1);
    await touchInUse();
    expect((await stat(made)).mtimeMs).toBeGreaterThan(2000);
  });

  test('of dead processes go when another one needs them', async () => {
    const store = openS3Store('s3://bucket/lake', { cacheDir: await makeTestFolder() });
    const left = join(store.s3.cacheDir ?? '', 'tmp', `${processMark().split('.')[0]}.99999999.1-x`);
    await mkdir(left, { recursive: true });
    await store.nameScratchDir();
    expect(existsSync(left)).toBe(false);
  });

  test('of nobody are swept, here and of uploads that never ended', async () => {
    const beforeMs = Date.UTC(2026, 5, 1);
    const upload = (id: string, time: string): string =>
      `<Upload><Key>lake/${id}</Key><UploadId>${id}</UploadId>${time}</Upload>`;
    const at = (ms: number): string => `<Initiated>${new Date(ms).toISOString()}</Initiated>`;
    const seen: SeenRequest[] = [];
    const { store } = await startFakeS3((request) => {
      seen.push(request);
      if (!request.query.has('uploads')) return { status: 204 };
      return xml(`<ListMultipartUploadsResult>${upload('old', at(beforeMs - 1000))}${upload('new', at(beforeMs))}
        ${upload('ageless', '')}${upload('older', at(0))}</ListMultipartUploadsResult>`);
    });
    const root = join(store.s3.cacheDir ?? '', 'tmp');
    await mkdir(join(root, 'left'), { recursive: true });
    await utimes(join(root, 'left'), 1, 1);
    expect(await store.sweepTemporary(beforeMs)).toBe(3);
    expect(await readdir(root)).toEqual([]);
    expect(
      seen.map(({ method, key, query }) => [method, key, query.get('prefix') ?? query.get('uploadId')]),
    ).toEqual([
      ['GET', '', 'lake/'],
      ['DELETE', 'lake/old', 'old'],
      ['DELETE', 'lake/older', 'older'],
    ]);
  });

  test('need not be there', async () => {
    const { store } = await startFakeS3(() =>
      xml('<ListMultipartUploadsResult></ListMultipartUploadsResult>'),
    );
    expect(await store.sweepTemporary(Date.now())).toBe(0);
  });
});
