import { DEFAULT_LAKE, log, SOFTWARE } from './config.ts';
import { type Attachment, attachTable, detachTable } from './catalog/attached-table.ts';
import { listFiles, type TableFiles } from './catalog/list-files.ts';
import { type QueryOptions, queryLake, queryToParquet, type RunningQuery } from './catalog/query-lake.ts';
import { QuerySandbox } from './sandbox/query-sandbox.ts';
import type { SandboxLimits } from './sandbox/sandbox-limits.ts';
import {
  describeTable,
  listVersions,
  summarizeTables,
  type TableDescription,
  type TableSummary,
} from './catalog/summarize-tables.ts';
import { createImageProcessor } from './executor/image-processor.ts';
import { createLocalExecutor } from './executor/local-executor.ts';
import { ingestCatalogue } from './ingest/ingest-catalogue.ts';
import type { IngestHooks, IngestReport, IngestSpec } from './ingest/ingest-spec.ts';
import { type DeleteRunReport, type DeleteRunSpec, deleteRun } from './maintenance/delete-run.ts';
import { type DeleteReport, type DeleteSpec, deleteRows } from './maintenance/delete-rows.ts';
import { type DiskUsage, measureUsage } from './maintenance/disk-usage.ts';
import { type DropTableReport, type DropTableSpec, dropTable } from './maintenance/drop-table.ts';
import type { MaintenanceContext } from './maintenance/maintenance-context.ts';
import { type OptimizeReport, type OptimizeSpec, optimizeTable } from './maintenance/optimize-table.ts';
import { type RemoveModelReport, type RemoveModelSpec, removeModel } from './maintenance/remove-model.ts';
import { type RestoreReport, restoreTable } from './maintenance/restore-table.ts';
import { type SweepRunsSpec, sweepRuns } from './maintenance/sweep-runs.ts';
import { type VacuumReport, type VacuumSpec, vacuumTable } from './maintenance/vacuum-table.ts';
import { type VerifyReport, verifyTable } from './maintenance/verify-table.ts';
import { ModelLibrary } from './model/model-library.ts';
import type { Execution } from './run/execution-schema.ts';
import {
  cancelRun,
  findRun,
  listRuns,
  type RunError,
  type RunListing,
  type RunStatus,
  readRunErrors,
} from './run/inspect-runs.ts';
import { findSimilar, type SimilarSpec } from './run/find-similar.ts';
import { ImageLibrary } from './run/image-library.ts';
import { listPinnedVersions } from './run/pinned-versions.ts';
import { renderRunSheet } from './run/render-run-sheet.ts';
import type { RetryFilter } from './run/plan-retry.ts';
import type { RetryReport } from './run/retry-run.ts';
import type { RunReport } from './run/run-images.ts';
import { type RunHooks, RunLibrary } from './run/run-library.ts';
import type { RunSpec } from './run/run-spec.ts';
import type { ShardExecutor } from './run/shard-executor.ts';
import { Submissions } from './run/submissions.ts';
import { checkLake, createLake } from './storage/lake-layout.ts';
import type { ObjectStore } from './storage/object-store.ts';
import { openStore } from './storage/open-store.ts';
import type { S3Options } from './storage/s3-options.ts';
import type { TableVersion } from './table/table-history.ts';

/** Untrusted settings of a lakehouse. */
export interface LakehouseConfigSpec {
  /** Root of the lake: a folder or `s3://bucket/prefix`; `lake` by default, or what `PIXLAKE_LAKE` says. */
  readonly lake?: string;
  /** How S3 is reached and read, for lakes and attached tables there. */
  readonly s3?: S3Options;
  /** Worker threads of a run; one for each core by default, or what `PIXLAKE_WORKERS` says. */
  readonly workers?: number;
}

/** Opens the lakehouse on a lake; nothing is read or written before a verb is called. */
export function openLakehouse(config: LakehouseConfigSpec = {}): Lakehouse {
  const lake = config.lake ?? process.env['PIXLAKE_LAKE'] ?? DEFAULT_LAKE;
  const workers = config.workers ?? Number(process.env['PIXLAKE_WORKERS'] ?? 0);
  const executor = createLocalExecutor({ workers: workers > 0 ? workers : undefined, s3: config.s3 });
  return new Lakehouse(openStore(lake, config.s3), executor);
}

/** The public verbs of pixlake on one lake. All of them throw `PixlakeError`. */
export class Lakehouse {
  /** The models of the lake. */
  readonly models: ModelLibrary;
  /** The images of the lake, one by one. */
  readonly images: ImageLibrary;
  /** The runs that a server has accepted for the lake. */
  readonly submissions: Submissions;
  readonly #store: ObjectStore;
  readonly #runs: RunLibrary;

  constructor(store: ObjectStore, executor: ShardExecutor) {
    this.models = new ModelLibrary(store);
    this.images = new ImageLibrary(store, createImageProcessor);
    this.submissions = new Submissions(store);
    this.#store = store;
    this.#runs = new RunLibrary(store, executor, SOFTWARE);
  }

  /** Root of the lake as a path or URI. */
  get uri(): string {
    return this.#store.uri;
  }

  /** Finds out whether there is a lake that can be read. @throws `LAKE_NOT_FOUND`, `LAKE_TOO_NEW`, `STORAGE_…` */
  async check(): Promise<void> {
    await checkLake(this.#store);
  }

  /** Ingests a catalogue of images into a table; see {@link ingestCatalogue}. Makes the lake if there is none. */
  async ingest(spec: IngestSpec, hooks: IngestHooks = {}): Promise<IngestReport> {
    const store = bind(this.#store, hooks.signal);
    const report = await ingestCatalogue({ store, engine: SOFTWARE, ...hooks }, spec);
    log.info({ report }, 'ingested');
    return report;
  }

  /** Starts a SELECT whose rows stream; dispose the result. */
  async query(sql: string, options: QueryOptions = {}): Promise<RunningQuery> {
    await checkLake(this.#store);
    return queryLake(this.#store, sql, options);
  }

  /** Starts the processes that run the SQL of strangers; dispose it. @throws `LAKE_NOT_FOUND`, `SANDBOX_UNAVAILABLE` */
  async openSandbox(limits: Partial<SandboxLimits> = {}): Promise<QuerySandbox> {
    await checkLake(this.#store);
    return QuerySandbox.open(this.#store, limits);
  }

  /** Runs a SELECT into a local Parquet file and gives the number of rows. */
  async queryToParquet(
    sql: string,
    path: string,
    options: Omit<QueryOptions, 'isExplained' | 'urlExpiresMs'> = {},
  ): Promise<number> {
    await checkLake(this.#store);
    return queryToParquet(this.#store, sql, path, options);
  }

  /** Executes a run, or resumes it; see {@link RunLibrary.execute}. */
  async run(spec: RunSpec, hooks: RunHooks = {}): Promise<RunReport> {
    const report = await this.#runs.execute(spec, hooks);
    log.info({ report }, 'run finished');
    return report;
  }

  /** Plans a run without writing anything. */
  async plan(spec: RunSpec): Promise<Execution> {
    await checkLake(this.#store);
    return this.#runs.plan(spec);
  }

  /** Goes on with an interrupted or cancelled run where it stopped. */
  async resumeRun(name: string, hooks: RunHooks = {}): Promise<RunReport> {
    await checkLake(this.#store);
    return this.#runs.resume(name, hooks);
  }

  /** Does the failed images of a finished run again, and only those; see {@link RunLibrary.retry}. */
  async retryRun(name: string, filter: RetryFilter = {}, hooks: RunHooks = {}): Promise<RetryReport> {
    await checkLake(this.#store);
    return this.#runs.retry(name, filter, hooks);
  }

  /** Plans a retry for {@link retryRun} to work on, and tells whether anything failed that it would do again. */
  async beginRetry(name: string, filter: RetryFilter = {}): Promise<boolean> {
    await checkLake(this.#store);
    return this.#runs.beginRetry(name, filter);
  }

  /** All executions of all runs, and those that cannot be read. */
  async listRuns(): Promise<RunListing> {
    await checkLake(this.#store);
    return listRuns(this.#store);
  }

  /** The newest execution of a run. */
  async showRun(name: string): Promise<RunStatus> {
    await checkLake(this.#store);
    return findRun(this.#store, name);
  }

  /** Why images of a run were not written. */
  async runErrors(name: string, limit = 100): Promise<RunError[]> {
    await checkLake(this.#store);
    return readRunErrors(this.#store, name, limit);
  }

  /** Asks a run to stop, whichever process executes it. */
  async cancelRun(name: string): Promise<RunStatus> {
    await checkLake(this.#store);
    return cancelRun(this.#store, name);
  }

  /** Finds the images most like one, by embeddings that a run made; see {@link findSimilar}. Dispose the result. */
  async similar(spec: SimilarSpec): Promise<RunningQuery> {
    await checkLake(this.#store);
    return findSimilar(this.#store, spec);
  }

  /** All tables and outputs of finished runs. */
  async listTables(): Promise<TableSummary[]> {
    await checkLake(this.#store);
    return summarizeTables(this.#store);
  }

  /** One table with its columns. @throws `TABLE_NOT_FOUND` */
  async describeTable(name: string): Promise<TableDescription> {
    await checkLake(this.#store);
    return describeTable(this.#store, name);
  }

  /** The Parquet files of a version of a table, for other readers; see {@link listFiles}. */
  async files(table: string, at?: string): Promise<TableFiles> {
    await checkLake(this.#store);
    return listFiles(this.#store, table, at);
  }

  /** The commits of a table, newest first; see {@link listVersions}. */
  async history(table: string, limit = Number.MAX_SAFE_INTEGER): Promise<TableVersion[]> {
    await checkLake(this.#store);
    return listVersions(this.#store, table, limit);
  }

  /** Deletes rows of a table; see {@link deleteRows}. */
  async delete(spec: DeleteSpec, signal?: AbortSignal): Promise<DeleteReport> {
    return deleteRows(await this.#maintain(signal), spec);
  }

  /** Makes a table what it was at an earlier version or time; see {@link restoreTable}. */
  async restore(table: string, to: string): Promise<RestoreReport> {
    return restoreTable(await this.#maintain(), { table, to });
  }

  /** Compacts small data files; see {@link optimizeTable}. */
  async optimize(spec: OptimizeSpec, signal?: AbortSignal): Promise<OptimizeReport> {
    return optimizeTable(await this.#maintain(signal), spec);
  }

  /** Removes files that no version within the retention needs; see {@link vacuumTable}. */
  async vacuum(spec: VacuumSpec, signal?: AbortSignal): Promise<VacuumReport> {
    return vacuumTable(await this.#maintain(signal), spec);
  }

  /** Removes files of finished runs that nothing names; see {@link sweepRuns}. */
  async vacuumRuns(spec: SweepRunsSpec = {}, signal?: AbortSignal): Promise<VacuumReport> {
    return sweepRuns(await this.#maintain(signal), spec);
  }

  /** Deletes the executions of a run; see {@link deleteRun}. */
  async deleteRun(spec: DeleteRunSpec, signal?: AbortSignal): Promise<DeleteRunReport> {
    return deleteRun(await this.#maintain(signal), spec);
  }

  /** Removes a table and its originals; see {@link dropTable}. */
  async dropTable(spec: DropTableSpec, signal?: AbortSignal): Promise<DropTableReport> {
    return dropTable(await this.#maintain(signal), spec);
  }

  /** Removes a model from the lake; see {@link removeModel}. */
  async removeModel(spec: RemoveModelSpec): Promise<RemoveModelReport> {
    return removeModel(await this.#maintain(), spec);
  }

  /** Tells what takes how much room; see {@link measureUsage}. */
  async diskUsage(): Promise<DiskUsage> {
    return measureUsage(await this.#maintain());
  }

  /** Checks that a table is whole; see {@link verifyTable}. */
  async verify(table: string, isDeep = false, signal?: AbortSignal): Promise<VerifyReport> {
    return verifyTable(await this.#maintain(signal), { table, isDeep });
  }

  /** Registers a table that others wrote, for reading; see {@link attachTable}. Makes the lake if there is none. */
  async attach(name: string, uri: string): Promise<Attachment> {
    await createLake(this.#store);
    return attachTable(this.#store, name, uri);
  }

  /** Forgets an attached table. */
  async detach(name: string): Promise<void> {
    await checkLake(this.#store);
    await detachTable(this.#store, name);
  }

  /** Draws originals of a finished run beside its results as a PNG; see {@link renderRunSheet}. */
  async contactSheet(name: string, limit: number): Promise<Buffer> {
    await checkLake(this.#store);
    return renderRunSheet(this.#store, name, limit);
  }

  async #maintain(signal?: AbortSignal): Promise<MaintenanceContext> {
    await checkLake(this.#store);
    const pinnedVersions = listPinnedVersions.bind(undefined, this.#store);
    return { store: bind(this.#store, signal), engine: SOFTWARE, pinnedVersions, ...(signal && { signal }) };
  }
}

function bind(store: ObjectStore, signal: AbortSignal | undefined): ObjectStore {
  return signal === undefined ? store : store.withSignal(signal);
}
