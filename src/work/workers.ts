import type { AttemptCells, AttemptOutcome } from './attempt.ts';
import type { ShardJob } from './shard-job.ts';

/**
 * Workers that make attempts at jobs: threads of this process, or whoever takes jobs from a queue. What is done about attempts that fail is no
 * matter of theirs; see `workOffJobs`. Disposing ends them, once all attempts have ended.
 */
export interface Workers extends AsyncDisposable {
  /** Attempts at once at most. */
  readonly count: number;

  /**
   * Makes one attempt at a job, on any worker. It ends soon after its cells are stopped.
   *
   * @throws anything where the worker died, or its outcome is lost
   */
  attempt(job: ShardJob, cells: AttemptCells): Promise<AttemptOutcome>;
}
