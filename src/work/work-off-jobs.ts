import { PixlakeError } from '../errors.ts';
import { AttemptCells, type AttemptOutcome, type ShardProgress, toFailure } from './attempt.ts';
import { retryShard } from './retry-shard.ts';
import type { ShardJob } from './shard-job.ts';
import type { Workers } from './workers.ts';

/** Progress is reported at intervals, so its cost does not grow with the number of images. */
const PROGRESS_MS = 200;

/** Callbacks and signal for jobs in progress. */
export interface WorkOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ShardProgress) => void;
  /** Called for each finished shard. */
  readonly onShard: (shard: number) => void;
}

/**
 * Gives jobs to workers until all are done; each job ends with its marker in the lake. A shard that fails is retried a few times.
 *
 * @param jobs read one by one, so memory does not depend on the size of the run
 * @throws `INTERRUPTED` soon after `signal` is aborted; the error of a shard that kept failing
 */
export async function workOffJobs(
  workers: Workers,
  jobs: Iterable<ShardJob>,
  { signal, onProgress, onShard }: WorkOptions,
): Promise<void> {
  const attempts = new OpenAttempts(workers);
  const stop = (): void => attempts.stop();
  const report = setInterval(() => onProgress(attempts.progress), PROGRESS_MS);
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  const queue = jobs[Symbol.iterator]();
  // One loop per worker, which takes jobs one at a time, so the jobs of a billion images need no memory.
  const loops = Array.from({ length: workers.count }, async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const job = next.value;
      attempts.noteDone(await retryShard(job.shard, () => attempts.make(job)));
      onShard(job.shard);
    }
  });
  try {
    await Promise.all(loops);
  } catch (error) {
    stop();
    throw error;
  } finally {
    clearInterval(report);
    signal.removeEventListener('abort', stop);
    // After a failure the other attempts are stopped and end soon.
    await Promise.allSettled(loops);
    onProgress(attempts.progress);
  }
}

/** Attempts in progress, which are counted and stopped together. */
class OpenAttempts {
  readonly #workers: Workers;
  readonly #open = new Set<AttemptCells>();
  #done: ShardProgress = { imageCount: 0, errorCount: 0 };
  #isStopped = false;

  constructor(workers: Workers) {
    this.#workers = workers;
  }

  /** Finished shards and attempts in progress. Counts of failed attempts are dropped. */
  get progress(): ShardProgress {
    return Array.from(this.#open, ({ progress }) => progress).reduce(addUp, this.#done);
  }

  async make(job: ShardJob): Promise<AttemptOutcome> {
    if (this.#isStopped) return toFailure(new PixlakeError('INTERRUPTED', 'the run was stopped'));
    const cells = new AttemptCells();
    this.#open.add(cells);
    try {
      return await this.#workers.attempt(job, cells);
    } finally {
      this.#open.delete(cells);
    }
  }

  noteDone(progress: ShardProgress): void {
    this.#done = addUp(this.#done, progress);
  }

  stop(): void {
    this.#isStopped = true;
    for (const cells of this.#open) cells.stop();
  }
}

function addUp(a: ShardProgress, b: ShardProgress): ShardProgress {
  return { imageCount: a.imageCount + b.imageCount, errorCount: a.errorCount + b.errorCount };
}
