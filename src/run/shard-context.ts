import type { DuckDb } from '../duckdb/open-duckdb.ts';
import type { ModelSession } from '../model/open-session.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { ShardProgress } from '../work/attempt.ts';
import type { Execution } from './execution-schema.ts';
import type { PlanReader } from './plan-reader.ts';

/** What working on a shard needs. */
export interface ShardContext {
  /** Where originals are read. */
  readonly source: ObjectStore;
  /** Where the execution lies and everything is written. */
  readonly store: ObjectStore;
  /** Object key of the execution's folder. */
  readonly folder: string;
  readonly execution: Execution;
  readonly plan: PlanReader;
  readonly session: ModelSession | undefined;
  /** Whose tables `planned`, `written` and `failed` are the shard's. */
  readonly db: DuckDb;
  readonly scratchDir: string;
  /** Called before every batch. @throws `INTERRUPTED` or `RUN_CANCELLED` where the work is to end */
  readonly throwIfStopped: () => void;
  /** Called for every batch with the images written and failed in it. */
  readonly onBatch: (progress: ShardProgress) => void;
}
