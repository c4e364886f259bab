import type { AttemptCells, AttemptOutcome } from './attempt.ts';
import type { ShardJob } from './shard-job.ts';

/**
 * Workers that make attempts at jobs: threads of this process, or processes that take jobs from a queue. They do not decide about failed
 * attempts; see `workOffJobs`. Dispose them when all attempts have ended.
 */
export interface Workers extends AsyncDisposable {
  /** Maximum number of attempts at once. */
  readonly count: number;

  /**
   * Makes one attempt at a job, on any worker. It ends soon after its cells are stopped.
   *
   * @throws any error if the worker died or its outcome was lost
   */
  attempt(job: ShardJob, cells: AttemptCells): Promise<AttemptOutcome>;
}
