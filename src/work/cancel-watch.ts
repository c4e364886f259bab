import type { ObjectStore } from '../storage/object-store.ts';

/** An answer of the lake holds for this long. */
const POLL_MS = 1000;

/** Asks a lake, about once a second while somebody wants to know, whether work was cancelled there. */
export class CancelWatch {
  readonly #store: ObjectStore;
  readonly #key: string;
  #isCancelled = false;
  #askedMs = Number.NEGATIVE_INFINITY;

  /** @param key object key of the marker that says so */
  constructor(store: ObjectStore, key: string) {
    this.#store = store;
    this.#key = key;
  }

  /** The last answer; where that is old, the lake is asked for the next one. */
  get isCancelled(): boolean {
    void this.ask();
    return this.#isCancelled;
  }

  /** An answer that is not older than a second; that it is cancelled is asked anew each time, since that may be lifted. */
  async ask(): Promise<boolean> {
    const nowMs = performance.now();
    if (nowMs - this.#askedMs < POLL_MS && !this.#isCancelled) return false;
    this.#askedMs = nowMs;
    try {
      this.#isCancelled = (await this.#store.stat(this.#key)) !== undefined;
    } catch {
      // A question that fails is no reason to stop; the next one may succeed.
    }
    return this.#isCancelled;
  }
}
