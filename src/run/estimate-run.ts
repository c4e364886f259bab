import { withDuckDb } from '../duckdb/with-duckdb.ts';
import { PixlakeError } from '../errors.ts';
import type { ModelFiles } from '../model/model-files.ts';
import { quoteText } from '../sql/sql-text.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { workOffJobs } from '../work/work-off-jobs.ts';
import { toJobs } from './drive-shards.ts';
import { executionKeys, folderOf, imagesPerRow, rowsOf } from './execution.ts';
import type { Execution } from './execution-schema.ts';
import { FinishedShards } from './finished-shards.ts';
import { freezePlan, type PlannedRun } from './freeze-plan.ts';
import { fetchPlanPart } from './plan-reader.ts';
import { priceOf, requestsOf, type RunPrice, type RunRequests } from './run-price.ts';
import type { ShardExecutor } from './shard-executor.ts';
import { extrapolate, isEnough, MAX_WINDOW_MS, type Point } from './speed-window.ts';

/** What a run will take, measured on its first images. Failed images count as images. */
export interface RunEstimate {
  /** Images that were made to measure with, for how long, and by how many workers at once. */
  readonly measured: { readonly imageCount: number; readonly seconds: number; readonly workers: number };
  readonly imageCount: number;
  /** Time of the run on this machine. */
  readonly seconds: number;
  /** Bytes of originals. */
  readonly readBytes: number;
  /** Bytes of images and manifest. */
  readonly writtenBytes: number;
  /** Requests to S3 if the lake lies there, or would. */
  readonly requests: RunRequests;
  /** What that costs in US dollars. */
  readonly price: RunPrice;
}

/** Where a run would read and write. */
export interface EstimateContext {
  readonly source: ObjectStore;
  /** An empty lake to measure in. */
  readonly scratch: ObjectStore;
  readonly executor: Pick<ShardExecutor, 'start'>;
  readonly model: ModelFiles | undefined;
}

/** Originals whose size is looked up. */
const SIZED_ORIGINALS = 64;

/**
 * Makes the first images of a planned run in a scratch lake and reckons from them what the whole takes. The plan is ordered by a hash, so
 * they are like all others.
 *
 * @param planMs what planning took
 * @throws `MODEL_…`, `SHARD_FAILED`, `STORAGE_…`
 */
export async function estimateRun(
  { source, scratch, executor, model }: EstimateContext,
  planned: PlannedRun,
  planMs: number,
): Promise<RunEstimate> {
  const execution = await freezePlan(scratch, planned);
  const imageCount = execution.rowCount * imagesPerRow(execution);
  const { workers, points, finished } = await makeSome({ source, scratch, executor, model }, execution);
  const last = points.at(-1) ?? { ms: 0, count: 0 };
  const images = await measure(scratch, `${folderOf(execution)}/images`);
  const parts = await measure(scratch, executionKeys.parts(folderOf(execution)));
  // Workers make a few more images after the last one that was counted.
  const madeCount = Math.min(imageCount, Math.round((images.count / Math.max(1, last.count)) * imageCount));
  const originalBytes = await meanOriginalBytes(source, scratch, execution);
  const seconds = (planMs + extrapolate(points, imageCount)) / 1000;
  // Parts are merged into a manifest, which is about as large.
  const writtenBytes = Math.round(
    meanOf(images.sizeBytes, images.count) * madeCount +
      2 * meanOf(parts.sizeBytes, countImages(execution, finished)) * imageCount,
  );
  const requests = requestsOf(execution, madeCount);
  return {
    measured: { imageCount: last.count, seconds: last.ms / 1000, workers },
    imageCount,
    seconds,
    readBytes: Math.round((originalBytes * madeCount) / imagesPerRow(execution)),
    writtenBytes,
    requests,
    price: priceOf(requests, writtenBytes, seconds),
  };
}

async function makeSome(
  { source, scratch, executor, model }: EstimateContext,
  execution: Execution,
): Promise<{
  readonly workers: number;
  readonly points: readonly Point[];
  readonly finished: FinishedShards;
}> {
  const points: Point[] = [];
  const enough = new AbortController();
  const startMs = performance.now();
  await using workers = await executor.start({ jobCount: execution.shardCount, model });
  const finished = new FinishedShards(execution);
  try {
    await workOffJobs(workers, toJobs({ store: scratch, source }, execution, finished), {
      signal: enough.signal,
      onProgress: ({ imageCount, errorCount }) => {
        if (enough.signal.aborted) return;
        points.push({ ms: performance.now() - startMs, count: imageCount + errorCount });
        if (isEnough(points)) enough.abort();
      },
      onShard: (shard) => finished.set(shard, true),
    });
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  }
  if (points.at(-1)?.count === 0)
    throw new PixlakeError('RUN_FAILED', `no image was made within ${MAX_WINDOW_MS / 1000} seconds`);
  return { workers: workers.count, points, finished };
}

async function measure(store: ObjectStore, folder: string): Promise<{ count: number; sizeBytes: number }> {
  const total = { count: 0, sizeBytes: 0 };
  for await (const { sizeBytes } of store.list(folder)) {
    total.count += 1;
    total.sizeBytes += sizeBytes;
  }
  return total;
}

/** Images of the finished shards. */
function countImages(execution: Execution, finished: FinishedShards): number {
  let count = 0;
  for (const shard of finished.done(() => true)) {
    const { first, end } = rowsOf(execution, shard);
    count += (end - first) * imagesPerRow(execution);
  }
  return count;
}

/** Mean size of the first originals of a plan, in bytes; those that are missing have none. */
async function meanOriginalBytes(
  source: ObjectStore,
  scratch: ObjectStore,
  execution: Execution,
): Promise<number> {
  const keys = await withDuckDb(scratch, async (db, scratchDir) => {
    const path = await fetchPlanPart(scratch, folderOf(execution), execution.plan, 0, scratchDir);
    return db.rows<{ key: string }>(`
      SELECT __image_key AS key FROM read_parquet(${quoteText(path)}, hive_partitioning = false)
      WHERE __image_key IS NOT NULL LIMIT ${SIZED_ORIGINALS}`);
  });
  const sizes = await Promise.all(keys.map(async ({ key }) => (await source.stat(key))?.sizeBytes ?? 0));
  return meanOf(
    sizes.reduce((sum, size) => sum + size, 0),
    sizes.length,
  );
}

function meanOf(sum: number, count: number): number {
  return count === 0 ? 0 : sum / count;
}
