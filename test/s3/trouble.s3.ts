import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder, pixlake } from '../support/pixlake.ts';
import { type Fault, startFaultProxy } from './fault-proxy.ts';
import { clientOf, hasCeph, hasS3, openTestStore, testBucket, testUri } from './s3-fixture.ts';

const SECRET = process.env['AWS_SECRET_ACCESS_KEY'] ?? '';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

/** Demands an error that names code and place, and tells no secret. */
async function expectRefusal(work: Promise<unknown>, code: ErrorCode, place: string): Promise<void> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code, message: expect.stringContaining(place) });
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(SECRET);
}

describe.skipIf(!hasS3)('what a server refuses is explained', () => {
  test('a bucket that is not there', async () => {
    const store = openStore('s3://pixlake-no-such-bucket/lake');
    for (const start of [
      () => store.read('a'),
      () => store.write('a', Buffer.from('x')),
      () => keysOf(store),
    ])
      await expectRefusal(start(), 'BUCKET_NOT_FOUND', 's3://pixlake-no-such-bucket/lake');
    const { code, stderr } = await pixlake('s3://pixlake-no-such-bucket/lake', 'tables');
    expect(code).toBe(5);
    expect(stderr).toContain('[BUCKET_NOT_FOUND]');
  });

  test('a lake that is not there', async () => {
    const { code, stderr } = await pixlake(await testUri(), 'tables');
    expect(code).toBe(3);
    expect(stderr).toContain('[LAKE_NOT_FOUND]');
  });

  test.each([
    ['a wrong access key', { AWS_ACCESS_KEY_ID: 'nobody' }, 'access key is unknown'],
    ['a wrong secret', { AWS_SECRET_ACCESS_KEY: 'wrong' }, 'secret key'],
    ['no credentials', { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }, 'no credentials'],
  ])('%s', async (_, env, words) => {
    const uri = await testUri();
    for (const [name, value] of Object.entries({
      ...env,
      AWS_EC2_METADATA_DISABLED: 'true',
      HOME: '/nowhere',
    }))
      vi.stubEnv(name, value === '' ? undefined : value);
    await expectRefusal(openStore(uri).read('a'), 'STORAGE_DENIED', `${uri}/a`);
    await expect(openStore(uri).read('a')).rejects.toThrow(words);
  });

  test.each<[string, Fault, ErrorCode, string]>([
    ['another region', { status: 301, code: 'PermanentRedirect' }, 'STORAGE_FAILED', 'region'],
    ['expired credentials', { status: 400, code: 'ExpiredToken' }, 'STORAGE_DENIED', 'expired'],
    ['a quota', { status: 403, code: 'QuotaExceeded' }, 'STORAGE_FULL', 'quota'],
    ['anything else', { status: 400, code: 'Whatever' }, 'STORAGE_FAILED', 'Whatever'],
  ])('%s', async (_, fault, code, words) => {
    const proxy = await startFaultProxy(() => fault);
    const store = await openTestStore({ endpointUrl: proxy.url });
    await expectRefusal(store.read('a'), code, `${store.uri}/a`);
    await expect(store.write('a', Buffer.from('x'))).rejects.toThrow(words);
  });

  test('a server that lets every conditional write win is found out before the first commit', async () => {
    const proxy = await startFaultProxy(() => ({ ignoresConditions: true }));
    const store = await openTestStore({ endpointUrl: proxy.url });
    await expectRefusal(store.writeIfAbsent('a', Buffer.from('x')), 'STORAGE_NOT_ATOMIC', store.uri);
    expect(await store.stat('a')).toBeUndefined();
    proxy.weather = ({ isConditional }) =>
      isConditional ? { status: 501, code: 'NotImplemented' } : undefined;
    const other = await openTestStore({ endpointUrl: proxy.url });
    await expectRefusal(other.writeIfAbsent('a', Buffer.from('x')), 'STORAGE_NOT_ATOMIC', other.uri);
  });

  test('a server that nobody runs', async () => {
    const store = await openTestStore({ endpointUrl: 'http://no-such-host.invalid' });
    await expectRefusal(store.read('a'), 'STORAGE_FAILED', `${store.uri}/a`);
  });

  test('a clock that is an hour wrong does not matter', async () => {
    const store = await openTestStore();
    const now = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: now + 3_600_000 });
    await store.write('a', Buffer.from('x'));
    expect((await store.read('a')).toString()).toBe('x');
  });
});

describe.skipIf(!hasCeph)('permissions', () => {
  test('a guest who may read may not write, and one who may write may not list', async () => {
    const bucket = await testBucket();
    const uri = await testUri();
    const owner = openStore(uri);
    await owner.write('a', Buffer.from('x'));
    const prefix = uri.slice(`s3://${bucket}/`.length);
    const allow = async (actions: readonly string[], resources: readonly string[]): Promise<void> => {
      const statement = {
        Effect: 'Allow',
        Principal: { AWS: ['arn:aws:iam:::user/guest'] },
        Action: actions,
        Resource: resources.map((path) => `arn:aws:s3:::${bucket}${path}`),
      };
      const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
      await clientOf().send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
    };
    await allow(['s3:GetObject', 's3:ListBucket'], ['', `/${prefix}/*`]);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'guestkey');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'guestsecret0123456789');
    const reader = openStore(uri, { cacheDir: await makeTestFolder() });
    expect((await reader.read('a')).toString()).toBe('x');
    await keysOf(reader);
    await expectRefusal(reader.write('b', Buffer.from('x')), 'STORAGE_DENIED', `${uri}/b`);
    await expectRefusal(reader.delete('a'), 'STORAGE_DENIED', `${uri}/a`);
    vi.unstubAllEnvs();
    await allow(['s3:PutObject'], [`/${prefix}/*`]);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'guestkey');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'guestsecret0123456789');
    const writer = openStore(uri);
    await writer.write('b', Buffer.from('x'));
    await expectRefusal(keysOf(writer), 'STORAGE_DENIED', uri);
    await expectRefusal(writer.read('a'), 'STORAGE_DENIED', `${uri}/a`);
    await expectRefusal(writer.stat('a'), 'STORAGE_DENIED', `${uri}/a`);
  });
});
