import { PixlakeError, toPixlakeError } from '../errors.ts';
import { checkLake } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openStore } from '../storage/open-store.ts';
import { cancelRun, findRun, listRuns, type RunStatus } from './inspect-runs.ts';
import type { Run } from './run-spec.ts';
import type { Submission } from './submission-log.ts';
import type { Submissions } from './submissions.ts';
import { holds, standingOf, RUN_STATES } from './standing.ts';

/** Progress of a run that is waiting or in progress in this process. */
export interface LiveProgress {
  readonly state: 'queued' | 'running';
  readonly imageCount: number;
  readonly errorCount: number;
}

/** A run: its submission, its status, or both. */
export interface RunRecord {
  readonly name: string;
  readonly state: (typeof RUN_STATES)[number];
  /** Its newest submission, if that still describes its state. */
  readonly submission: Submission | undefined;
  /** Its newest execution. */
  readonly status: RunStatus | undefined;
  readonly live: LiveProgress | undefined;
}

/** The runs of a service: accepted runs, and executions in this lake and in the target lakes of runs. */
export class RunRecords {
  readonly #store: ObjectStore;
  readonly #submissions: Submissions;

  constructor(store: ObjectStore, submissions: Submissions) {
    this.#store = store;
    this.#submissions = submissions;
  }

  /** A run, with its progress in this process. @throws `RUN_NOT_FOUND` */
  async describe(name: string, live: ReadonlyMap<string, LiveProgress>): Promise<RunRecord> {
    const before = live.get(name);
    const submission = await this.#submissions.read(name);
    const status = await this.#readStatus(name, submission);
    const known = submission !== undefined && holds(submission, status) ? submission : undefined;
    if (known === undefined && status === undefined)
      throw new PixlakeError('RUN_NOT_FOUND', `no run ${name} exists`);
    // A run that ends or begins while the lake is read counts as in progress.
    return toRecord(name, known, status, live.get(name) ?? before);
  }

  /**
   * The newest execution of each run, by name, with its progress in this process. For runs that write to other lakes it returns what this lake
   * has recorded, because reading all of those lakes may take long, and an unreachable one should not hide the other runs.
   */
  async list(live: ReadonlyMap<string, LiveProgress>): Promise<RunRecord[]> {
    const before = new Map(live);
    const submissions = new Map(
      (await this.#submissions.list()).map((submission) => [submission.run.name, submission]),
    );
    await checkLake(this.#store);
    const statuses = new Map<string, RunStatus>();
    for (const status of (await listRuns(this.#store)).runs) {
      const { name } = status.execution.run;
      if (!statuses.has(name)) statuses.set(name, status);
    }
    const records: RunRecord[] = [];
    for (const name of [...new Set([...submissions.keys(), ...statuses.keys()])].sort()) {
      const submission = submissions.get(name);
      const isElsewhere = submission?.run.output !== undefined;
      const status = isElsewhere ? undefined : statuses.get(name);
      const isKnown = submission !== undefined && (isElsewhere || holds(submission, status));
      // The record of an end is obsolete when its execution was deleted.
      if (!isKnown && status === undefined) continue;
      records.push(
        toRecord(name, isKnown ? submission : undefined, status, live.get(name) ?? before.get(name)),
      );
    }
    return records;
  }

  /** Records that a run is cancelled: for services and, if it has an execution, for all processes that work on it. */
  async cancel(name: string, submission: Submission | undefined): Promise<void> {
    await this.#cancelExecution(name, submission);
    if (submission === undefined) return;
    await this.#submissions.end(submission, { state: 'cancelled' });
    // Another server may have planned the run meanwhile.
    await this.#cancelExecution(name, submission);
  }

  /** The specification of a run that no service accepted. @throws `RUN_NOT_FOUND`, `ARGUMENT_INVALID` */
  async readRun(name: string): Promise<Run> {
    const { execution } = await findRun(this.#store, name);
    if (execution.sourceLake === undefined) return execution.run;
    throw new PixlakeError('ARGUMENT_INVALID', `run ${name} reads another lake; resume it there`);
  }

  async #cancelExecution(name: string, submission: Submission | undefined): Promise<void> {
    const status = await this.#readStatus(name, submission);
    if (status?.state === 'unfinished') await cancelRun(this.#storeOf(submission), name);
  }

  async #readStatus(name: string, submission: Submission | undefined): Promise<RunStatus | undefined> {
    const store = this.#storeOf(submission);
    try {
      await checkLake(store);
      return await findRun(store, name);
    } catch (error) {
      const { code } = toPixlakeError(error);
      const isElsewhere = store !== this.#store;
      if (code === 'RUN_NOT_FOUND' || (isElsewhere && code === 'LAKE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /** The target lake of a run. */
  #storeOf(submission: Submission | undefined): ObjectStore {
    const output = submission?.run.output;
    return output === undefined ? this.#store : openStore(output, this.#store.s3);
  }
}

function toRecord(
  name: string,
  submission: Submission | undefined,
  status: RunStatus | undefined,
  live: LiveProgress | undefined,
): RunRecord {
  return { name, state: stateOf(submission, status, live), submission, status, live };
}

function stateOf(
  submission: Submission | undefined,
  status: RunStatus | undefined,
  live: LiveProgress | undefined,
): RunRecord['state'] {
  if (live !== undefined) return live.state;
  if (submission !== undefined && submission.state !== 'accepted') return submission.state;
  // The run was accepted again, so the end of the previous execution is obsolete.
  if (submission?.state === 'accepted' && submission.standing === standingOf(status)) return 'interrupted';
  if (status?.state === 'finished' || status?.state === 'cancelled') return status.state;
  return 'interrupted';
}
