/** Minimum number of shards of a run, if each then has enough work. */
const SHARDS = 32;

/** Work that justifies the cost of a shard of about 25 ms: this many images, or this many bytes. */
const MIN_SHARD = { images: 128, bytes: 8 * 1024 ** 2 } as const;

/** Maximum number of rows in a shard, unless the user sets more. */
const MAX_SHARD_ROWS = 1000;

/** DuckDB writes row groups of whole vectors. */
const ROW_GROUP_UNIT = 2048;

/** Runs with up to this many rows have a plan of one part, which each worker reads once as a whole. */
export const MAX_WHOLE_PLAN_ROWS = 65_536;

/** Approximate number of rows in a part of larger plans. */
const PART_ROWS = 1024 * 1024;

/**
 * Default number of rows in a shard: enough that the files of a shard cost little, few enough that a small run keeps all cores
 * busy, also on large originals (`originalBytes` on average), and loses little to a crash.
 */
export function chooseShardSize(rowCount: number, copies: number, originalBytes: number): number {
  const images = Math.min(MIN_SHARD.images, MIN_SHARD.bytes / originalBytes);
  const fewest = Math.max(1, Math.floor(images / copies));
  return Math.min(MAX_SHARD_ROWS, Math.max(fewest, Math.ceil(rowCount / SHARDS)));
}

/** How the rows of a plan are cut into parts, row groups and shards. */
export interface PlanCut {
  readonly shardSize: number;
  readonly partRowCount: number;
  readonly rowGroupSize: number;
  /** Large plans are compressed more; for small ones it does not matter. */
  readonly compression: 'snappy' | 'zstd';
}

/** Cuts a plan. In a large plan, a shard is one row group of one part. */
export function cutPlan(rowCount: number, shardSize: number): PlanCut {
  if (rowCount <= MAX_WHOLE_PLAN_ROWS)
    return {
      shardSize,
      partRowCount: MAX_WHOLE_PLAN_ROWS,
      rowGroupSize: 4 * ROW_GROUP_UNIT,
      compression: 'snappy',
    };
  const rowGroupSize = Math.ceil(shardSize / ROW_GROUP_UNIT) * ROW_GROUP_UNIT;
  const partRowCount = Math.max(1, Math.floor(PART_ROWS / rowGroupSize)) * rowGroupSize;
  return { shardSize: rowGroupSize, partRowCount, rowGroupSize, compression: 'zstd' };
}
