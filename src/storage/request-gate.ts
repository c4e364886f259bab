import { setTimeout as sleep } from 'node:timers/promises';
import { log } from '../config.ts';

/** What to do about a request that failed. */
export type Verdict = 'fail' | 'retry' | 'slow down';

/** How many requests run at once, and how they are repeated. */
export interface GateOptions {
  /** Decides what to do about an error. */
  readonly judge: (error: unknown) => Verdict;
  /** Maximum number of requests in flight while the server keeps up. */
  readonly maxInFlight: number;
  /** How long a request is repeated after its first failure. */
  readonly patienceMs: number;
}

const MIN_IN_FLIGHT = 4;
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 5000;

/** After this time the user is told why nothing happens. */
const WARN_MS = 3000;

/**
 * Runs a bounded number of requests at a time and repeats those whose failure is temporary. Pauses grow exponentially with full
 * jitter (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015). The bound is halved when the server asks to slow down
 * and grows by one for each round of requests that went well (additive increase, multiplicative decrease; Chiu and Jain, 1989).
 */
export class RequestGate {
  readonly #options: GateOptions;
  readonly #waiting: (() => void)[] = [];
  #limit: number;
  #inFlight = 0;
  #lastCutMs = Number.NEGATIVE_INFINITY;
  #hasWarned = false;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#limit = options.maxInFlight;
  }

  /** Runs a request until it succeeds, fails for good, or the time is over. @throws what the last attempt threw, or the signal's reason */
  async run<Result>(request: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    let giveUpMs: number | undefined;
    for (let attempt = 0; ; attempt++) {
      await this.#enter();
      let failure: unknown;
      try {
        signal?.throwIfAborted();
        const result = await request();
        this.#limit = Math.min(this.#options.maxInFlight, this.#limit + 1 / this.#limit);
        this.#hasWarned = false;
        return result;
      } catch (error) {
        failure = error;
      } finally {
        this.#leave();
      }
      // The reason of the signal says more than the error of an aborted request.
      signal?.throwIfAborted();
      const verdict = this.#options.judge(failure);
      const nowMs = performance.now();
      giveUpMs ??= nowMs + this.#options.patienceMs;
      if (verdict === 'fail' || nowMs >= giveUpMs) throw failure;
      if (verdict === 'slow down') this.#cut(nowMs);
      if (nowMs > giveUpMs - this.#options.patienceMs + WARN_MS) this.#warn(failure);
      await pause(Math.random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt), signal);
    }
  }

  async #enter(): Promise<void> {
    while (this.#inFlight >= Math.floor(this.#limit))
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#inFlight += 1;
  }

  #leave(): void {
    this.#inFlight -= 1;
    const freeCount = Math.max(0, Math.floor(this.#limit) - this.#inFlight);
    for (const wake of this.#waiting.splice(0, freeCount)) wake();
  }

  #cut(nowMs: number): void {
    // Many requests fail by the same overload, which counts once.
    if (nowMs - this.#lastCutMs < MAX_PAUSE_MS / 10) return;
    this.#lastCutMs = nowMs;
    this.#limit = Math.max(MIN_IN_FLIGHT, this.#limit / 2);
  }

  #warn(failure: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    log.warn(`still trying: ${failure instanceof Error ? failure.message : String(failure)}`);
  }
}

async function pause(pauseMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(pauseMs, undefined, signal === undefined ? {} : { signal });
  } catch {
    signal?.throwIfAborted();
  }
}
