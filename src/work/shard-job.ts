/**
 * A shard to be worked on, as any worker on any machine may get it: plain, small JSON. Plan part and row group of the shard follow from the
 * execution, which the worker reads itself; stores and model it opens by its own settings.
 */
export interface ShardJob {
  /** Root of the lake in which the execution lies and everything is written. */
  readonly lake: string;
  /** Root of the lake whose originals and models are read; mostly the same. */
  readonly source: string;
  /** Object key of the execution's folder. */
  readonly folder: string;
  /** SHA-256 of the frozen execution: a worker that reads another one refuses the job. */
  readonly executionSha256: string;
  readonly shard: number;
}
