import { type ErrorCode, messageOf, PixlakeError } from '../errors.ts';
import type { Verdict } from './request-gate.ts';

/** A request that was answered, but not with the bytes it should have; worth another try. */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer';
}

/** Error codes of S3 that say the server has too much to do (S3 API Reference, "List of error codes"). */
const OVERLOADED = new Set([
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  'ServiceUnavailable',
]);

/** Error codes that pass by themselves, and those of connections that broke. */
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
  /** Code of S3 or of the system. */
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

/** Whether a request that failed is worth another try. */
export function judgeFailure(error: unknown): Verdict {
  const { code, status } = failureOf(error);
  if (OVERLOADED.has(code) || status === 503 || status === 429) return 'slow down';
  const isCutOff = error instanceof Error && /aborted|socket hang up|premature close/iu.test(error.message);
  return PASSING.has(code) || isCutOff || (status !== undefined && status >= 500 && status !== 501)
    ? 'retry'
    : 'fail';
}

/** Whether an error says that there is no such object; a missing bucket is another matter. */
export function isMissingObject(error: unknown): boolean {
  const { code, status } = failureOf(error);
  return code === 'NoSuchKey' || code === 'NotFound' || (status === 404 && code !== 'NoSuchBucket');
}

/** Whether a range began behind the end of the object. */
export function isBeyondEnd(error: unknown): boolean {
  return failureOf(error).status === 416;
}

/** Whether a conditional write found the key taken. */
export function isTaken(error: unknown): boolean {
  return failureOf(error).status === 412;
}

/** Whether the server does not know a kind of request at all. */
export function isNotImplemented(error: unknown): boolean {
  return failureOf(error).status === 501;
}

/** What is known of each refusal: pixlake's code, what to say and what to do. */
const REFUSALS: Readonly<Record<string, { code: ErrorCode; reason?: string; remedy?: string }>> = {
  NoSuchBucket: { code: 'BUCKET_NOT_FOUND', remedy: 'make the bucket first; pixlake never makes one' },
  NoSuchKey: { code: 'OBJECT_NOT_FOUND', reason: 'there is no such object' },
  NotFound: { code: 'OBJECT_NOT_FOUND', reason: 'there is no such object' },
  AccessDenied: {
    code: 'STORAGE_DENIED',
    reason: 'access denied',
    remedy:
      'the credentials lack the permission (s3:GetObject, s3:PutObject, s3:DeleteObject or s3:ListBucket)',
  },
  InvalidAccessKeyId: {
    code: 'STORAGE_DENIED',
    reason: 'the server does not know the access key',
    remedy: 'check AWS_ACCESS_KEY_ID or the profile, and that the endpoint is the right one',
  },
  SignatureDoesNotMatch: {
    code: 'STORAGE_DENIED',
    reason: 'the secret key is not the one of the access key',
    remedy: 'check AWS_SECRET_ACCESS_KEY or the profile',
  },
  ExpiredToken: {
    code: 'STORAGE_DENIED',
    reason: 'the credentials have expired',
    remedy: 'renew them (for example `aws sso login`); the same command takes up what was interrupted',
  },
  RequestTimeTooSkewed: {
    code: 'STORAGE_DENIED',
    reason: "this machine's clock is too far from the server's",
    remedy: 'set the clock',
  },
  CredentialsProviderError: {
    code: 'STORAGE_DENIED',
    reason: 'there are no credentials',
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
  AllAccessDisabled: 'AccessDenied',
  Forbidden: 'AccessDenied',
};

/** Regions other than the bucket's are answered by a redirect, or by a signature that does not fit. */
const WRONG_REGION = new Set([
  'PermanentRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
]);

/** Explains a failed request by bucket and key, without a word of what the credentials are. */
export function explainFailure(error: unknown, place: string, verb: string): PixlakeError {
  if (error instanceof PixlakeError) return error;
  const { code, status } = failureOf(error);
  const doing = `cannot ${verb} ${place}`;
  if (WRONG_REGION.has(code) || status === 301) {
    return new PixlakeError('STORAGE_FAILED', `${doing}: the bucket lies in another region`, {
      cause: error,
      remedy: 'name its region with --region or AWS_REGION',
    });
  }
  if (/region is missing/iu.test(messageOf(error))) {
    return new PixlakeError('STORAGE_FAILED', `${doing}: it is not known in which region the bucket lies`, {
      cause: error,
      remedy: 'name its region with --region or AWS_REGION, or the server with --endpoint-url',
    });
  }
  // The answer to HEAD has no body that says why.
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
