import { setTimeout as sleep } from 'node:timers/promises';
import { PixlakeError } from '../errors.ts';

/** Tries in all; each one works on a newer snapshot than the last. */
const MAX_TRIES = 100;
const MAX_PAUSE_MS = 1000;

/**
 * Does work that ends in a commit again, from a fresh snapshot, as long as it ends in `COMMIT_CONFLICT`: what another writer changed may
 * change what is to be done.
 *
 * @throws `COMMIT_CONFLICT` after many tries, and whatever else the work throws
 */
export async function retryOnConflict<Result>(
  work: (tryCount: number) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  for (let tryCount = 0; ; tryCount++) {
    try {
      return await work(tryCount);
    } catch (error) {
      const isConflict = error instanceof PixlakeError && error.code === 'COMMIT_CONFLICT';
      if (!isConflict || tryCount + 1 >= MAX_TRIES) throw error;
      signal?.throwIfAborted();
      await sleep(Math.random() * Math.min(MAX_PAUSE_MS, 20 * 2 ** Math.min(tryCount, 6)));
    }
  }
}
