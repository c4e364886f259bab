import { log } from './config.ts';
import { type QueryOptions, queryLake, queryToParquet } from './catalog/query-lake.ts';
import { createLocalExecutor } from './executor/local-executor.ts';
import type { IngestHooks, IngestReport, IngestSpec } from './ingest/ingest-spec.ts';
import { Images } from './lakehouse/images.ts';
import { Models } from './lakehouse/models.ts';
import { bindSignal, openMaintenance } from './lakehouse/open-maintenance.ts';
import { type LakehouseConfigSpec, parseConfig } from './lakehouse/parse-config.ts';
import { QueryResult } from './lakehouse/query-result.ts';
import { Runs } from './lakehouse/runs.ts';
import { Tables } from './lakehouse/tables.ts';
import { type DiskUsage, measureUsage } from './maintenance/disk-usage.ts';
import type { RunReport } from './run/run-images.ts';
import { type RunHooks, RunLibrary } from './run/run-library.ts';
import { RunService } from './run/run-service.ts';
import type { RunSpec } from './run/run-spec.ts';
import { QuerySandbox } from './sandbox/query-sandbox.ts';
import type { SandboxLimits } from './sandbox/sandbox-limits.ts';
import { checkLake } from './storage/lake-layout.ts';
import type { ObjectStore } from './storage/object-store.ts';
import { openStore } from './storage/open-store.ts';
import type { ShardExecutor } from './run/shard-executor.ts';
import { SOFTWARE } from './version.ts';

/**
 * Opens the lakehouse on a lake; nothing is read or written before a verb is called.
 *
 * @throws `ARGUMENT_INVALID` for an invalid setting or environment variable
 */
export function openLakehouse(spec: LakehouseConfigSpec = {}): Lakehouse {
  const { lake, s3, workers } = parseConfig(spec);
  // ONNX Runtime would send events about models and machine to its maker. It asks the environment of the process, which threads cannot change.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  return new Lakehouse(openStore(lake, s3), createLocalExecutor({ workers, s3 }));
}

/** What pixlake does on one lake. All verbs throw `PixlakeError`. Close or dispose it to end the threads that it keeps. */
export class Lakehouse implements AsyncDisposable {
  /** The tables of the lake and the outputs of its runs. */
  readonly tables: Tables;
  /** The runs that read the lake, or lie in it. */
  readonly runs: Runs;
  /** The models of the lake. */
  readonly models: Models;
  /** The images of the lake, one by one. */
  readonly images: Images;
  readonly #store: ObjectStore;
  readonly #library: RunLibrary;

  /** See {@link openLakehouse}. */
  constructor(store: ObjectStore, executor: ShardExecutor) {
    this.#store = store;
    this.#library = new RunLibrary(store, executor, SOFTWARE);
    this.tables = new Tables(store);
    this.runs = new Runs(store, this.#library);
    this.models = new Models(store);
    this.images = new Images(store);
  }

  /** Root of the lake as a path or URI. */
  get uri(): string {
    return this.#store.uri;
  }

  /** Checks that the lake exists and can be read. @throws `LAKE_NOT_FOUND`, `LAKE_TOO_NEW`, `STORAGE_…` */
  async check(): Promise<void> {
    await checkLake(this.#store);
  }

  /** Ingests a catalogue of images into a table; see `ingestCatalogue`. Makes the lake if it does not exist. */
  async ingest(spec: IngestSpec, hooks: IngestHooks = {}): Promise<IngestReport> {
    const store = bindSignal(this.#store, hooks.signal);
    const { ingestCatalogue } = await import('./ingest/ingest-catalogue.ts');
    const report = await ingestCatalogue({ store, software: SOFTWARE, ...hooks }, spec);
    log.info({ report }, 'ingested');
    return report;
  }

  /** Starts a SELECT over the newest snapshots of the tables; close or dispose the result. @throws `SQL_…`, `TABLE_NOT_FOUND` */
  async query(sql: string, options: QueryOptions = {}): Promise<QueryResult> {
    await checkLake(this.#store);
    return new QueryResult(await queryLake(this.#store, sql, options));
  }

  /** Runs a SELECT into a local Parquet file and returns the number of rows; see {@link queryToParquet}. */
  async queryToParquet(
    sql: string,
    path: string,
    options: Omit<QueryOptions, 'isExplained' | 'urlExpiresMs'> = {},
  ): Promise<number> {
    await checkLake(this.#store);
    return queryToParquet(this.#store, sql, path, options);
  }

  /** Executes a run, or resumes it; see {@link Runs.execute}. */
  async run(spec: RunSpec, hooks: RunHooks = {}): Promise<RunReport> {
    return this.runs.execute(spec, hooks);
  }

  /** Measures how much space each part of the lake takes; see {@link measureUsage}. */
  async diskUsage(): Promise<DiskUsage> {
    return measureUsage(await openMaintenance(this.#store));
  }

  /** Starts the processes that run untrusted SQL; dispose it. @throws `LAKE_NOT_FOUND`, `SANDBOX_UNAVAILABLE` */
  async openSandbox(limits: Partial<SandboxLimits> = {}): Promise<QuerySandbox> {
    await checkLake(this.#store);
    return QuerySandbox.open(this.#store, limits);
  }

  /** Opens the queue of runs that a server accepts, whose SQL is untrusted; dispose it. */
  openRunService(sandbox: QuerySandbox, runsAtOnce = 1): RunService {
    return new RunService({ store: this.#store, runs: this.#library, sandbox, runsAtOnce });
  }

  /** Ends the threads that {@link images} has started, as disposing does. */
  async close(): Promise<void> {
    await this.images.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
