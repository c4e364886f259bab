import { createHash } from 'node:crypto';
import { z } from 'zod';
import {
  listRunFolders,
  type RunFolder,
  specKey,
  successKey,
  type UnreadableRun,
} from '../engine/run-folders.ts';
import { PixlakeError } from '../errors.ts';
import { executionFolder, LAYOUT_VERSION } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { decodeStored, encodeStored, parseStored } from '../storage/stored-json.ts';
import { parseSchema } from '../table/delta-schema.ts';
import { runSpecSchema, toRunId } from './run-spec.ts';

/** Version of the rules by which rows are planned: their order, and how it is cut into shards. */
export const PLAN_VERSION = 1;

/** Version of the computed columns of a manifest and their meaning. */
export const MANIFEST_VERSION = 2;

/** Shards whose parts become one data file of the manifest. */
export const SHARDS_IN_BLOCK = 1000;

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/u);

const modelSchema = z.object({
  name: z.string(),
  sha256,
  isTrained: z.boolean(),
  /** Manifest columns that hold embeddings. */
  embeddings: z.array(z.string()),
});

const planSchema = z.object({
  /** SHA-256 over those of its parts. */
  sha256,
  /** Why the SQL may match other rows when it is run again; empty where the plan follows from SQL, snapshots and specification. */
  volatileBecause: z.array(z.string()),
  /** Rows of each part but the last. */
  partRowCount: z.int().min(1),
  parts: z.array(z.object({ rowCount: count, sizeBytes: count, sha256 })),
});

const executionSchema = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  runId: z.string(),
  /** When it was planned, in ms since 1970. */
  plannedMs: z.number(),
  run: runSpecSchema,
  /** Root of the lake that was read, where it is another than the one that the execution lies in. */
  sourceLake: z.string().optional(),
  /** Table whose originals are read, in SQL notation, and its version. */
  sourceTable: z.string(),
  sourceVersion: count,
  /** Versions of each table that the SQL reads, by its folder; several are separated by commas. */
  versions: z.record(z.string(), z.string()),
  model: modelSchema.optional(),
  /** Software that planned it, such as `pixlake/0.1.0`. */
  software: z.string(),
  planVersion: z.int(),
  pixelsVersion: z.int(),
  manifestVersion: z.int(),
  /** Rows that matched; each becomes `copies` images. */
  rowCount: z.int().min(1),
  /** Rows in each shard but the last. */
  shardSize: z.int().min(1),
  shardCount: z.int().min(1),
  plan: planSchema,
  /** Columns that the SQL returned and that pass into the manifest. */
  passedColumns: z.array(z.string()),
  /** Of a retry: its number, from 1 on, and which errors of the execution it does again; all by default. */
  retry: z
    .object({ number: z.int().min(1), stage: z.string().optional(), code: z.string().optional() })
    .optional(),
  /** Id of the earlier execution whose images are taken over where nothing that they depend on has changed. */
  takesOver: z.string().optional(),
  manifestSchema: z.unknown().transform((schema) => parseSchema(JSON.stringify(schema), 'the manifest')),
});

/** The model of an execution. */
export type ExecutionModel = Readonly<z.output<typeof modelSchema>>;

/** The parts of an execution's frozen list of rows, and the hashes of their bytes. */
export type Plan = Readonly<z.output<typeof planSchema>>;

/** One execution of a run as it was frozen before any work started: the contents of its `spec.json`. */
export type Execution = Readonly<z.output<typeof executionSchema>>;

/** What became of a run so far, derived from the files in its folder. */
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

/** A number in names, so that they sort: five digits or more. */
export function numberName(value: number): string {
  return String(value).padStart(5, '0');
}

/** Spreads the images of a run over 256 folders, since object stores split load by the beginning of keys. */
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

/** The rows of a shard: ordinals from `first` to before `end`. */
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

/** Object key of an execution's folder; that of a retry lies in the folder of the execution whose errors it does again. */
export function folderOf(execution: Pick<Execution, 'runId' | 'run' | 'retry'>): string {
  const folder = tablesFolderOf(execution);
  return execution.retry === undefined ? folder : executionKeys.retry(folder, execution.retry.number);
}

/** Images made of each row of the plan; a retry's plan has a row for each image. */
export function imagesPerRow({ retry, run }: Execution): number {
  return retry === undefined ? run.copies : 1;
}

/** The executions of a named run, newest first, and those that cannot be read. */
export async function listExecutions(
  store: ObjectStore,
  name: string,
): Promise<{ readonly executions: readonly Execution[]; readonly unreadable: readonly UnreadableRun[] }> {
  const folders = await listRunFolders(store, name);
  const executions: Execution[] = [];
  const unreadable = [...folders.unreadable];
  for (const runFolder of folders.executions) {
    try {
      executions.push(toExecution(store, runFolder));
    } catch (error) {
      if (!(error instanceof PixlakeError)) throw error;
      unreadable.push({ ...runFolder, error });
    }
  }
  return { executions, unreadable };
}

/**
 * The newest execution of a named run; `undefined` where none was planned, or only by an older pixlake.
 *
 * @throws `RUN_CORRUPT` where one is damaged, since it may be the newest
 */
export async function findNewestExecution(store: ObjectStore, name: string): Promise<Execution | undefined> {
  const { executions, unreadable } = await listExecutions(store, name);
  const damaged = unreadable.find(({ error }) => error.code !== 'RUN_TOO_OLD');
  if (damaged !== undefined) throw damaged.error;
  return executions[0];
}

/** Reads the frozen execution in a folder. @throws `RUN_NOT_FOUND`, `RUN_CORRUPT` */
export async function readExecution(store: ObjectStore, folder: string): Promise<Execution> {
  const key = executionKeys.spec(folder);
  const bytes = await store.read(key).catch((error: unknown) => {
    if (!(error instanceof PixlakeError) || error.code !== 'OBJECT_NOT_FOUND') throw error;
    throw new PixlakeError('RUN_NOT_FOUND', `there is no run in ${folder}`, { cause: error });
  });
  const spec = decodeStored(bytes, store.locate(key));
  return toExecution(store, { folder, spec });
}

/** Freezes an execution unless its folder has one already, and tells whether it did. */
export async function writeExecution(store: ObjectStore, execution: Execution): Promise<boolean> {
  const key = executionKeys.spec(folderOf(execution));
  return store.writeIfAbsent(key, encodeStored(execution), { durable: true });
}

function toExecution(store: ObjectStore, { folder, spec }: Pick<RunFolder, 'folder' | 'spec'>): Execution {
  const place = store.locate(executionKeys.spec(folder));
  const execution: Execution = parseStored(executionSchema, spec, place);
  // The id is a hash of what the result depends on; the folder is named by it.
  if (toRunId(execution.run, inputsOf(execution)) === execution.runId && folder.endsWith(folderOf(execution)))
    return execution;
  throw new PixlakeError('RUN_CORRUPT', `${place} does not have the contents that its folder is named by`);
}

/** The versions that an execution names of one table. */
export function parseVersions(versions: string): number[] {
  return versions.split(',').map(Number);
}

/** What an execution's id is made from besides its specification. */
export function inputsOf(
  execution: Pick<Execution, 'versions' | 'planVersion' | 'pixelsVersion' | 'manifestVersion' | 'model'>,
): Parameters<typeof toRunId>[1] {
  const { versions, planVersion, pixelsVersion, manifestVersion, model } = execution;
  return { versions, planVersion, pixelsVersion, manifestVersion, modelSha256: model?.sha256 };
}

/** Derives a run's state from its markers. */
export async function readRunState(store: ObjectStore, folder: string): Promise<RunState> {
  if (await store.stat(executionKeys.success(folder))) return 'finished';
  return (await store.stat(executionKeys.cancelled(folder))) ? 'cancelled' : 'unfinished';
}
