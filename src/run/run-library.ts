import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { PixlakeError } from '../errors.ts';
import { resolveModel } from '../model/lake-models.ts';
import type { ModelFiles } from '../model/model-files.ts';
import { checkLake, createLake } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openStore, schemeOf } from '../storage/open-store.ts';
import { estimateRun, type RunEstimate } from './estimate-run.ts';
import type { Execution } from './execution-schema.ts';
import { findRun, readRunErrors } from './inspect-runs.ts';
import type { RetryFilter } from './plan-retry.ts';
import { openPlanner, type RunPlanner } from './plan-run.ts';
import { beginRetry, type RetryReport, retryRun } from './retry-run.ts';
import type { RunContext, RunFollower } from './run-context.ts';
import { type RunReport, runImages } from './run-images.ts';
import { parseRunSpec, type Run, type RunSpec } from './run-spec.ts';
import type { SqlRunner } from './select-rows.ts';
import type { ShardExecutor } from './shard-executor.ts';

/** Callbacks, signal and options of a run. */
export interface RunHooks extends RunFollower {
  /** Runs the SQL of the run, which is then treated as untrusted. */
  readonly sandbox?: SqlRunner;
}

/** A run and the lake to which it is written. */
interface PlacedRun {
  readonly store: ObjectStore;
  readonly run: Run;
}

/** Maximum time for the untrusted SQL of a run. */
const SELECT_TIMEOUT_MS = 10 * 60_000;

/** The runs that read a lake, or lie in it. All verbs throw `PixlakeError`. */
export class RunLibrary {
  readonly #store: ObjectStore;
  readonly #executor: ShardExecutor;
  readonly #software: string;

  constructor(store: ObjectStore, executor: ShardExecutor, software: string) {
    this.#store = store;
    this.#executor = executor;
    this.#software = software;
  }

  /** Executes a run, or resumes it; see {@link runImages}. */
  async execute(spec: RunSpec, hooks: RunHooks): Promise<RunReport> {
    const { store, run } = this.#place(parseRunSpec(spec, 'run'));
    return this.#execute(this.#store, store, run, hooks);
  }

  /** Plans a run without writing anything. */
  async plan(spec: RunSpec): Promise<Execution> {
    const placed = this.#place(parseRunSpec(spec, 'run'));
    await using planner = await this.#openPlanner(placed, await this.#modelOf(placed.run));
    return (await planner.plan()).execution;
  }

  /** Plans a run and makes its first images in a temporary folder, to tell what the whole will take; see {@link estimateRun}. */
  async estimate(spec: RunSpec): Promise<{ readonly execution: Execution; readonly estimate: RunEstimate }> {
    const startMs = performance.now();
    const placed = this.#place(parseRunSpec(spec, 'run'));
    await using prepared = this.#executor.prepare?.();
    const model = await this.#modelOf(placed.run);
    await using planner = await this.#openPlanner(placed, model);
    const planned = await planner.plan();
    const folder = await this.#store.makeScratchDir();
    try {
      const scratch = openStore(folder);
      const context = { source: this.#store, scratch, executor: prepared ?? this.#executor, model };
      const estimate = await estimateRun(context, planned, performance.now() - startMs);
      return { execution: planned.execution, estimate };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Resumes an interrupted or cancelled run. */
  async resume(name: string, hooks: RunHooks): Promise<RunReport> {
    const { execution } = await findRun(this.#store, name);
    const source = this.#sourceOf(execution);
    return this.#execute(source, this.#store, execution.run, { ...hooks, liftsCancel: true });
  }

  /** Retries the failed images of a finished run; see {@link retryRun}. */
  async retry(name: string, filter: RetryFilter, hooks: RunHooks): Promise<RetryReport> {
    return retryRun(await this.#toRetryContext(name, hooks), name, filter);
  }

  /** Plans a retry, which {@link retry} then finishes, and returns whether there is anything to do. */
  async beginRetry(name: string, filter: RetryFilter): Promise<boolean> {
    const { retry } = await beginRetry(await this.#toRetryContext(name, {}), name, filter);
    return retry !== undefined;
  }

  async #toRetryContext(name: string, hooks: RunHooks): Promise<RunContext> {
    const { execution } = await findRun(this.#store, name);
    const source = this.#sourceOf(execution);
    await checkLake(source);
    return this.#toContext(source, this.#store, hooks);
  }

  /** The lake to which a run is written. */
  #place(run: Run): PlacedRun {
    const { output } = run;
    if (output === undefined) return { store: this.#store, run };
    // A relative folder would later mean another place.
    const root = schemeOf(output) === undefined ? resolve(output) : output;
    return { store: openStore(root, this.#store.s3), run: { ...run, output: root } };
  }

  async #modelOf({ model }: Run): Promise<ModelFiles | undefined> {
    return model === undefined ? undefined : resolveModel(this.#store, model);
  }

  async #openPlanner({ store, run }: PlacedRun, model: ModelFiles | undefined): Promise<RunPlanner> {
    return openPlanner({ source: this.#store, store, model, software: this.#software }, run);
  }

  /** The source lake of an execution. */
  #sourceOf({ sourceLake }: Execution): ObjectStore {
    return sourceLake === undefined ? this.#store : openStore(sourceLake, this.#store.s3);
  }

  async #execute(source: ObjectStore, store: ObjectStore, run: Run, hooks: RunHooks): Promise<RunReport> {
    await checkLake(source);
    // Runs are written in the current layout.
    await createLake(store);
    const report = await runImages(this.#toContext(source, store, hooks), run);
    if (report.imageCount === 0) throw await nothingWritten(store, report);
    return report;
  }

  #toContext(source: ObjectStore, store: ObjectStore, { sandbox, ...following }: RunHooks): RunContext {
    const { signal } = following;
    return {
      source: signal === undefined ? source : source.withSignal(signal),
      store: signal === undefined ? store : store.withSignal(signal),
      executor: this.#executor,
      resolveModel: (nameOrPath) => resolveModel(source, nameOrPath),
      software: this.#software,
      ...(sandbox === undefined
        ? {}
        : { selectRows: (sql, path) => sandbox.selectInto(sql, path, SELECT_TIMEOUT_MS, signal) }),
      ...following,
    };
  }
}

/** A run in which every image failed has finished, but it is reported as an error. */
async function nothingWritten(store: ObjectStore, { name, errorCount }: RunReport): Promise<PixlakeError> {
  const [first] = await readRunErrors(store, name, 1);
  const example = first === undefined ? '' : `, the first with ${first.code}: ${first.message}`;
  return new PixlakeError('RUN_FAILED', `all ${errorCount} images of run ${name} failed${example}`, {
    remedy: `\`pixlake runs errors ${name}\` lists them; \`pixlake runs retry ${name}\` tries again`,
  });
}
