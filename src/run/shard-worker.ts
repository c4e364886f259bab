import { rm } from 'node:fs/promises';
import { type DuckDb, openDuckDb } from '../duckdb/open-duckdb.ts';
import { PixlakeError } from '../errors.ts';
import { memoryGate } from '../image/memory-gate.ts';
import type { ModelFiles } from '../model/model-files.ts';
import { type ModelSession, openModelSession } from '../model/open-session.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openStore } from '../storage/open-store.ts';
import type { S3Options } from '../storage/s3-options.ts';
import { type AttemptCells, type AttemptOutcome, toFailure } from '../work/attempt.ts';
import { CancelWatch } from '../work/cancel-watch.ts';
import type { ShardJob } from '../work/shard-job.ts';
import { executionKeys } from './execution.ts';
import type { Execution } from './execution-schema.ts';
import { loadExecution } from './load-execution.ts';
import type { ShardMarker } from './marker-schema.ts';
import { openInputs } from './open-inputs.ts';
import { openPlanReader, type PlanReader } from './plan-reader.ts';
import { processShard } from './process-shard.ts';
import { cancelledError } from './refuse-cancelled.ts';

/** Settings of a worker for all jobs. Can be sent between threads. */
export interface WorkerSettings {
  /** S3 settings, for lakes on S3. */
  readonly s3: S3Options;
  /** Memory of images in progress, shared by all threads of one run; see `makeMemoryCells`. */
  readonly memoryCells: Int32Array<SharedArrayBuffer>;
}

/** How the workers of one execution run its model. Can be sent between threads. */
export interface ModelSettings {
  /** Threads of the model in each worker; 1 by default. */
  readonly threads?: number;
  /** A model that was already found. Other models are searched by name or path when a job needs them. */
  readonly atHand?: ModelFiles | undefined;
}

/** Works on shards one after another, and keeps what shards of one execution share, such as the loaded model. */
export class ShardWorker implements AsyncDisposable {
  readonly #settings: WorkerSettings;
  #opened: { readonly key: string; readonly bench: ExecutionBench } | undefined;

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
    memoryGate(settings.memoryCells);
  }

  /** Makes one attempt at a job. It never throws: errors are outcomes. */
  async attempt(job: ShardJob, cells: AttemptCells, model: ModelSettings = {}): Promise<AttemptOutcome> {
    try {
      const bench = await this.#open(job, model);
      const { imageCount, errorCount } = await bench.process(job.shard, cells);
      return { kind: 'done', imageCount, errorCount };
    } catch (error) {
      return toFailure(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const bench = this.#opened?.bench;
    this.#opened = undefined;
    await bench?.[Symbol.asyncDispose]();
  }

  async #open(job: ShardJob, model: ModelSettings): Promise<ExecutionBench> {
    const key = JSON.stringify([job.lake, job.source, job.folder, job.executionSha256]);
    if (this.#opened?.key === key) return this.#opened.bench;
    await this[Symbol.asyncDispose]();
    const bench = await openBench(job, this.#settings.s3, model);
    this.#opened = { key, bench };
    return bench;
  }
}

/** Inputs of all shards of one execution. */
interface BenchInputs {
  readonly source: ObjectStore;
  readonly store: ObjectStore;
  readonly folder: string;
  readonly execution: Execution;
  readonly session: ModelSession | undefined;
}

/** @throws `RUN_…`, `MODEL_…`, `DEVICE_UNAVAILABLE`, `STORAGE_…` */
async function openBench(
  { lake, source: sourceLake, folder, executionSha256 }: ShardJob,
  s3: S3Options,
  { threads = 1, atHand }: ModelSettings,
): Promise<ExecutionBench> {
  const source = openStore(sourceLake, s3, true);
  const store = openStore(lake, s3, true);
  const execution = await loadExecution(store, folder, executionSha256);
  const isAtHand = atHand !== undefined && atHand.sha256 === execution.model?.sha256;
  const model = await openInputs(execution, async (nameOrPath) =>
    isAtHand ? atHand : findModel(source, nameOrPath),
  );
  const { device } = execution.run;
  const session = model && (await openModelSession(model, { threads, device }));
  return new ExecutionBench({ source, store, folder, execution, session });
}

async function findModel(store: ObjectStore, nameOrPath: string): Promise<ModelFiles> {
  // Loaded only for runs with a model, so threads start faster.
  const { resolveModel } = await import('../model/lake-models.ts');
  return resolveModel(store, nameOrPath);
}

/** Opening a DuckDB takes as long as a hundred small images, so it is kept for this time. Then it is renewed, with its credentials. */
const MAX_TABLES_MS = 60_000;

/** A DuckDB for several shards, one after another. */
interface Tables {
  readonly db: DuckDb;
  readonly plan: PlanReader;
  readonly scratchDir: string;
  readonly openedMs: number;
}

async function openTables({ store, folder, execution }: BenchInputs): Promise<Tables> {
  const scratchDir = await store.makeScratchDir();
  try {
    const db = await openDuckDb({ scratchDir, threads: 1 });
    // Each shard of a large plan reads one of hundreds of row groups of a part.
    await db.run('SET parquet_metadata_cache = true');
    const plan = openPlanReader(db, store, folder, execution, scratchDir);
    return { db, plan, scratchDir, openedMs: performance.now() };
  } catch (error) {
    await rm(scratchDir, { recursive: true, force: true });
    throw error;
  }
}

/** Works on the shards of one execution. */
class ExecutionBench implements AsyncDisposable {
  readonly #inputs: BenchInputs;
  readonly #watch: CancelWatch;
  #tables: Tables | undefined;

  constructor(inputs: BenchInputs) {
    this.#inputs = inputs;
    this.#watch = new CancelWatch(inputs.store, executionKeys.cancelled(inputs.folder));
  }

  /** Works on one shard. @throws as {@link processShard} does */
  async process(shard: number, cells: AttemptCells): Promise<ShardMarker> {
    const { folder } = this.#inputs;
    if (await this.#watch.ask()) throw cancelledError(folder);
    if (this.#tables !== undefined && performance.now() - this.#tables.openedMs > MAX_TABLES_MS)
      await this.#closeTables();
    this.#tables ??= await openTables(this.#inputs);
    const { db, plan, scratchDir } = this.#tables;
    const throwIfStopped = (): void => {
      if (cells.isStopped) throw new PixlakeError('INTERRUPTED', `shard ${shard} was stopped`);
      if (this.#watch.isCancelled) throw cancelledError(folder);
    };
    const onBatch = cells.add.bind(cells);
    try {
      return await processShard({ ...this.#inputs, plan, db, scratchDir, throwIfStopped, onBatch }, shard);
    } catch (error) {
      // Open state of a failed shard must not disturb the next one.
      await this.#closeTables();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeTables();
    await this.#inputs.session?.close();
  }

  async #closeTables(): Promise<void> {
    const closing = this.#tables;
    this.#tables = undefined;
    closing?.db[Symbol.dispose]();
    if (closing !== undefined) await rm(closing.scratchDir, { recursive: true, force: true });
  }
}
