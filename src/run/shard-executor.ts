import type { ModelFiles } from '../model/model-files.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Execution } from './execution-schema.ts';

/** A store as {@link openStore} takes it. */
export type StoreReference = Pick<ObjectStore, 'uri' | 's3'>;

/** What a worker needs to know to work on any shard of an execution; can be sent between threads and machines. */
export interface ShardJob {
  /** Where originals are read. */
  readonly source: StoreReference;
  /** Where the execution lies and everything is written. */
  readonly output: StoreReference;
  /** Object key of the execution's folder. */
  readonly folder: string;
  /** As it was frozen: what workers read of its plan is checked against the hashes in it. */
  readonly execution: Execution;
  readonly model: ModelFiles | undefined;
}

/** Images written and failed so far. */
export interface ShardProgress {
  readonly imageCount: number;
  readonly errorCount: number;
}

/** Where shards run. */
export interface ShardExecutor {
  /**
   * Works on shards until all are finished; each ends with its marker in the lake. A shard that fails is tried again a few times.
   *
   * @param shards taken one by one, so a run of any size takes no memory here
   * @param options `shardCount`: how many there are; `onShard` is told of each that is finished
   * @throws `INTERRUPTED` soon after `signal` is aborted, the error of a shard that kept failing otherwise
   */
  execute(
    job: ShardJob,
    shards: Iterable<number>,
    options: {
      readonly shardCount: number;
      readonly signal: AbortSignal;
      readonly onProgress: (progress: ShardProgress) => void;
      readonly onShard: (shard: number) => void;
    },
  ): Promise<void>;
}
