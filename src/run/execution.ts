import { createHash } from 'node:crypto';
import { executionFolder, specKey, successKey } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Execution, Plan } from './execution-schema.ts';

/** Version of the planning rules: the order of rows, and how they are cut into shards. */
export const PLAN_VERSION = 1;

/** Version of the computed columns of a manifest and their meaning. */
export const MANIFEST_VERSION = 3;

/** Shards whose parts become one data file of the manifest. */
export const SHARDS_IN_BLOCK = 1000;

/** State of an execution, derived from the files in its folder. */
export type RunState = 'finished' | 'cancelled' | 'unfinished';

/** Keys of an execution's objects. */
export const executionKeys = {
  spec: specKey,
  planFolder: (folder: string): string => `${folder}/plan`,
  planPart: (folder: string, plan: Pick<Plan, 'sha256'>, part: number): string =>
    `${folder}/plan/${plan.sha256.slice(0, 16)}/part-${numberName(part)}.parquet`,
  images: (folder: string, shard: number): string =>
    `${folder}/images/${hashPrefix(shard)}/${numberName(shard)}`,
  manifest: (folder: string): string => `${folder}/manifest`,
  parts: (folder: string): string => `${folder}/parts`,
  errors: (folder: string): string => `${folder}/errors`,
  shards: (folder: string, block: number): string => `${folder}/shards/${numberName(block)}`,
  shard: (folder: string, shard: number): string =>
    `${folder}/shards/${numberName(blockOf(shard))}/${numberName(shard)}.json`,
  blocks: (folder: string): string => `${folder}/blocks`,
  block: (folder: string, block: number): string => `${folder}/blocks/${numberName(block)}.json`,
  retries: (folder: string): string => `${folder}/retries`,
  retry: (folder: string, number: number): string => `${folder}/retries/${number}`,
  cancelled: (folder: string): string => `${folder}/_CANCELLED`,
  success: successKey,
};

/** A number in sortable names: five digits or more. */
export function numberName(value: number): string {
  return String(value).padStart(5, '0');
}

/** Spreads the images of a run over 256 folders, because object stores distribute load by key prefix. */
function hashPrefix(shard: number): string {
  return createHash('sha256').update(numberName(shard)).digest('hex').slice(0, 2);
}

/** The block that a shard belongs to. */
export function blockOf(shard: number): number {
  return Math.floor(shard / SHARDS_IN_BLOCK);
}

/** The shards of a block: `count` from `first` on. */
export function shardsOf(
  { shardCount }: Execution,
  block: number,
): { readonly first: number; readonly count: number } {
  const first = block * SHARDS_IN_BLOCK;
  return { first, count: Math.min(SHARDS_IN_BLOCK, shardCount - first) };
}

/** Number of blocks of an execution. */
export function blockCountOf({ shardCount }: Execution): number {
  return Math.ceil(shardCount / SHARDS_IN_BLOCK);
}

/** The rows of a shard: ordinals from `first` up to but not including `end`. */
export function rowsOf(
  { rowCount, shardSize }: Execution,
  shard: number,
): { readonly first: number; readonly end: number } {
  const first = shard * shardSize;
  return { first, end: Math.min(rowCount, first + shardSize) };
}

/** Object key of the folder with the manifest and errors of an execution, to which its retries add. */
export function tablesFolderOf({ run, runId }: Pick<Execution, 'runId' | 'run'>): string {
  return executionFolder(run.name, runId);
}

/** Object key of an execution's folder. The folder of a retry lies in that of the execution whose errors it retries. */
export function folderOf(execution: Pick<Execution, 'runId' | 'run' | 'retry'>): string {
  const folder = tablesFolderOf(execution);
  return execution.retry === undefined ? folder : executionKeys.retry(folder, execution.retry.number);
}

/** Number of images for each row of the plan. A retry's plan has one row per image. */
export function imagesPerRow({ retry, run }: Execution): number {
  return retry === undefined ? run.copies : 1;
}

/** The versions of one table in an execution. */
export function parseVersions(versions: string): number[] {
  return versions.split(',').map(Number);
}

/** Derives a run's state from its markers. */
export async function readRunState(store: ObjectStore, folder: string): Promise<RunState> {
  if (await store.stat(executionKeys.success(folder))) return 'finished';
  return (await store.stat(executionKeys.cancelled(folder))) ? 'cancelled' : 'unfinished';
}
