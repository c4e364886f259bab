/** Shards of a run at least, where that leaves each enough to do. */
const SHARDS = 32;

/** Work in a shard that its own cost, some 25 ms, is well worth: so many images, or fewer of so many bytes together. */
const MIN_SHARD = { images: 128, bytes: 8 * 1024 ** 2 } as const;

/** Rows in a shard at most, unless the user asks for more. */
const MAX_SHARD_ROWS = 1000;

/** DuckDB writes row groups of whole vectors. */
const ROW_GROUP_UNIT = 2048;

/** Runs of up to this many rows have a plan of one part, which a worker reads whole, once. */
export const MAX_WHOLE_PLAN_ROWS = 65_536;

/** Rows in a part of larger plans, about. */
const PART_ROWS = 1024 * 1024;

/**
 * Rows for each shard where nobody asks for a number: enough that a shard's own files weigh little, few enough that a small run keeps all cores
 * busy, also on large originals (`originalBytes` on average), and loses little to a crash.
 */
export function chooseShardSize(rowCount: number, copies: number, originalBytes: number): number {
  const images = Math.min(MIN_SHARD.images, MIN_SHARD.bytes / originalBytes);
  const fewest = Math.max(1, Math.floor(images / copies));
  return Math.min(MAX_SHARD_ROWS, Math.max(fewest, Math.ceil(rowCount / SHARDS)));
}

/** How the rows of a plan are cut: into parts, these into row groups, and into shards. */
export interface PlanCut {
  readonly shardSize: number;
  readonly partRowCount: number;
  readonly rowGroupSize: number;
  /** Small plans are written and read in no time; large ones should be small. */
  readonly compression: 'snappy' | 'zstd';
}

/** Cuts a plan so that a shard of a large one is one whole row group of one part. */
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
