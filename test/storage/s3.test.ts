import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/storage/open-store.ts';
import { RequestGate, type Verdict } from '../../src/storage/request-gate.ts';
import { explainFailure, judgeFailure } from '../../src/storage/s3-errors.ts';
import { resolveS3 } from '../../src/storage/s3-options.ts';
import { sweepFolder } from '../../src/storage/sweep-folder.ts';
import { makeTestFolder } from '../support/pixlake.ts';

describe('settings of S3', () => {
  test('come from options, from the environment as AWS tools name it, or have defaults', () => {
    expect(resolveS3({}, {})).toMatchObject({ endpointUrl: undefined, isPathStyle: false, reader: 'auto' });
    const env = {
      AWS_ENDPOINT_URL: 'http://general:1',
      AWS_ENDPOINT_URL_S3: 'http://special:2',
      PIXLAKE_S3_READER: 'cache',
      PIXLAKE_CACHE_BYTES: '123',
      XDG_CACHE_HOME: '/x',
    };
    expect(resolveS3({}, env)).toMatchObject({
      endpointUrl: 'http://special:2',
      isPathStyle: true,
      reader: 'cache',
      cacheBytes: 123,
      cacheDir: '/x/pixlake',
    });
    const options = { endpointUrl: 'https://own', reader: 'httpfs', isPathStyle: false } as const;
    expect(resolveS3(options, env)).toMatchObject(options);
    expect(resolveS3({}, { AWS_ENDPOINT_URL: '' }).endpointUrl).toBeUndefined();
  });

  test.each([
    [{ AWS_ENDPOINT_URL: 'localhost:9000' }, 'localhost:9000'],
    [{ PIXLAKE_S3_READER: 'ftp' }, 'ftp'],
    [{ PIXLAKE_CACHE_BYTES: '10GB' }, '10GB'],
    [{ PIXLAKE_CACHE_BYTES: '-1' }, '-1'],
  ])('%o is refused by name', (env, words) => {
    expect(() => resolveS3({}, env)).toThrow(
      expect.objectContaining({ code: 'ARGUMENT_INVALID', message: expect.stringContaining(words) }),
    );
  });

  test.each(['s3://', 's3:///prefix'])('%s names no bucket', (uri) => {
    expect(() => openStore(uri)).toThrow(expect.objectContaining({ code: 'ARGUMENT_INVALID' }));
  });
});

/** An error as the SDK of AWS throws it. */
function answered(status: number | undefined, name = 'UnknownError', message = name): Error {
  const metadata = status === undefined ? {} : { $metadata: { httpStatusCode: status } };
  return Object.assign(new Error(message), { name, ...metadata });
}

describe('what is done about a failed request', () => {
  test.each<[Verdict, Error]>([
    ['retry', answered(500, 'InternalError')],
    ['retry', answered(500)],
    ['retry', answered(502)],
    ['slow down', answered(503)],
    ['slow down', answered(503, 'SlowDown')],
    ['retry', answered(504)],
    ['retry', answered(599)],
    ['fail', answered(501, 'NotImplemented')],
    ['slow down', answered(429, 'TooManyRequests')],
    ['slow down', answered(400, 'ThrottlingException')],
    ['retry', answered(400, 'RequestTimeout')],
    ['retry', answered(400, 'BadDigest')],
    ['retry', answered(409, 'ConditionalRequestConflict')],
    ['retry', Object.assign(answered(undefined, 'Error'), { code: 'ECONNRESET' })],
    ['retry', answered(undefined, 'Error', 'socket hang up')],
    ['retry', answered(undefined, 'TypeError', 'Premature close')],
    ['fail', answered(undefined, 'TypeError', 'x is not a function')],
    ['fail', answered(403, 'AccessDenied')],
    ['fail', answered(404, 'NoSuchKey')],
    ['fail', answered(400, 'ExpiredToken')],
    ['fail', answered(412, 'PreconditionFailed')],
    ['fail', answered(416, 'InvalidRange')],
    ['fail', answered(499)],
  ])('%s: %o', (verdict, error) => {
    expect(judgeFailure(error)).toBe(verdict);
  });
});

describe('the gate of requests', () => {
  const judge = (error: unknown): Verdict => (error as Error).message as Verdict;

  test('lets so many through at once, and after an overload half as many', async () => {
    const gate = new RequestGate({ judge, maxInFlight: 16, patienceMs: 60_000 });
    let inFlight = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await sleep(2);
      inFlight -= 1;
    };
    await Promise.all(Array.from({ length: 50 }, () => gate.run(work)));
    expect(most).toBe(16);
    let isFirst = true;
    await gate.run(async () => {
      const fails = isFirst;
      isFirst = false;
      if (fails) throw new Error('slow down');
    });
    most = 0;
    await Promise.all(Array.from({ length: 16 }, () => gate.run(work)));
    expect(most).toBeGreaterThanOrEqual(8);
    // Half as many, and one more for what has gone well since.
    expect(most).toBeLessThanOrEqual(9);
  });

  test('repeats what passes, but not what is for good', async () => {
    const gate = new RequestGate({ judge, maxInFlight: 1, patienceMs: 60_000 });
    let attempts = 0;
    const failing = (verdict: Verdict, count: number) => async (): Promise<string> => {
      attempts += 1;
      if (attempts <= count) throw new Error(verdict);
      return 'done';
    };
    expect(await gate.run(failing('retry', 3))).toBe('done');
    expect(attempts).toBe(4);
    attempts = 0;
    await expect(gate.run(failing('fail', 3))).rejects.toThrow('fail');
    expect(attempts).toBe(1);
  });

  test('gives up when patience ends, and at once when the work is aborted', async () => {
    const hasty = new RequestGate({ judge, maxInFlight: 1, patienceMs: 100 });
    const fail = async (): Promise<never> => Promise.reject(new Error('retry'));
    await expect(hasty.run(fail)).rejects.toThrow('retry');
    const patient = new RequestGate({ judge, maxInFlight: 1, patienceMs: 600_000 });
    const stop = new AbortController();
    const waiting = patient.run(fail, stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('failures of S3', () => {
  const failure = (code: string, status?: number): Error =>
    Object.assign(new Error(`${code} happened`), { name: code, $metadata: { httpStatusCode: status } });

  test.each<[string, number | undefined, Verdict, string]>([
    ['SlowDown', 503, 'slow down', 'STORAGE_FAILED'],
    ['InternalError', 500, 'retry', 'STORAGE_FAILED'],
    ['ECONNRESET', undefined, 'retry', 'STORAGE_FAILED'],
    ['RequestTimeTooSkewed', 403, 'retry', 'STORAGE_DENIED'],
    ['NotImplemented', 501, 'fail', 'STORAGE_FAILED'],
    ['AccessDenied', 403, 'fail', 'STORAGE_DENIED'],
    ['Forbidden', 403, 'fail', 'STORAGE_DENIED'],
    ['NoSuchBucket', 404, 'fail', 'BUCKET_NOT_FOUND'],
    ['NoSuchKey', 404, 'fail', 'OBJECT_NOT_FOUND'],
    ['PermanentRedirect', 301, 'fail', 'STORAGE_FAILED'],
    ['ENOTFOUND', undefined, 'fail', 'STORAGE_FAILED'],
  ])('%s (%s) is to %s and told as %s', (code, status, verdict, told) => {
    const error = failure(code, status);
    expect(judgeFailure(error)).toBe(verdict);
    const explained = explainFailure(error, 's3://bucket/key', 'read');
    expect(explained).toMatchObject({ code: told });
    expect(explained.message).toMatch(/^cannot read s3:\/\/bucket\/key: ./u);
  });
});

test('sweeping removes what is old and leaves what somebody may be working on', async () => {
  const folder = await makeTestFolder();
  await mkdir(join(folder, 'old'));
  await writeFile(join(folder, 'old', 'file'), 'x');
  await writeFile(join(folder, 'old-file'), 'x');
  await mkdir(join(folder, 'new'));
  for (const name of ['old/file', 'old', 'old-file']) await utimes(join(folder, name), 1, 1);
  expect(await sweepFolder(folder, Date.now() - 60_000)).toBe(2);
  expect(await readdir(folder)).toEqual(['new']);
  expect(await sweepFolder(join(folder, 'absent'), Date.now())).toBe(0);
});
