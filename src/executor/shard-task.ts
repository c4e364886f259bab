import type { AttemptCells } from '../work/attempt.ts';
import type { ShardJob } from '../work/shard-job.ts';

/** An attempt at a shard as it is handed to a worker thread. */
export interface ShardTask {
  readonly job: ShardJob;
  readonly cells: AttemptCells['cells'];
}

/** The last task of each thread: it closes what it holds, and waits until all have, so that none gets two of these. */
export interface CloseTask {
  readonly threads: number;
  /** One cell: the threads that have closed. */
  readonly closed: Int32Array<SharedArrayBuffer>;
}
