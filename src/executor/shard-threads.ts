import type { Piscina } from 'piscina';
import { makeMemoryCells } from '../run/memory-cells.ts';
import type { WorkerSettings } from '../run/shard-worker.ts';
import type { AttemptOutcome } from '../work/attempt.ts';
import type { CloseTask, ShardTask } from './shard-task.ts';

/**
 * Size of a worker's young generation. Images lie outside the heap and are freed when young objects are collected. In a larger space that happens so rarely that V8
 * collects the whole heap instead, five times a second.
 */
const YOUNG_MB = 8;

/** The threads of a run. One starts at once, the others when there is work for them. */
export class ShardThreads implements AsyncDisposable {
  readonly #pool: Piscina;
  readonly #open = new Set<(error: unknown) => void>();
  #isBroken = false;

  private constructor(pool: Piscina) {
    this.#pool = pool;
    // A thread has died without a task, most likely because it cannot start. Piscina may lose tasks that it gives to such a thread.
    pool.on('error', (error) => {
      this.#isBroken = true;
      for (const fail of this.#open) fail(error);
    });
  }

  /** Opens a pool of at most so many threads. */
  static async open(workers: number, s3: WorkerSettings['s3']): Promise<ShardThreads> {
    const { Piscina: Pool } = await import('piscina');
    const pool = new Pool({
      filename: new URL('./worker.js', import.meta.url).href,
      minThreads: 1,
      maxThreads: workers,
      idleTimeout: Number.POSITIVE_INFINITY,
      // Not used, and not available in Deno, in which notebooks run.
      recordTiming: false,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      workerData: {
        s3,
        // A thread that dies does not give its memory back, so each run has its own cells.
        memoryCells: makeMemoryCells(),
      } satisfies WorkerSettings,
    });
    return new ShardThreads(pool);
  }

  /** Whether a thread could not start. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Makes an attempt in any thread. @throws any error if the thread died, or another one without a task */
  async run(task: ShardTask): Promise<AttemptOutcome> {
    return (await this.#give(task)) as AttemptOutcome;
  }

  /** Lets each thread, all of which are idle, close its resources. Ending a thread inside native code could crash the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    const threads = this.#isBroken ? 0 : this.#pool.threads.length;
    const closed = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const task: CloseTask = { threads, closed };
    await Promise.allSettled(Array.from({ length: threads }, () => this.#give(task)));
    await this.#pool.close();
  }

  async #give(task: ShardTask | CloseTask): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#open.add(reject);
      this.#pool
        .run(task)
        .then(resolve, reject)
        .finally(() => this.#open.delete(reject));
    });
  }
}
