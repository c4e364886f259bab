import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { log } from '../config.ts';
import { PixlakeError } from '../errors.ts';
import { makeTemporaryFolder } from '../storage/temporary-folder.ts';
import { type Confinement, probeConfinement } from './query-launcher.ts';
import { abandoned, QuerySlot } from './query-slot.ts';
import type { SandboxLimits } from './sandbox-limits.ts';

/** A process is replaced after this many queries or this time, so nothing can accumulate. */
const MAX_SESSIONS = 1000;
const MAX_AGE_MS = 3_600_000;

/** State of a pool. */
export interface PoolStatus {
  readonly slotCount: number;
  readonly busyCount: number;
  readonly waitingCount: number;
  readonly confinement: Confinement;
}

interface Waiting {
  readonly resolve: (slot: QuerySlot) => void;
  readonly reject: (error: PixlakeError) => void;
}

/** Warm query processes, and the queue of queries that wait for one. */
export class QueryPool implements AsyncDisposable {
  readonly #limits: SandboxLimits;
  readonly #root: string;
  readonly #needsNetwork: boolean;
  readonly #waiting: Waiting[] = [];
  readonly #slots = new Set<QuerySlot>();
  readonly #idle: QuerySlot[] = [];
  readonly confinement: Confinement;
  #slotNumber = 0;
  #isClosed = false;

  private constructor(limits: SandboxLimits, root: string, confinement: Confinement, needsNetwork: boolean) {
    this.#limits = limits;
    this.#root = root;
    this.confinement = confinement;
    this.#needsNetwork = needsNetwork;
  }

  /** Starts the processes. @throws `SANDBOX_UNAVAILABLE` */
  static async open(limits: SandboxLimits, needsNetwork: boolean): Promise<QueryPool> {
    const root = await makeTemporaryFolder();
    const probeDir = join(root, 'probe');
    await mkdir(probeDir);
    const pool = new QueryPool(limits, root, await probeConfinement(probeDir), needsNetwork);
    try {
      await Promise.all(Array.from({ length: limits.slots }, () => pool.#add()));
      return pool;
    } catch (error) {
      await pool[Symbol.asyncDispose]();
      throw error;
    }
  }

  get status(): PoolStatus {
    return {
      slotCount: this.#slots.size,
      busyCount: this.#slots.size - this.#idle.length,
      waitingCount: this.#waiting.length,
      confinement: this.confinement,
    };
  }

  /** Returns a process with an open session as soon as one is free. @throws `SERVER_BUSY`, `INTERRUPTED`, or the reason of the signal */
  async acquire(signal?: AbortSignal): Promise<QuerySlot> {
    if (this.#isClosed) throw new PixlakeError('SERVER_BUSY', 'the server is shutting down');
    signal?.throwIfAborted();
    for (let slot = this.#idle.pop(); slot !== undefined; slot = this.#idle.pop()) {
      if (!slot.isDead) return slot;
      // It was ended while idle, for example by the kernel because memory was short.
      this.#slots.delete(slot);
      void this.#addAgain();
    }
    if (this.#waiting.length >= this.#limits.maxWaiting) throw busy();
    return new Promise((resolve, reject) => {
      const leave = (error: PixlakeError): void => {
        const index = this.#waiting.indexOf(waiting);
        if (index !== -1) this.#waiting.splice(index, 1);
        done();
        reject(error);
      };
      const timer = setTimeout(() => leave(busy()), this.#limits.maxWaitMs);
      const abort = (): void => leave(abandoned());
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      const waiting: Waiting = {
        resolve: (given) => {
          done();
          resolve(given);
        },
        reject: leave,
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(waiting);
    });
  }

  /** Takes back a process and makes it, or a replacement, ready for the next query. */
  async release(slot: QuerySlot): Promise<void> {
    await slot.close();
    const isWorn = slot.sessionCount >= MAX_SESSIONS || slot.ageMs > MAX_AGE_MS;
    if (isWorn) slot.kill(new PixlakeError('INTERRUPTED', 'the process is replaced'));
    if (this.#isClosed) return;
    if (!slot.isDead) {
      try {
        await this.#openSession(slot);
        return this.#hand(slot);
      } catch (error) {
        if (this.#isClosed) return;
        log.warn({ err: error }, 'a query process was replaced');
        slot.kill(new PixlakeError('QUERY_CRASHED', 'the process of the query died'));
      }
    }
    this.#slots.delete(slot);
    await this.#addAgain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const reason = new PixlakeError('SERVER_BUSY', 'the server is shutting down');
    for (const waiting of this.#waiting.splice(0)) waiting.reject(reason);
    for (const slot of this.#slots) slot.kill(reason);
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }

  async #add(): Promise<void> {
    const workDir = join(this.#root, String(this.#slotNumber++), 'work');
    await mkdir(workDir, { recursive: true });
    const { memoryBytes, diskBytes } = this.#limits;
    const slot = new QuerySlot({
      confinement: this.confinement,
      workDir,
      memoryBytes,
      fileBytes: diskBytes,
      needsNetwork: this.#needsNetwork,
    });
    this.#slots.add(slot);
    try {
      await this.#openSession(slot);
    } catch (error) {
      this.#slots.delete(slot);
      slot.kill(new PixlakeError('QUERY_CRASHED', 'the process did not start'));
      throw new PixlakeError('SANDBOX_UNAVAILABLE', 'a query process did not start', { cause: error });
    }
    this.#hand(slot);
  }

  /** A temporary shortage on the machine must not lose slots for good. */
  async #addAgain(): Promise<void> {
    for (let attempt = 0; !this.#isClosed; attempt++) {
      try {
        return await this.#add();
      } catch (error) {
        log.error({ err: error }, 'a query process could not be replaced; trying again');
        await new Promise((resolve) => setTimeout(resolve, Math.min(30_000, 500 * 2 ** attempt)));
      }
    }
  }

  async #openSession(slot: QuerySlot): Promise<void> {
    await slot.open(availableParallelism(), START_MS);
    slot.allow(this.#limits.timeoutMs);
  }

  #hand(slot: QuerySlot): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(slot);
    else next.resolve(slot);
  }
}

/** Maximum time for a process to start. */
const START_MS = 30_000;

function busy(): PixlakeError {
  return new PixlakeError('SERVER_BUSY', 'all query processes are busy and too many queries wait', {
    remedy: 'try again in a moment',
  });
}
