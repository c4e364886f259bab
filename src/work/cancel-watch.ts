import type { ObjectStore } from '../storage/object-store.ts';

/** An answer is valid for this time. */
const POLL_MS = 1000;

/** Checks whether work was cancelled in a lake, at most about once a second. */
export class CancelWatch {
  readonly #store: ObjectStore;
  readonly #key: string;
  #isCancelled = false;
  #askedMs = Number.NEGATIVE_INFINITY;

  /** @param key object key of the cancel marker */
  constructor(store: ObjectStore, key: string) {
    this.#store = store;
    this.#key = key;
  }

  /** The last answer. If it is old, a new check starts in the background. */
  get isCancelled(): boolean {
    void this.ask();
    return this.#isCancelled;
  }

  /** The last answer; if it is older than a second, a new one. A cancel is always checked again, because it may have been lifted. */
  async ask(): Promise<boolean> {
    const nowMs = performance.now();
    if (nowMs - this.#askedMs < POLL_MS && !this.#isCancelled) return false;
    this.#askedMs = nowMs;
    try {
      this.#isCancelled = (await this.#store.stat(this.#key)) !== undefined;
    } catch {
      // A failed check is not a reason to stop, because the next one may succeed.
    }
    return this.#isCancelled;
  }
}
