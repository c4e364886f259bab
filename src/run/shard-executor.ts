import type { ModelFiles } from '../model/model-files.ts';
import type { Workers } from '../work/workers.ts';

/** Where shards run. */
export interface ShardExecutor {
  /** Gets workers for jobs of one execution. */
  start(demand: WorkerDemand): Promise<Workers>;
}

/** What is known of the jobs that workers are started for. */
export interface WorkerDemand {
  readonly jobCount: number;
  /** The model of the run, as it was found here: workers of this machine need not look for it again. */
  readonly model: ModelFiles | undefined;
}
