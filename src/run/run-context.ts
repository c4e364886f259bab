import type { ErrorLimit } from '../error-limit.ts';
import type { ModelFiles } from '../model/model-files.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { ShardProgress } from '../work/attempt.ts';
import type { Execution } from './execution-schema.ts';
import type { SelectRows } from './select-rows.ts';
import type { ShardExecutor } from './shard-executor.ts';

/** Ways to follow and stop a run. */
export interface RunFollower {
  readonly signal?: AbortSignal;
  /** Called once the plan is fixed, with the shards that an earlier attempt had finished. */
  readonly onStart?: (execution: Execution, resumedShardCount: number) => void;
  readonly onProgress?: (progress: ShardProgress) => void;
  /** Goes on with a run that was cancelled; otherwise it is refused. */
  readonly liftsCancel?: boolean;
  /** Makes all images anew, also those that an earlier execution has made of the same originals. */
  readonly isFull?: boolean;
  /** Images that may fail; with more, the run is stopped before its commit. What is done is kept. */
  readonly maxErrors?: ErrorLimit;
}

/** What running needs. */
export interface RunContext extends RunFollower {
  /** The lake that is read. */
  readonly source: ObjectStore;
  /** The lake that takes what is written; it may be the same. */
  readonly store: ObjectStore;
  readonly executor: ShardExecutor;
  /** Finds a model by name or path. */
  readonly resolveModel: (nameOrPath: string) => Promise<ModelFiles>;
  /** Software that plans and commits, such as `pixlake/0.1.0`. */
  readonly software: string;
  /** Runs untrusted SQL; other SQL is run in this process. */
  readonly selectRows?: SelectRows;
}
