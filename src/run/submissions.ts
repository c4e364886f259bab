import { createHash } from 'node:crypto';
import { type ErrorCode, PixlakeError } from '../errors.ts';
import { submissionKey, SUBMISSIONS_FOLDER } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { findNewestExecution } from './execution.ts';
import { isSameRun, parseRunSpec, type Run, type RunSpec } from './run-spec.ts';

/** A run that a server has accepted: kept in the lake until the run has finished, so that no crash loses it. */
export interface Submission {
  readonly run: Run;
  readonly submittedMs: number;
  readonly state: 'accepted' | 'cancelled' | 'failed' | 'finished';
  /** Why it failed. */
  readonly failure?: { readonly code: ErrorCode; readonly message: string; readonly remedy?: string };
}

/** The accepted runs of a lake. One server at a time may work on them. */
export class Submissions {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /**
   * Accepts a run. The same one again is accepted again, unless it is already waiting or running.
   *
   * @param idempotencyKey of the client's choice: one that was used before gives the run that it was used for, whatever became of it
   * @throws `SPEC_INVALID`, `RUN_NAME_TAKEN`, `IDEMPOTENCY_KEY_REUSED`
   */
  async accept(
    spec: RunSpec,
    idempotencyKey: string | undefined,
  ): Promise<{ readonly name: string; readonly isNew: boolean }> {
    const run = parseRunSpec(spec, 'run');
    const { name } = run;
    const known = await this.read(name);
    const latest = await findNewestExecution(this.#store, name);
    for (const earlier of [known?.run, latest?.run]) {
      if (earlier === undefined || isSameRun(earlier, run)) continue;
      throw new PixlakeError('RUN_NAME_TAKEN', `run ${name} exists with another specification`, {
        remedy: 'choose another name',
      });
    }
    const isRepeated = idempotencyKey !== undefined && !(await this.#claim(idempotencyKey, run));
    // A server that died between claiming the key and recording the run has not accepted it.
    if (isRepeated && (known ?? latest) !== undefined) return { name, isNew: false };
    if (known?.state === 'accepted') return { name, isNew: false };
    await this.#write({ run, submittedMs: Date.now(), state: 'accepted' });
    return { name, isNew: true };
  }

  /** Records what became of a run. One that finished in this lake is forgotten, since its execution tells of it. */
  async end(submission: Submission, end: Pick<Submission, 'state' | 'failure'>): Promise<void> {
    const { name, output } = submission.run;
    if (end.state === 'finished' && output === undefined) await this.#store.delete(submissionKey(name));
    else await this.#write({ ...submission, ...end });
  }

  async read(name: string): Promise<Submission | undefined> {
    const key = submissionKey(name);
    if ((await this.#store.stat(key)) === undefined) return undefined;
    return JSON.parse((await this.#store.read(key)).toString('utf8')) as Submission;
  }

  /** All that are recorded, oldest first. */
  async list(): Promise<Submission[]> {
    const found: Submission[] = [];
    for await (const { key } of this.#store.list(SUBMISSIONS_FOLDER)) {
      const name = /^submissions\/([^/]+)\.json$/u.exec(key)?.[1];
      const submission = name === undefined ? undefined : await this.read(name);
      if (submission !== undefined) found.push(submission);
    }
    return found.sort((a, b) => a.submittedMs - b.submittedMs);
  }

  async #write(submission: Submission): Promise<void> {
    const text = `${JSON.stringify(submission, null, 2)}\n`;
    await this.#store.write(submissionKey(submission.run.name), Buffer.from(text));
  }

  /** Whether the key is used for the first time. */
  async #claim(idempotencyKey: string, run: Run): Promise<boolean> {
    const hash = createHash('sha256').update(idempotencyKey).digest('hex');
    const key = `${SUBMISSIONS_FOLDER}/keys/${hash}.json`;
    if (await this.#store.writeIfAbsent(key, Buffer.from(`${JSON.stringify(run)}\n`))) return true;
    const first = JSON.parse((await this.#store.read(key)).toString('utf8')) as Run;
    if (isSameRun(first, run)) return false;
    throw new PixlakeError('IDEMPOTENCY_KEY_REUSED', 'the Idempotency-Key was used for another run', {
      remedy: 'take a new key for each run that is to be submitted',
    });
  }
}
