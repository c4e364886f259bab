import { type ErrorCode, messageOf, PixlakeError } from '../errors.ts';
import type { Verdict } from './request-gate.ts';

/** A request got a response with the wrong bytes, which is worth another try. */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer';
}

/** Error codes of S3 that mean the server is overloaded (S3 API Reference, "List of error codes"). */
const OVERLOADED = new Set([
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  'ServiceUnavailable',
]);

/** Error codes of temporary failures and broken connections. */
const PASSING = new Set([
  'InternalError',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'ConditionalRequestConflict',
  'OperationAborted',
  'TimeoutError',
  'BadAnswer',
  'BadDigest',
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

interface Failure {
  /** Error code of S3 or of the system. */
  readonly code: string;
  readonly status: number | undefined;
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: '', status: undefined };
  const { $metadata, code, Code } = error as {
    $metadata?: { httpStatusCode?: number };
    code?: unknown;
    Code?: unknown;
  };
  const words = [code, Code, error.name].filter((word) => typeof word === 'string');
  return { code: words.find((word) => word !== 'Error') ?? '', status: $metadata?.httpStatusCode };
}

/** Whether a failed request is worth another try. */
export function judgeFailure(error: unknown): Verdict {
  const { code, status } = failureOf(error);
  if (OVERLOADED.has(code) || status === 503 || status === 429) return 'slow down';
  const isCutOff = error instanceof Error && /aborted|socket hang up|premature close/iu.test(error.message);
  return PASSING.has(code) || isCutOff || (status !== undefined && status >= 500 && status !== 501)
    ? 'retry'
    : 'fail';
}

/** Error codes with status 404 that are about something else than the object. */
const OTHER_MISSING = new Set(['NoSuchBucket', 'XAdminUserNotFound']);

/** Whether an error means that the object does not exist. A missing bucket is a different error. */
export function isMissingObject(error: unknown): boolean {
  const { code, status } = failureOf(error);
  return code === 'NoSuchKey' || code === 'NotFound' || (status === 404 && !OTHER_MISSING.has(code));
}

/** Whether a range begins beyond the end of the object. */
export function isBeyondEnd(error: unknown): boolean {
  return failureOf(error).status === 416;
}

/** Whether a conditional write found the key taken. */
export function isTaken(error: unknown): boolean {
  return failureOf(error).status === 412;
}

/** Whether the server does not implement this kind of request. */
export function isNotImplemented(error: unknown): boolean {
  return failureOf(error).status === 501;
}

/** For each error code: pixlake's code, the reason and the remedy. */
const REFUSALS: Readonly<Record<string, { code: ErrorCode; reason?: string; remedy?: string }>> = {
  NoSuchBucket: {
    code: 'BUCKET_NOT_FOUND',
    remedy: 'create the bucket first; pixlake does not create buckets',
  },
  NoSuchKey: { code: 'OBJECT_NOT_FOUND', reason: 'the object does not exist' },
  NotFound: { code: 'OBJECT_NOT_FOUND', reason: 'the object does not exist' },
  AccessDenied: {
    code: 'STORAGE_DENIED',
    reason: 'access denied',
    remedy:
      'the credentials lack the permission (s3:GetObject, s3:PutObject, s3:DeleteObject or s3:ListBucket)',
  },
  InvalidAccessKeyId: {
    code: 'STORAGE_DENIED',
    reason: 'the access key is unknown to the server',
    remedy: 'check AWS_ACCESS_KEY_ID or the profile, and the endpoint',
  },
  SignatureDoesNotMatch: {
    code: 'STORAGE_DENIED',
    reason: 'the secret key does not belong to the access key',
    remedy: 'check AWS_SECRET_ACCESS_KEY or the profile',
  },
  ExpiredToken: {
    code: 'STORAGE_DENIED',
    reason: 'the credentials have expired',
    remedy:
      'renew them (for example with `aws sso login`) and run the same command again; it resumes the work',
  },
  RequestTimeTooSkewed: {
    code: 'STORAGE_DENIED',
    reason: 'the clock of this machine differs too much from that of the server',
    remedy: 'set the clock',
  },
  CredentialsProviderError: {
    code: 'STORAGE_DENIED',
    reason: 'no credentials were found',
    remedy: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
  },
  QuotaExceeded: { code: 'STORAGE_FULL', reason: 'the quota is used up' },
  ENOSPC: { code: 'STORAGE_FULL', reason: 'the disk of this machine is full' },
  ENOTFOUND: { code: 'STORAGE_FAILED', remedy: 'check the endpoint and the region' },
  ECONNREFUSED: { code: 'STORAGE_FAILED', remedy: 'check the endpoint, and that the server is up' },
};

const SAME_AS: Readonly<Record<string, string>> = {
  TokenRefreshRequired: 'ExpiredToken',
  InvalidToken: 'ExpiredToken',
  // As versitygw says it, with status 404.
  XAdminUserNotFound: 'InvalidAccessKeyId',
  AllAccessDisabled: 'AccessDenied',
  Forbidden: 'AccessDenied',
};

/** For the wrong region a server answers with a redirect or a signature mismatch. */
const WRONG_REGION = new Set([
  'PermanentRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
]);

/** Explains a failed request by bucket and key. The message never contains credentials. */
export function explainFailure(error: unknown, place: string, verb: string): PixlakeError {
  if (error instanceof PixlakeError) return error;
  const { code, status } = failureOf(error);
  const doing = `cannot ${verb} ${place}`;
  if (WRONG_REGION.has(code) || status === 301) {
    return new PixlakeError('STORAGE_FAILED', `${doing}: the bucket lies in another region`, {
      cause: error,
      remedy: 'set its region with --region or AWS_REGION',
    });
  }
  if (/region is missing/iu.test(messageOf(error))) {
    return new PixlakeError('STORAGE_FAILED', `${doing}: the region of the bucket is unknown`, {
      cause: error,
      remedy: 'set the region with --region or AWS_REGION, or the server with --endpoint-url',
    });
  }
  // A response to HEAD has no body with a reason.
  const refusal = REFUSALS[SAME_AS[code] ?? code] ?? (status === 403 ? REFUSALS['AccessDenied'] : undefined);
  const told = messageOf(error);
  const words = [told.startsWith(code) ? undefined : code, told.startsWith('Unknown') ? undefined : told];
  const reason =
    refusal?.reason ?? (words.filter((word) => word !== undefined).join(': ') || `HTTP ${status}`);
  const { remedy } = refusal ?? {};
  return new PixlakeError(refusal?.code ?? 'STORAGE_FAILED', `${doing}: ${reason}`, {
    cause: error,
    ...(remedy === undefined ? {} : { remedy }),
  });
}
