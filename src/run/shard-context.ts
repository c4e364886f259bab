import type { DuckDb } from '../duckdb/open-duckdb.ts';
import type { ModelSession } from '../model/open-session.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { ShardProgress } from '../work/attempt.ts';
import type { Execution } from './execution-schema.ts';
import type { PlanReader } from './plan-reader.ts';

/** Context of work on a shard. */
export interface ShardContext {
  /** The store of the originals. */
  readonly source: ObjectStore;
  /** The store of the execution, to which everything is written. */
  readonly store: ObjectStore;
  /** Object key of the execution's folder. */
  readonly folder: string;
  readonly execution: Execution;
  readonly plan: PlanReader;
  readonly session: ModelSession | undefined;
  /** Its tables `planned`, `written` and `failed` are those of the shard. */
  readonly db: DuckDb;
  readonly scratchDir: string;
  /** Called before every batch. @throws `INTERRUPTED` or `RUN_CANCELLED` if the work should end */
  readonly throwIfStopped: () => void;
  /** Called with the images that were written or failed since the last call; those taken over count as written. */
  readonly onBatch: (progress: ShardProgress) => void;
}
