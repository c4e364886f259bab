import type { ErrorLimit } from '../error-limit.ts';
import type { ModelFiles } from '../model/model-files.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { ShardProgress } from '../work/attempt.ts';
import type { Execution } from './execution-schema.ts';
import type { SelectRows } from './select-rows.ts';
import type { ShardExecutor } from './shard-executor.ts';

/** Callbacks, signal and options of a run. */
export interface RunFollower {
  readonly signal?: AbortSignal;
  /** Called when the plan is frozen, with the number of shards that an earlier attempt had finished. */
  readonly onStart?: (execution: Execution, resumedShardCount: number) => void;
  readonly onProgress?: (progress: ShardProgress) => void;
  /** Resumes a cancelled run, which is otherwise refused. */
  readonly liftsCancel?: boolean;
  /** Makes all images again, including those that an earlier execution has made from the same originals. */
  readonly isFull?: boolean;
  /** Limit of failed images. Beyond it the run stops before its commit; finished work is kept. */
  readonly maxErrors?: ErrorLimit;
}

/** Context of a run. */
export interface RunContext extends RunFollower {
  /** The source lake. */
  readonly source: ObjectStore;
  /** The target lake, which may be the same. */
  readonly store: ObjectStore;
  readonly executor: ShardExecutor;
  /** Finds a model by name or path. */
  readonly resolveModel: (nameOrPath: string) => Promise<ModelFiles>;
  /** Software that plans and commits, such as `pixlake/0.1.0`. */
  readonly software: string;
  /** Runs untrusted SQL. Without it, the SQL runs in this process. */
  readonly selectRows?: SelectRows;
}
