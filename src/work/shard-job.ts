/**
 * A shard to work on, for any worker on any machine: plain, small JSON. Plan part and row group of the shard follow from the
 * execution, which the worker reads itself. It opens stores and model by its own settings.
 */
export interface ShardJob {
  /** Root of the lake in which the execution lies and everything is written. */
  readonly lake: string;
  /** Root of the lake whose originals and models are read; usually the same. */
  readonly source: string;
  /** Object key of the execution's folder. */
  readonly folder: string;
  /** SHA-256 of the frozen execution. A worker that reads another execution refuses the job. */
  readonly executionSha256: string;
  readonly shard: number;
}
