import { log } from '../config.ts';
import { PixlakeError, toPixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { listRuns } from './inspect-runs.ts';
import type { RetryFilter } from './plan-retry.ts';
import type { RunLibrary } from './run-library.ts';

/**
 * The retries of a service, one after another. A retry is frozen in the lake before it is accepted, so if the server ends before it is
 * done, the next server finishes it.
 */
export class RetryQueue {
  readonly #store: ObjectStore;
  readonly #runs: RunLibrary;
  readonly #live = new Set<string>();
  readonly #stop = new AbortController();
  #work: Promise<void> = Promise.resolve();

  constructor(store: ObjectStore, runs: RunLibrary) {
    this.#store = store;
    this.#runs = runs;
  }

  /** Whether failed images of a run are waiting or in progress here. */
  isLive(name: string): boolean {
    return this.#live.has(name);
  }

  /** Continues unfinished retries of an earlier server. */
  async recover(): Promise<void> {
    const { runs } = await listRuns(this.#store);
    for (const { execution, hasUnfinishedRetry } of runs)
      if (hasUnfinishedRetry) this.#enqueue(execution.run.name);
  }

  /** Plans and queues a retry. If there is nothing to do, it ends at once. @throws as `RunLibrary.beginRetry` does */
  async accept(name: string, filter: RetryFilter): Promise<void> {
    if (this.#stop.signal.aborted) throw new PixlakeError('SERVER_BUSY', 'the server is shutting down');
    if (await this.#runs.beginRetry(name, filter)) this.#enqueue(name);
  }

  /** Stops work in progress, so the next server can continue it. */
  async close(): Promise<void> {
    this.#stop.abort(new PixlakeError('INTERRUPTED', 'the server is shutting down'));
    await this.#work;
  }

  #enqueue(name: string): void {
    if (this.#live.has(name)) return;
    this.#live.add(name);
    const { signal } = this.#stop;
    this.#work = this.#work.then(async () => {
      try {
        if (!signal.aborted) await this.#runs.retry(name, {}, { signal });
      } catch (error) {
        log.warn({ run: name, code: toPixlakeError(error).code }, 'a retry did not finish');
      } finally {
        this.#live.delete(name);
      }
    });
  }
}
