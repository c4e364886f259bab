import type { AttemptCells, AttemptOutcome } from './attempt.ts';
import type { ShardJob } from './shard-job.ts';

/** Where shards run. What is done about attempts that fail is no matter of an executor; see {@link workOffJobs}. */
export interface ShardExecutor {
  /** Gets workers for jobs that are to be worked off. */
  start(demand: WorkerDemand): Promise<Workers>;
}

/** What the jobs ask for that workers are started for. */
export interface WorkerDemand {
  readonly jobCount: number;
  /** Memory that each worker takes besides images in work: that of a loaded model, about. */
  readonly workerBytes: number;
}

/** Workers that make attempts at jobs. Disposing ends them, once all attempts have ended. */
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
