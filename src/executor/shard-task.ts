import type { ModelSettings } from '../run/shard-worker.ts';
import type { AttemptCells } from '../work/attempt.ts';
import type { ShardJob } from '../work/shard-job.ts';

/** An attempt at a shard, for a worker thread. */
export interface ShardTask {
  readonly job: ShardJob;
  readonly cells: AttemptCells['cells'];
  readonly modelSettings: ModelSettings;
}

/** The last task of each thread: it closes its resources and waits until all threads have done so, so no thread gets two of these tasks. */
export interface CloseTask {
  readonly threads: number;
  /** One cell: the number of threads that have closed. */
  readonly closed: Int32Array<SharedArrayBuffer>;
}
