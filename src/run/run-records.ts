import { PixlakeError, toPixlakeError } from '../errors.ts';
import { checkLake } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openStore } from '../storage/open-store.ts';
import { cancelRun, describeExecution, findRun, listStandings, type RunStatus } from './inspect-runs.ts';
import type { Run } from './run-spec.ts';
import type { Submission } from './submission-log.ts';
import type { Submissions } from './submissions.ts';
import { holds, standingOf, RUN_STATES, type Standing } from './standing.ts';
import { workInOrder } from './work-in-order.ts';

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
  /** Whether it writes to another lake. */
  readonly isElsewhere: boolean;
  /** When it was submitted, or planned if no service accepted it, in ms since 1970. */
  readonly createdMs: number;
}

/** Where a run stands in the list of all runs: newest first, and by name where the times are equal. */
export type RunPosition = Pick<RunRecord, 'createdMs' | 'name'>;

/** Which runs to list. */
export interface RunListSpec {
  readonly state?: RunRecord['state'] | undefined;
  /** Beginning of the name. */
  readonly prefix?: string | undefined;
  /** The table of the originals, as far as it is known: before a run is planned, only if its specification names it. */
  readonly table?: string | undefined;
  /** Lists only those that come after this one. */
  readonly after?: RunPosition | undefined;
  readonly limit?: number | undefined;
}

/** What is known of a run before its shards are counted. */
type RunHead = Omit<RunRecord, 'status' | 'isElsewhere'>;

const RUNS_AT_ONCE = 16;

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
    const isElsewhere = submission?.run.output !== undefined;
    const known = submission !== undefined && holds(submission, status) ? submission : undefined;
    if (known === undefined && status === undefined)
      throw new PixlakeError('RUN_NOT_FOUND', `no run ${name} exists`);
    // A run that ends or begins while the lake is read counts as in progress.
    return { ...toHead(name, known, status, live.get(name) ?? before), status, isElsewhere };
  }

  /**
   * The newest execution of each run, newest run first, with its progress in this process. For runs that write to other lakes it returns what this
   * lake has recorded, because reading all of those lakes may take long, and an unreachable one should not hide the other runs. Counts are read
   * only for the runs that are returned.
   */
  async list(live: ReadonlyMap<string, LiveProgress>, spec: RunListSpec = {}): Promise<RunRecord[]> {
    const before = new Map(live);
    const { prefix = '', after, limit } = spec;
    const submissions = new Map(
      (await this.#submissions.list())
        .filter(({ run }) => run.name.startsWith(prefix))
        .map((submission) => [submission.run.name, submission]),
    );
    await checkLake(this.#store);
    const standings = await listStandings(this.#store, prefix);
    const heads: (RunHead & { readonly isElsewhere: boolean; readonly standing: Standing | undefined })[] =
      [];
    for (const name of new Set([...submissions.keys(), ...standings.keys()])) {
      const submission = submissions.get(name);
      const isElsewhere = submission?.run.output !== undefined;
      const standing = isElsewhere ? undefined : standings.get(name);
      const isKnown = submission !== undefined && (isElsewhere || holds(submission, standing));
      // The record of an end is obsolete when its execution was deleted.
      if (!isKnown && standing === undefined) continue;
      const head = toHead(
        name,
        isKnown ? submission : undefined,
        standing,
        live.get(name) ?? before.get(name),
      );
      heads.push({ ...head, isElsewhere, standing });
    }
    const wanted = heads
      .filter((head) => isWanted(head, head.standing, spec))
      .filter((head) => after === undefined || compare(after, head) < 0)
      .sort(compare)
      .slice(0, limit);
    const describe = async ({ standing, ...head }: (typeof heads)[number]): Promise<RunRecord> => {
      if (standing === undefined) return { ...head, status: undefined };
      const status = await describeExecution(this.#store, standing.execution);
      // It may have ended since.
      return { ...head, state: stateOf(head.submission, status, head.live), status };
    };
    const records: RunRecord[] = [];
    for await (const record of workInOrder(wanted, RUNS_AT_ONCE, describe)) records.push(record);
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

function toHead(
  name: string,
  submission: Submission | undefined,
  standing: Standing | undefined,
  live: LiveProgress | undefined,
): RunHead {
  const createdMs = submission?.submittedMs ?? standing?.execution.plannedMs ?? 0;
  return { name, state: stateOf(submission, standing, live), submission, live, createdMs };
}

function isWanted(
  { state, submission }: RunHead,
  standing: Standing | undefined,
  { state: wanted, table }: RunListSpec,
): boolean {
  if (wanted !== undefined && state !== wanted) return false;
  return table === undefined || (standing?.execution.sourceTable ?? submission?.run.table) === table;
}

function compare(a: RunPosition, b: RunPosition): number {
  return b.createdMs - a.createdMs || (a.name < b.name ? -1 : Number(a.name !== b.name));
}

function stateOf(
  submission: Submission | undefined,
  standing: Standing | undefined,
  live: LiveProgress | undefined,
): RunRecord['state'] {
  if (live !== undefined) return live.state;
  if (submission !== undefined && submission.state !== 'accepted') return submission.state;
  // The run was accepted again, so the end of the previous execution is obsolete.
  if (submission?.state === 'accepted' && submission.standing === standingOf(standing)) return 'interrupted';
  if (standing?.state === 'finished' || standing?.state === 'cancelled') return standing.state;
  return 'interrupted';
}
