import { log } from '../config.ts';
import { type DeleteRunReport, type DeleteRunSpec, deleteRun } from '../maintenance/delete-run.ts';
import { type SweepRunsSpec, sweepRuns } from '../maintenance/sweep-runs.ts';
import type { VacuumReport } from '../maintenance/vacuum-table.ts';
import type { RunEstimate } from '../run/estimate-run.ts';
import type { Execution } from '../run/execution-schema.ts';
import {
  cancelRun,
  findRun,
  listRuns,
  type RunError,
  type RunListing,
  type RunStatus,
  readRunErrors,
} from '../run/inspect-runs.ts';
import type { RetryFilter } from '../run/plan-retry.ts';
import { renderRunSheet } from '../run/render-run-sheet.ts';
import type { RetryReport } from '../run/retry-run.ts';
import type { RunReport } from '../run/run-images.ts';
import type { RunHooks, RunLibrary } from '../run/run-library.ts';
import type { RunSpec } from '../run/run-spec.ts';
import { checkLake } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openMaintenance } from './open-maintenance.ts';

/** The runs that read a lake, or lie in it. All verbs throw `PixlakeError`. */
export class Runs {
  readonly #store: ObjectStore;
  readonly #library: RunLibrary;

  constructor(store: ObjectStore, library: RunLibrary) {
    this.#store = store;
    this.#library = library;
  }

  /** Executes a run, or resumes it; see {@link RunLibrary.execute}. */
  async execute(spec: RunSpec, hooks: RunHooks = {}): Promise<RunReport> {
    const report = await this.#library.execute(spec, hooks);
    log.info({ report }, 'run finished');
    return report;
  }

  /** Plans a run without writing anything. */
  async plan(spec: RunSpec): Promise<Execution> {
    await checkLake(this.#store);
    return this.#library.plan(spec);
  }

  /** Plans a run and tells what it will take, writing nothing to the lake; see {@link RunLibrary.estimate}. */
  async estimate(spec: RunSpec): Promise<{ readonly execution: Execution; readonly estimate: RunEstimate }> {
    await checkLake(this.#store);
    return this.#library.estimate(spec);
  }

  /** Resumes an interrupted or cancelled run. */
  async resume(name: string, hooks: RunHooks = {}): Promise<RunReport> {
    await checkLake(this.#store);
    return this.#library.resume(name, hooks);
  }

  /** Retries the failed images of a finished run; see {@link RunLibrary.retry}. */
  async retry(name: string, filter: RetryFilter = {}, hooks: RunHooks = {}): Promise<RetryReport> {
    await checkLake(this.#store);
    return this.#library.retry(name, filter, hooks);
  }

  /** All executions of all runs, and those that cannot be read. */
  async list(): Promise<RunListing> {
    await checkLake(this.#store);
    return listRuns(this.#store);
  }

  /** The newest execution of a run. @throws `RUN_NOT_FOUND` */
  async show(name: string): Promise<RunStatus> {
    await checkLake(this.#store);
    return findRun(this.#store, name);
  }

  /** Why images of a run were not written. @throws `RUN_NOT_FOUND` */
  async errors(name: string, limit = 100): Promise<RunError[]> {
    await checkLake(this.#store);
    return readRunErrors(this.#store, name, limit);
  }

  /** Asks a run to stop, in whatever process it runs. @throws `RUN_NOT_FOUND`, `ARGUMENT_INVALID` for one that has finished */
  async cancel(name: string): Promise<RunStatus> {
    await checkLake(this.#store);
    return cancelRun(this.#store, name);
  }

  /** Deletes the executions of a run; see {@link deleteRun}. */
  async delete(spec: DeleteRunSpec, signal?: AbortSignal): Promise<DeleteRunReport> {
    return deleteRun(await openMaintenance(this.#store, signal), spec);
  }

  /** Removes files of finished runs that nothing names; see {@link sweepRuns}. */
  async vacuum(spec: SweepRunsSpec = {}, signal?: AbortSignal): Promise<VacuumReport> {
    return sweepRuns(await openMaintenance(this.#store, signal), spec);
  }

  /** Draws originals of a finished run beside its results as a PNG; see {@link renderRunSheet}. */
  async drawSheet(name: string, limit: number): Promise<Buffer> {
    await checkLake(this.#store);
    return renderRunSheet(this.#store, name, limit);
  }
}
