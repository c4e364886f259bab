import { expect, test } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import { PixlakeError } from '../../src/errors.ts';
import { type AttemptOutcome, toError, toFailure } from '../../src/work/attempt.ts';
import { MAX_ATTEMPTS, retryShard } from '../../src/work/retry-shard.ts';

const DONE = { kind: 'done', imageCount: 3, errorCount: 1 } as const;

function failWith(code: ErrorCode): AttemptOutcome {
  return toFailure(new PixlakeError(code, 'it failed', { remedy: 'do it again' }));
}

/** Retries a shard whose attempts end as given, and tells how many were made. */
async function retry(
  outcomes: readonly (AttemptOutcome | Error)[],
): Promise<{ readonly count: number; readonly result: unknown }> {
  let count = 0;
  const result = await retryShard(7, async () => {
    const outcome = outcomes[count] ?? DONE;
    count += 1;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }).catch((error: unknown) => error);
  return { count, result };
}

test.each<[string, AttemptOutcome | Error]>([
  ['an attempt that failed', failWith('STORAGE_FAILED')],
  ['a model that failed', failWith('MODEL_FAILED')],
  ['a worker that died', new Error('exit 9')],
])('%s is tried again, and the shard is done', async (_, outcome) => {
  expect(await retry([outcome])).toEqual({ count: 2, result: DONE });
  expect(await retry([outcome, outcome])).toEqual({ count: 3, result: DONE });
});

test('after the last attempt the shard has failed, for the reason of that one', async () => {
  const { count, result } = await retry([
    failWith('STORAGE_FAILED'),
    new Error('exit 9'),
    failWith('MODEL_FAILED'),
  ]);
  expect(count).toBe(MAX_ATTEMPTS);
  expect(result).toMatchObject({ code: 'SHARD_FAILED', message: 'shard 7 failed 3 times: it failed' });
  expect(result).toMatchObject({ cause: { code: 'MODEL_FAILED', remedy: 'do it again' } });
});

test.each<ErrorCode>([
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
  'DEVICE_UNAVAILABLE',
  'WORKER_TOO_SMALL',
])('%s is final, in whichever attempt it occurs', async (code) => {
  const { count, result } = await retry([failWith(code)]);
  expect(count).toBe(1);
  expect(result).toMatchObject({ code, message: 'it failed', remedy: 'do it again' });
  expect(await retry([new Error('exit 9'), failWith(code)])).toMatchObject({ count: 2, result: { code } });
});

test('an outcome survives as text with all that its error says', () => {
  const error = new PixlakeError('STORAGE_FULL', 'the disk is full', { remedy: 'free some room' });
  const outcome = JSON.parse(JSON.stringify(toFailure(error))) as Extract<AttemptOutcome, { kind: 'failed' }>;
  const { code, message, remedy } = toError(outcome);
  expect({ code, message, remedy }).toEqual({
    code: 'STORAGE_FULL',
    message: 'the disk is full',
    remedy: 'free some room',
  });
  expect(toFailure(new Error('odd'))).toMatchObject({ code: 'INTERNAL_ERROR', message: 'odd' });
});
