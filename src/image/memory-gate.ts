import { totalmem } from 'node:os';
import { PixlakeError } from '../errors.ts';
import { countText } from './formats/image-structure.ts';

/** Share of the machine's memory that images in work may take together. */
const SHARE = 0.5;

/** Memory is counted in units of this many bytes, so the total fits into 32 bits. */
const UNIT_BYTES = 4096;

/** Images that need less are not counted. Most images are this small, and memory outside of the gate's share is enough for them. */
const SMALL_IMAGE_BYTES = 32 * 1024 ** 2;

const UNWEIGHED: Disposable = { [Symbol.dispose]: () => undefined };

/** A thread that dies does not notify others, so they check again after this time. */
const POLL_MS = 500;

const CELL = { total: 0, free: 1 } as const;

/** What `Atomics.waitAsync` (ES2024) gives, which the configured library lacks. */
type AtomicsWithWaiting = typeof Atomics & {
  waitAsync(
    cells: Int32Array,
    index: number,
    value: number,
    timeoutMs: number,
  ): { readonly async: boolean; readonly value: Promise<string> | string };
};

/**
 * Makes images wait for free memory: an image waits until its estimate fits next to those in progress. It does not change verdicts: an image that
 * waits is decoded later, with the same result. All threads of a process share one gate through its `cells`.
 */
export class MemoryGate {
  /** Memory for other threads, in which `new MemoryGate(cells)` is the same gate. */
  readonly cells: Int32Array<SharedArrayBuffer>;

  constructor(cells: Int32Array<SharedArrayBuffer> = makeCells(machineBytes() * SHARE)) {
    this.cells = cells;
  }

  /** A gate for this many bytes. */
  static ofSize(sizeBytes: number): MemoryGate {
    return new MemoryGate(makeCells(sizeBytes));
  }

  /** Bytes that images in work may take together. */
  get totalBytes(): number {
    return Atomics.load(this.cells, CELL.total) * UNIT_BYTES;
  }

  /** Does work while it holds this much memory. @throws `WORKER_TOO_SMALL` */
  async hold<Result>(sizeBytes: number, work: () => Promise<Result>): Promise<Result> {
    if (sizeBytes <= SMALL_IMAGE_BYTES) return work();
    const lease = await this.acquire(sizeBytes);
    try {
      return await work();
    } finally {
      lease[Symbol.dispose]();
    }
  }

  /** Waits until this much memory is free and takes it. Dispose the result to return it. @throws `WORKER_TOO_SMALL` */
  async acquire(sizeBytes: number): Promise<Disposable> {
    if (sizeBytes <= SMALL_IMAGE_BYTES) return UNWEIGHED;
    const units = Math.ceil(sizeBytes / UNIT_BYTES);
    if (units * UNIT_BYTES > this.totalBytes) throw tooSmall(sizeBytes, this.totalBytes);
    for (;;) {
      const free = Atomics.load(this.cells, CELL.free);
      if (free < units) await this.#waitForChange(free);
      else if (Atomics.compareExchange(this.cells, CELL.free, free, free - units) === free)
        return this.#lease(units);
    }
  }

  #lease(units: number): Disposable {
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        Atomics.add(this.cells, CELL.free, units);
        Atomics.notify(this.cells, CELL.free);
      },
    };
  }

  async #waitForChange(free: number): Promise<void> {
    const waiting = (Atomics as AtomicsWithWaiting).waitAsync(this.cells, CELL.free, free, POLL_MS);
    if (!waiting.async) return;
    // A wait on shared memory alone would not keep the process alive.
    const alive = setInterval(() => undefined, POLL_MS);
    try {
      await waiting.value;
    } finally {
      clearInterval(alive);
    }
  }
}

function makeCells(sizeBytes: number): Int32Array<SharedArrayBuffer> {
  const cells = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  cells.fill(Math.min(2 ** 31 - 1, Math.floor(sizeBytes / UNIT_BYTES)));
  return cells;
}

/** The memory of the machine, or of the container if that is less. */
function machineBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

let ofProcess: MemoryGate | undefined;

/** The gate of this thread, or of the whole process if the first call has the `cells` of another thread's gate. */
export function memoryGate(cells?: Int32Array<SharedArrayBuffer>): MemoryGate {
  ofProcess ??= new MemoryGate(cells);
  return ofProcess;
}

const MIB = 1024 ** 2;

function tooSmall(neededBytes: number, totalBytes: number): PixlakeError {
  const [needed, total] = [countText(Math.ceil(neededBytes / MIB)), countText(Math.floor(totalBytes / MIB))];
  return new PixlakeError(
    'WORKER_TOO_SMALL',
    `an image takes ${needed} MiB of memory to decode; this machine has ${total} MiB for images`,
    {
      remedy:
        'use a machine or container with more memory, or set maxImageMemory lower to refuse such images',
    },
  );
}
