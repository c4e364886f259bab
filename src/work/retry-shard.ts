import { type ErrorCode, PixlakeError } from '../errors.ts';
import { type AttemptOutcome, type ShardProgress, toDeath, toError } from './attempt.ts';

/** Attempts at a shard before the run gives up. */
export const MAX_ATTEMPTS = 3;

/** Errors that would occur again in every attempt. */
const FINAL_CODES = new Set<ErrorCode>([
  'INTERRUPTED',
  'RUN_CANCELLED',
  'STORAGE_FULL',
  'STORAGE_DENIED',
  'BUCKET_NOT_FOUND',
  'HTTPFS_UNAVAILABLE',
  'RUN_CORRUPT',
  'RUN_NOT_FOUND',
  'RUN_REMOVED',
  'RUN_TOO_OLD',
  'MODEL_MISMATCH',
  'MODEL_NOT_FOUND',
  'MODEL_CARD_INVALID',
  'MODEL_RUNTIME_MISSING',
  'DEVICE_UNAVAILABLE',
  'WORKER_TOO_SMALL',
]);

/**
 * Makes attempts at a shard until one succeeds. The death of a worker counts as a failure.
 *
 * @throws the error of an attempt if it would occur again; `SHARD_FAILED` after too many attempts
 */
export async function retryShard(
  shard: number,
  attempt: () => Promise<AttemptOutcome>,
): Promise<ShardProgress> {
  let last: PixlakeError | undefined;
  for (let count = 0; count < MAX_ATTEMPTS; count++) {
    const outcome = await attempt().catch(toDeath);
    if (outcome.kind === 'done') return outcome;
    last = toError(outcome);
    if (FINAL_CODES.has(last.code)) throw last;
  }
  throw new PixlakeError(
    'SHARD_FAILED',
    `shard ${shard} failed ${MAX_ATTEMPTS} times: ${last?.message ?? ''}`,
    { cause: last },
  );
}
