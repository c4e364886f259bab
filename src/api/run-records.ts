import {
  holds,
  type Lakehouse,
  openLakehouse,
  PixlakeError,
  type RunSpec,
  type RunStatus,
  type S3Options,
  type Submission,
  toPixlakeError,
} from '../index.ts';
import { type LiveProgress, type RunResource, toRunResource } from './run-resource.ts';

/** What lakes hold of the runs of a server: what it accepted, and executions here and in the lakes that runs write to. */
export class RunRecords {
  readonly #lakehouse: Lakehouse;
  readonly #s3: S3Options;

  constructor(lakehouse: Lakehouse, s3: S3Options) {
    this.#lakehouse = lakehouse;
    this.#s3 = s3;
  }

  /** A run, with its progress on this server. @throws `RUN_NOT_FOUND` */
  async describe(name: string, live: ReadonlyMap<string, LiveProgress>): Promise<RunResource> {
    const before = live.get(name);
    const submission = await this.#lakehouse.submissions.read(name);
    const status = await this.#readStatus(name, submission);
    const known = submission !== undefined && holds(submission, status) ? submission : undefined;
    if (known === undefined && status === undefined)
      throw new PixlakeError('RUN_NOT_FOUND', `there is no run ${name}`);
    // One that ends or begins while the lake is read is in work.
    return toRunResource(name, known, status, live.get(name) ?? before);
  }

  /**
   * The newest execution of each run, by name, with its progress on this server. Of runs that write to other lakes it tells what this lake
   * has recorded: to look into all of those may take long, and one that cannot be reached should not hide the others.
   */
  async list(live: ReadonlyMap<string, LiveProgress>): Promise<RunResource[]> {
    const before = new Map(live);
    const submissions = new Map(
      (await this.#lakehouse.submissions.list()).map((submission) => [submission.run.name, submission]),
    );
    const statuses = new Map<string, RunStatus>();
    for (const status of (await this.#lakehouse.listRuns()).runs) {
      const { name } = status.execution.run;
      if (!statuses.has(name)) statuses.set(name, status);
    }
    const resources: RunResource[] = [];
    for (const name of [...new Set([...submissions.keys(), ...statuses.keys()])].sort()) {
      const submission = submissions.get(name);
      const isElsewhere = submission?.run.output !== undefined;
      const status = isElsewhere ? undefined : statuses.get(name);
      const isKnown = submission !== undefined && (isElsewhere || holds(submission, status));
      // The record of an end tells of nothing once its execution was deleted.
      if (!isKnown && status === undefined) continue;
      const progress = live.get(name) ?? before.get(name);
      resources.push(toRunResource(name, isKnown ? submission : undefined, status, progress));
    }
    return resources;
  }

  /** Records that a run is cancelled, for servers and, in its execution if there is one, for all that work on it. */
  async cancel(name: string, submission: Submission | undefined): Promise<void> {
    await this.#cancelExecution(name, submission);
    if (submission === undefined) return;
    await this.#lakehouse.submissions.end(submission, { state: 'cancelled' });
    // Another server may have planned it meanwhile.
    await this.#cancelExecution(name, submission);
  }

  /** The specification of a run that no server accepted. @throws `RUN_NOT_FOUND`, `ARGUMENT_INVALID` */
  async readRun(name: string): Promise<RunSpec> {
    const { execution } = await this.#lakehouse.showRun(name);
    if (execution.sourceLake === undefined) return execution.run;
    throw new PixlakeError('ARGUMENT_INVALID', `run ${name} reads another lake, so it is resumed from there`);
  }

  async #cancelExecution(name: string, submission: Submission | undefined): Promise<void> {
    const status = await this.#readStatus(name, submission);
    if (status?.state === 'unfinished') await this.#lakehouseOf(submission).cancelRun(name);
  }

  async #readStatus(name: string, submission: Submission | undefined): Promise<RunStatus | undefined> {
    const lakehouse = this.#lakehouseOf(submission);
    try {
      return await lakehouse.showRun(name);
    } catch (error) {
      const { code } = toPixlakeError(error);
      const isElsewhere = lakehouse !== this.#lakehouse;
      if (code === 'RUN_NOT_FOUND' || (isElsewhere && code === 'LAKE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  #lakehouseOf(submission: Submission | undefined): Lakehouse {
    const output = submission?.run.output;
    return output === undefined ? this.#lakehouse : openLakehouse({ lake: output, s3: this.#s3 });
  }
}
