import { randomUUID } from 'node:crypto';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openStore } from '../storage/open-store.ts';
import { checkRun } from './check-run.ts';
import { folderOf, readRunState } from './execution.ts';
import { findNewestExecution } from './read-executions.ts';
import { IdempotencyKeys } from './idempotency-keys.ts';
import { isSameRun, parseRunSpec, type Run, type RunSpec } from './run-spec.ts';
import type { SqlRunner } from './select-rows.ts';
import { type Submission, SubmissionLog } from './submission-log.ts';
import { holds, standingOf, type Standing } from './standing.ts';

/** Options of a submission. */
export interface AcceptOptions {
  /** A key that the client chose. If it was used before, its run is returned, in whatever state. */
  readonly idempotencyKey?: string | undefined;
  /** Whether to continue a cancelled run. */
  readonly liftsCancel?: boolean;
  /** Checks the SQL of the run before anything is recorded. */
  readonly sandbox?: Pick<SqlRunner, 'check'>;
}

/** An accepted run; `isNew` if this call accepted it. */
export interface Accepted {
  readonly name: string;
  readonly submission: Submission | undefined;
  readonly isNew: boolean;
}

/** The accepted runs of a lake. Several servers may use them. */
export class Submissions {
  readonly #store: ObjectStore;
  readonly #log: SubmissionLog;
  readonly #keys: IdempotencyKeys;

  constructor(store: ObjectStore) {
    this.#store = store;
    this.#log = new SubmissionLog(store);
    this.#keys = new IdempotencyKeys(store);
  }

  /**
   * Accepts a run. The same one is accepted again, unless it is already waiting or running. If several are submitted at once with
   * one name, one specification is accepted.
   *
   * @throws `SPEC_INVALID`, `RUN_NAME_TAKEN`, `RUN_CANCELLED`, `IDEMPOTENCY_KEY_REUSED`, and as {@link checkRun} and the sandbox do
   */
  async accept(spec: RunSpec, options: AcceptOptions = {}): Promise<Accepted> {
    const { idempotencyKey: key, liftsCancel = false, sandbox } = options;
    const run = parseRunSpec(spec, 'run');
    const { name } = run;
    const id = randomUUID();
    for (;;) {
      const { number, submission } = await this.#log.readNewest(name);
      // The response to the request that recorded it was lost.
      if (submission?.id === id) return { name, submission, isNew: true };
      const latest = await this.#readLatest(run);
      const known = submission !== undefined && holds(submission, latest) ? submission : undefined;
      checkIsSame(run, known, latest);
      const claim = key === undefined ? undefined : await this.#keys.read(key);
      if (claim !== undefined && !isSameRun(claim.run, run)) throw keyReused();
      if (claim !== undefined && number > claim.after) return { name, submission, isNew: false };
      const isCancelled = isCancelledBy(known, latest);
      if (isCancelled && !liftsCancel) throw cancelled(name);
      const isWaiting = known?.state === 'accepted' && !isCancelled;
      if (!isWaiting && sandbox !== undefined) await checkRun(this.#store, run, await sandbox.check(run.sql));
      // The second one checks again, because another may have got the name.
      const isUsable =
        key === undefined || claim !== undefined || (await this.#keys.claim(key, { run, after: number }));
      if (!isUsable) continue;
      if (isWaiting) return { name, submission: known, isNew: false };
      const accepted: Submission = {
        id,
        run,
        submittedMs: Date.now(),
        state: 'accepted',
        liftsCancel: isCancelled,
        standing: standingOf(latest),
      };
      if (await this.#log.add(number + 1, accepted)) return { name, submission: accepted, isNew: true };
    }
  }

  /**
   * Records that an accepted run has started, so a later cancel applies to it.
   *
   * @returns the state of the submission on another server, if it did not start here
   */
  async start({ id, run }: Submission): Promise<'started' | 'cancelled' | 'replaced'> {
    for (;;) {
      const { number, submission } = await this.#log.readNewest(run.name);
      if (submission === undefined || submission.id !== id) return 'replaced';
      if (submission.state === 'cancelled') return 'cancelled';
      if (submission.state !== 'accepted' || submission.liftsCancel !== true) return 'started';
      const standing = standingOf(await this.#readLatest(run));
      if (await this.#log.add(number + 1, { ...submission, liftsCancel: false, standing })) return 'started';
    }
  }

  /** Records the end of an accepted run, unless it is already recorded or the run was accepted again. */
  async end({ id, run }: Submission, end: Pick<Submission, 'state' | 'failure'>): Promise<void> {
    for (;;) {
      const { number, submission } = await this.#log.readNewest(run.name);
      if (submission === undefined || submission.id !== id || submission.state !== 'accepted') return;
      const standing = standingOf(await this.#readLatest(run));
      const ended = { ...submission, liftsCancel: false, standing, endedMs: Date.now(), ...end };
      if (await this.#log.add(number + 1, ended)) return;
    }
  }

  /** The newest record of a run. */
  async read(name: string): Promise<Submission | undefined> {
    return (await this.#log.readNewest(name)).submission;
  }

  /** The newest record of each run, in the order of submission. Damaged records are set aside. */
  async list(): Promise<Submission[]> {
    return this.#log.list();
  }

  async #readLatest({ name, output }: Run): Promise<Standing | undefined> {
    const store = output === undefined ? this.#store : openStore(output, this.#store.s3);
    const execution = await findNewestExecution(store, name);
    if (execution === undefined) return undefined;
    return { execution, state: await readRunState(store, folderOf(execution)) };
  }
}

function isCancelledBy(known: Submission | undefined, latest: Standing | undefined): boolean {
  if (known?.state === 'accepted' && known.liftsCancel === true) return false;
  return known?.state === 'cancelled' || latest?.state === 'cancelled';
}

function checkIsSame(run: Run, known: Submission | undefined, latest: Standing | undefined): void {
  const isOther = known !== undefined && !isSameRun(known.run, run);
  // In another lake the output is known, and may be written in another way.
  const other = latest === undefined ? undefined : { ...latest.execution.run, ...pickOutput(run) };
  if (!isOther && (other === undefined || isSameRun(other, run))) return;
  throw new PixlakeError('RUN_NAME_TAKEN', `run ${run.name} exists and has another specification`, {
    remedy: 'choose another name',
  });
}

function pickOutput({ output }: Run): Pick<Run, 'output'> {
  return output === undefined ? {} : { output };
}

function cancelled(name: string): PixlakeError {
  return new PixlakeError('RUN_CANCELLED', `run ${name} was cancelled`, {
    remedy: 'resume it to continue; submitting it again does not restart it',
  });
}

function keyReused(): PixlakeError {
  return new PixlakeError('IDEMPOTENCY_KEY_REUSED', 'the Idempotency-Key was already used for another run', {
    remedy: 'use a new key for each run',
  });
}
