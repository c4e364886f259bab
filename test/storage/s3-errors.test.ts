import { describe, expect, test } from 'vitest';
import { type ErrorCode, PixlakeError } from '../../src/errors.ts';
import type { Verdict } from '../../src/storage/request-gate.ts';
import {
  BadAnswer,
  explainFailure,
  isBeyondEnd,
  isMissingObject,
  isNotImplemented,
  isTaken,
  judgeFailure,
} from '../../src/storage/s3-errors.ts';

/** An error as the SDK of AWS throws it. */
function answered(status: number | undefined, name = 'UnknownError', message = name): Error {
  const metadata = status === undefined ? {} : { $metadata: { httpStatusCode: status } };
  return Object.assign(new Error(message), { name, ...metadata });
}

/** An error as Node throws it. */
const ofSystem = (code: unknown, message = 'connection'): Error =>
  Object.assign(new Error(message), { code });

describe('what is done about a failed request', () => {
  test.each<[Verdict, unknown]>([
    ['retry', answered(500, 'InternalError')],
    ['retry', answered(500)],
    ['fail', answered(501, 'NotImplemented')],
    ['retry', answered(502)],
    ['slow down', answered(503)],
    ['retry', answered(504)],
    ['retry', answered(599)],
    ['slow down', answered(429)],
    ['slow down', answered(400, 'SlowDown')],
    ['slow down', answered(400, 'Throttling')],
    ['slow down', answered(400, 'ThrottlingException')],
    ['slow down', answered(400, 'TooManyRequests')],
    ['slow down', answered(400, 'ServiceUnavailable')],
    ['retry', answered(400, 'RequestTimeout')],
    ['retry', answered(403, 'RequestTimeTooSkewed')],
    ['retry', answered(409, 'ConditionalRequestConflict')],
    ['retry', answered(409, 'OperationAborted')],
    ['retry', answered(undefined, 'TimeoutError')],
    ['retry', answered(400, 'BadDigest')],
    ['retry', new BadAnswer('only 1 of 2 bytes came')],
    ['retry', ofSystem('ECONNRESET')],
    ['retry', ofSystem('ECONNREFUSED')],
    ['retry', ofSystem('ECONNABORTED')],
    ['retry', ofSystem('EPIPE')],
    ['retry', ofSystem('ETIMEDOUT')],
    ['retry', ofSystem('EAI_AGAIN')],
    ['retry', ofSystem('EHOSTUNREACH')],
    ['retry', ofSystem('ENETUNREACH')],
    ['retry', answered(undefined, 'Error', 'socket hang up')],
    ['retry', answered(undefined, 'Error', 'aborted')],
    ['retry', answered(undefined, 'TypeError', 'Premature close')],
    ['fail', answered(undefined, 'TypeError', 'x is not a function')],
    ['fail', ofSystem('ENOTFOUND')],
    ['fail', ofSystem(500)],
    ['fail', answered(403, 'AccessDenied')],
    ['fail', answered(404, 'NoSuchKey')],
    ['fail', answered(400, 'ExpiredToken')],
    ['fail', answered(412, 'PreconditionFailed')],
    ['fail', answered(416, 'InvalidRange')],
    ['fail', answered(499)],
    // Only errors have codes and messages.
    ['fail', 'socket hang up'],
    ['fail', { name: 'InternalError', $metadata: { httpStatusCode: 500 } }],
    ['fail', undefined],
  ])('%s: %o', (verdict, error) => {
    expect(judgeFailure(error)).toBe(verdict);
  });

  test('a code counts more than the name of the error, which every error has', () => {
    expect(judgeFailure(Object.assign(answered(400, 'AccessDenied'), { Code: 'SlowDown' }))).toBe(
      'slow down',
    );
    expect(judgeFailure(Object.assign(answered(400, 'SlowDown'), { code: 'EPIPE' }))).toBe('retry');
    expect(judgeFailure(Object.assign(answered(400, 'SlowDown'), { code: 7, Code: null }))).toBe('slow down');
  });
});

describe('what an answer means', () => {
  test('an object is missing, but not where the bucket is', () => {
    expect(isMissingObject(answered(undefined, 'NoSuchKey'))).toBe(true);
    expect(isMissingObject(answered(undefined, 'NotFound'))).toBe(true);
    expect(isMissingObject(answered(404))).toBe(true);
    expect(isMissingObject(answered(404, 'NoSuchBucket'))).toBe(false);
    expect(isMissingObject(answered(404, 'XAdminUserNotFound'))).toBe(false);
    expect(isMissingObject(answered(403, 'AccessDenied'))).toBe(false);
    expect(isMissingObject('NoSuchKey')).toBe(false);
  });

  test.each([
    ['the range begins beyond the end', isBeyondEnd, 416],
    ['the key is taken', isTaken, 412],
    ['the server cannot do that', isNotImplemented, 501],
  ])('%s', (_, means, status) => {
    const statuses = [undefined, 200, 404, 409, 412, 416, 500, 501];
    expect(statuses.filter((one) => means(answered(one)))).toEqual([status]);
  });
});

describe('what users are told about a failure', () => {
  test.each<[string, number | undefined, ErrorCode, RegExp, RegExp | undefined]>([
    ['NoSuchBucket', 404, 'BUCKET_NOT_FOUND', /^NoSuchBucket happened$/u, /create the bucket/u],
    ['NoSuchKey', 404, 'OBJECT_NOT_FOUND', /^the object does not exist$/u, undefined],
    ['NotFound', 404, 'OBJECT_NOT_FOUND', /^the object does not exist$/u, undefined],
    ['AccessDenied', 403, 'STORAGE_DENIED', /^access denied$/u, /s3:GetObject/u],
    ['AllAccessDisabled', 403, 'STORAGE_DENIED', /^access denied$/u, /s3:GetObject/u],
    ['Forbidden', 403, 'STORAGE_DENIED', /^access denied$/u, /s3:GetObject/u],
    // HEAD tells a status alone.
    ['Whatever', 403, 'STORAGE_DENIED', /^access denied$/u, /s3:GetObject/u],
    ['InvalidAccessKeyId', 403, 'STORAGE_DENIED', /access key is unknown/u, /AWS_ACCESS_KEY_ID/u],
    ['XAdminUserNotFound', 404, 'STORAGE_DENIED', /access key is unknown/u, /AWS_ACCESS_KEY_ID/u],
    ['SignatureDoesNotMatch', 403, 'STORAGE_DENIED', /secret key/u, /AWS_SECRET_ACCESS_KEY/u],
    ['ExpiredToken', 400, 'STORAGE_DENIED', /have expired/u, /renew them/u],
    ['TokenRefreshRequired', 400, 'STORAGE_DENIED', /have expired/u, /renew them/u],
    ['InvalidToken', 400, 'STORAGE_DENIED', /have expired/u, /renew them/u],
    ['RequestTimeTooSkewed', 403, 'STORAGE_DENIED', /clock of this machine/u, /set the clock/u],
    ['CredentialsProviderError', undefined, 'STORAGE_DENIED', /no credentials/u, /AWS_PROFILE/u],
    ['QuotaExceeded', 403, 'STORAGE_FULL', /quota is used up/u, undefined],
    ['ENOSPC', undefined, 'STORAGE_FULL', /disk of this machine is full/u, undefined],
    ['ENOTFOUND', undefined, 'STORAGE_FAILED', /^ENOTFOUND happened$/u, /endpoint and the region/u],
    ['ECONNREFUSED', undefined, 'STORAGE_FAILED', /^ECONNREFUSED happened$/u, /the server is up/u],
    ['PermanentRedirect', 301, 'STORAGE_FAILED', /in another region/u, /set its region/u],
    ['AuthorizationHeaderMalformed', 400, 'STORAGE_FAILED', /in another region/u, /set its region/u],
    ['IllegalLocationConstraintException', 400, 'STORAGE_FAILED', /in another region/u, /set its region/u],
    ['Whatever', 301, 'STORAGE_FAILED', /in another region/u, /set its region/u],
    ['InternalError', 500, 'STORAGE_FAILED', /^InternalError happened$/u, undefined],
  ])('%s (%s) is %s', (name, status, code, reason, remedy) => {
    const error = answered(status, name, `${name} happened`);
    const explained = explainFailure(error, 's3://bucket/key', 'read');
    const [start, told] = explained.message.split('key: ');
    expect([explained.code, start, explained.cause]).toEqual([code, 'cannot read s3://bucket/', error]);
    expect(told).toMatch(reason);
    expect(explained.remedy ?? 'none').toMatch(remedy ?? /^none$/u);
  });

  test('a region that nobody has named is asked for', () => {
    const explained = explainFailure(new Error('Region is missing'), 's3://bucket', 'list');
    expect(explained).toMatchObject({
      code: 'STORAGE_FAILED',
      message: 'cannot list s3://bucket: the region of the bucket is unknown',
      remedy: expect.stringContaining('set the region'),
      cause: { message: 'Region is missing' },
    });
  });

  test.each<[string, unknown]>([
    ['Odd: it went wrong', answered(400, 'Odd', 'it went wrong')],
    ['Odd answer', answered(400, 'Odd', 'Odd answer')],
    // The SDK says this where the answer has no body.
    ['Odd', answered(400, 'Odd', 'UnknownError')],
    ['HTTP 418', answered(418)],
    ['just a text', 'just a text'],
    ['plain', new Error('plain')],
  ])('another failure is told as %j', (told, error) => {
    expect(explainFailure(error, 's3://b/k', 'write')).toMatchObject({
      code: 'STORAGE_FAILED',
      message: `cannot write s3://b/k: ${told}`,
      remedy: undefined,
    });
  });

  test('what is already explained stays as it is', () => {
    const known = new PixlakeError('STORAGE_NOT_ATOMIC', 'known');
    expect(explainFailure(known, 's3://b/k', 'write')).toBe(known);
  });
});
