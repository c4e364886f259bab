import type { ModelFiles } from '../model/model-files.ts';
import type { Workers } from '../work/workers.ts';

/** Starts workers for shards. */
export interface ShardExecutor {
  /** Starts workers for jobs of one execution. */
  start(demand: WorkerDemand): Promise<Workers>;
}

/** The jobs for which workers are started. */
export interface WorkerDemand {
  readonly jobCount: number;
  /** The model of the run as found here, so workers on this machine need not search it again. */
  readonly model: ModelFiles | undefined;
}
