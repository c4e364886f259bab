import { randomUUID } from 'node:crypto';
import { log } from '../config.ts';
import { PixlakeError, toPixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { EventLog, type LoggedEvent, LAST_EVENT_ID } from './event-log.ts';
import type { RetryFilter } from './plan-retry.ts';
import { RetryQueue } from './retry-queue.ts';
import type { RunLibrary } from './run-library.ts';
import { type RunListSpec, type RunRecord, RunRecords } from './run-records.ts';
import type { RunSpec } from './run-spec.ts';
import type { SqlRunner } from './select-rows.ts';
import type { Submission } from './submission-log.ts';
import { Submissions } from './submissions.ts';

/** Context of a service. */
export interface RunServiceContext {
  /** The lake for which it accepts runs. */
  readonly store: ObjectStore;
  readonly runs: RunLibrary;
  /** Runs the untrusted SQL of runs. */
  readonly sandbox: SqlRunner;
  readonly runsAtOnce: number;
}

/** A run, and whether its failed images are being retried here. */
export type FollowedRun = RunRecord & { readonly isRetrying: boolean };

/** An event for followers: the state of the run, or a change. */
export type RunEvent = LoggedEvent | { readonly id: string; readonly kind: 'run'; readonly run: FollowedRun };

/** A run that is waiting or in progress here. */
interface LiveRun {
  readonly submission: Submission;
  readonly events: EventLog;
  readonly stop: AbortController;
  state: 'queued' | 'running';
  imageCount: number;
  errorCount: number;
  isCancelled: boolean;
  /** The same run, accepted again while this attempt is ending. */
  next: Submission | undefined;
}

/** Minimum interval between progress events. */
const PROGRESS_MS = 500;

const ENDED = new Set(['finished', 'failed', 'cancelled']);

/**
 * Accepts runs and works on them, a few at a time, in the order of submission. An accepted run is recorded in the lake before the client gets a response, so
 * any later service continues it.
 */
export class RunService implements AsyncDisposable {
  readonly #runs: RunLibrary;
  readonly #submissions: Submissions;
  readonly #records: RunRecords;
  readonly #retries: RetryQueue;
  readonly #sandbox: SqlRunner;
  readonly #runsAtOnce: number;
  readonly #live = new Map<string, LiveRun>();
  readonly #working = new Set<Promise<void>>();
  #isClosing = false;

  constructor({ store, runs, sandbox, runsAtOnce }: RunServiceContext) {
    this.#runs = runs;
    this.#submissions = new Submissions(store);
    this.#records = new RunRecords(store, this.#submissions);
    this.#retries = new RetryQueue(store, runs);
    this.#sandbox = sandbox;
    this.#runsAtOnce = runsAtOnce;
  }

  /** Numbers of waiting and running runs. */
  get counts(): { readonly queued: number; readonly running: number } {
    const states = [...this.#live.values()].map(({ state }) => state);
    const running = states.filter((state) => state === 'running').length;
    return { queued: states.length - running, running };
  }

  /** Whether a run is waiting or in progress here. */
  isLive(name: string): boolean {
    return this.#live.has(name);
  }

  /** Resumes unfinished runs of an earlier service and returns their names. */
  async recover(): Promise<string[]> {
    const accepted = (await this.#submissions.list()).filter(({ state }) => state === 'accepted');
    for (const submission of accepted) this.#enqueue(submission);
    await this.#retries.recover();
    return accepted.map(({ run }) => run.name);
  }

  /** Accepts a run. The same specification again is the same run. @throws as `Submissions.accept` does */
  async submit(spec: RunSpec, idempotencyKey: string | undefined): Promise<FollowedRun> {
    if (this.#isClosing) throw new PixlakeError('SERVER_BUSY', 'the server is shutting down');
    const { name, submission, isNew } = await this.#submissions.accept(spec, {
      idempotencyKey,
      sandbox: this.#sandbox,
    });
    if (isNew && submission !== undefined) this.#enqueue(submission);
    return this.describe(name);
  }

  /** @throws `RUN_NOT_FOUND` */
  async describe(name: string): Promise<FollowedRun> {
    const isRetrying = this.#retries.isLive(name);
    return { ...(await this.#records.describe(name, this.#live)), isRetrying };
  }

  /** The newest execution of each run, newest run first. */
  async list(spec: RunListSpec = {}): Promise<FollowedRun[]> {
    const records = await this.#records.list(this.#live, spec);
    return records.map((run) => ({ ...run, isRetrying: this.#retries.isLive(run.name) }));
  }

  /** Stops a run. Finished work is kept. @throws `RUN_NOT_FOUND`, `ARGUMENT_INVALID` for one that has finished */
  async cancel(name: string): Promise<FollowedRun> {
    const { state } = await this.describe(name);
    if (state === 'finished') throw new PixlakeError('ARGUMENT_INVALID', `run ${name} has already finished`);
    // Recorded before the response, so a server that is killed now does not resume the run when it starts again.
    await this.#records.cancel(name, await this.#submissions.read(name));
    const live = this.#live.get(name);
    if (live !== undefined) {
      live.isCancelled = true;
      live.stop.abort(new PixlakeError('INTERRUPTED', 'the run was cancelled'));
      if (live.state === 'queued') this.#remove(live);
    }
    return this.describe(name);
  }

  /** Resumes a run that is not in progress. @throws `RUN_NOT_FOUND`, `ARGUMENT_INVALID` for one that has finished */
  async resume(name: string): Promise<FollowedRun> {
    const { state } = await this.describe(name);
    if (state === 'finished') throw new PixlakeError('ARGUMENT_INVALID', `run ${name} has already finished`);
    const live = this.#live.get(name);
    if (live !== undefined && !live.isCancelled) return this.describe(name);
    const run = (await this.#submissions.read(name))?.run ?? (await this.#records.readRun(name));
    const { submission } = await this.#submissions.accept(run, { liftsCancel: true });
    if (submission !== undefined) this.#enqueue(submission);
    return this.describe(name);
  }

  /** Retries the failed images of a finished run. @throws `RUN_NOT_FOUND`, `RUN_UNFINISHED`, `RUN_TOO_OLD`, `MODEL_MISMATCH` */
  async retry(name: string, filter: RetryFilter): Promise<FollowedRun> {
    await this.#retries.accept(name, filter);
    return this.describe(name);
  }

  /**
   * Yields the events of a run: first its state, unless the follower has missed nothing since the given event, then each change,
   * until it is no longer in progress.
   */
  async *follow(
    name: string,
    lastEventId: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<RunEvent> {
    const live = this.#live.get(name);
    if (live !== undefined) {
      const hasMissed = lastEventId === undefined || !live.events.knows(lastEventId);
      const following = live.events.follow(hasMissed ? undefined : lastEventId, signal);
      if (hasMissed) yield { id: '', kind: 'run', run: await this.describe(name) };
      yield* following;
    }
    if (signal.aborted) return;
    const last = await this.describe(name);
    yield { id: ENDED.has(last.state) ? LAST_EVENT_ID : '', kind: 'run', run: last };
  }

  /** Stops work in progress, which can be resumed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    for (const { stop } of this.#live.values())
      stop.abort(new PixlakeError('INTERRUPTED', 'the server is shutting down'));
    await Promise.all([...this.#working, this.#retries.close()]);
    for (const { events } of this.#live.values()) events.end();
  }

  #enqueue(submission: Submission): void {
    const { name } = submission.run;
    const live = this.#live.get(name);
    if (live !== undefined) {
      if (live.submission.id !== submission.id) live.next = submission;
      return;
    }
    this.#live.set(name, {
      submission,
      events: new EventLog(randomUUID().slice(0, 8)),
      stop: new AbortController(),
      state: 'queued',
      imageCount: 0,
      errorCount: 0,
      isCancelled: false,
      next: undefined,
    });
    this.#startNext();
  }

  #startNext(): void {
    if (this.#isClosing || this.counts.running >= this.#runsAtOnce) return;
    const next = [...this.#live.values()].find(({ state }) => state === 'queued');
    if (next === undefined) return;
    next.state = 'running';
    const work = this.#execute(next).finally(() => {
      this.#working.delete(work);
      this.#startNext();
    });
    this.#working.add(work);
  }

  async #execute(live: LiveRun): Promise<void> {
    const { submission, events, stop } = live;
    const { name } = submission.run;
    let toldMs = 0;
    try {
      const newest = await this.#submissions.read(name);
      // While it waited here, another server cancelled it or started it.
      if (newest?.id !== submission.id || newest?.state !== 'accepted') return this.#remove(live);
      events.add('state', { id: name, state: 'running' });
      await this.#runs.execute(submission.run, {
        signal: stop.signal,
        sandbox: this.#sandbox,
        liftsCancel: submission.liftsCancel ?? false,
        onStart: ({ run, rowCount, shardCount }, resumedShardCount) => {
          events.add('plan', { rowCount, totalImages: rowCount * run.copies, shardCount, resumedShardCount });
          void this.#noteStart(live);
        },
        onProgress: ({ imageCount, errorCount }) => {
          Object.assign(live, { imageCount, errorCount });
          if (Date.now() - toldMs < PROGRESS_MS) return;
          toldMs = Date.now();
          events.add('progress', { imageCount, errorCount });
        },
      });
      await this.#settle(live, { state: 'finished' });
    } catch (error) {
      await this.#settleFailure(live, toPixlakeError(error));
    }
  }

  /** Another server may have cancelled or started the run before it had an execution. */
  async #noteStart(live: LiveRun): Promise<void> {
    const { submission, stop } = live;
    try {
      const outcome = await this.#submissions.start(submission);
      if (outcome === 'started') return;
      live.isCancelled = outcome === 'cancelled';
      stop.abort(new PixlakeError('INTERRUPTED', `the run was ${outcome} by another server`));
    } catch (error) {
      log.error({ run: submission.run.name, err: error }, 'the start of a run could not be recorded');
    }
  }

  async #settleFailure(live: LiveRun, error: PixlakeError): Promise<void> {
    const { name } = live.submission.run;
    const isCancelled = live.isCancelled || error.code === 'RUN_CANCELLED';
    if (this.#isClosing && !isCancelled) {
      log.info({ run: name }, 'the run stopped with the server; the next one resumes it');
      return;
    }
    const { code, message, remedy } = error;
    // Only the code is logged, because messages about SQL may quote it. Clients get the message from the run.
    if (!isCancelled) log.warn({ run: name, code }, 'a run failed');
    const failure = { code, message, ...(remedy === undefined ? {} : { remedy }) };
    await this.#settle(live, isCancelled ? { state: 'cancelled' } : { state: 'failed', failure });
  }

  async #settle(live: LiveRun, end: Pick<Submission, 'state' | 'failure'>): Promise<void> {
    const { submission } = live;
    const { name } = submission.run;
    try {
      if (end.state !== 'cancelled') await this.#submissions.end(submission, end);
      else {
        const newest = await this.#submissions.read(name);
        // A run that was accepted again is another attempt, which is not cancelled.
        if (newest?.id === submission.id) await this.#records.cancel(name, submission);
      }
    } catch (error) {
      // The run stays accepted, so the next server resumes it.
      log.error({ run: name, err: error }, 'the end of a run could not be recorded');
    }
    this.#remove(live);
  }

  #remove(live: LiveRun): void {
    this.#live.delete(live.submission.run.name);
    live.events.end();
    if (live.next !== undefined) this.#enqueue(live.next);
  }
}
