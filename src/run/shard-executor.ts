import type { ModelFiles } from '../model/model-files.ts';
import type { Workers } from '../work/workers.ts';

/** Starts workers for shards. */
export interface ShardExecutor {
  /** Starts workers for jobs of one execution. */
  start(demand: WorkerDemand): Promise<Workers>;
  /** Begins what takes long about a start, such as a thread, while a run is planned. */
  prepare?(): PreparedExecutor;
}

/** An executor whose first start of workers is prepared. Disposing ends what was prepared and not used. */
export interface PreparedExecutor extends Pick<ShardExecutor, 'start'>, AsyncDisposable {}

/** The jobs for which workers are started. */
export interface WorkerDemand {
  readonly jobCount: number;
  /** The model of the run as found here, so workers on this machine need not search it again. */
  readonly model: ModelFiles | undefined;
}
