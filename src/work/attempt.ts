import { type ErrorCode, messageOf, PixlakeError, toPixlakeError } from '../errors.ts';

/** Images written and failed so far. */
export interface ShardProgress {
  readonly imageCount: number;
  readonly errorCount: number;
}

/** Outcome of an attempt at a shard, as plain JSON, because classes of errors are lost between threads and machines. */
export type AttemptOutcome =
  | ({ readonly kind: 'done' } & ShardProgress)
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly remedy: string | undefined;
    };

/** The outcome of an attempt that threw. */
export function toFailure(error: unknown): AttemptOutcome {
  const { code, message, remedy } = toPixlakeError(error);
  return { kind: 'failed', code, message, remedy };
}

/** The outcome of an attempt whose worker died, for example because it ran out of memory. It is retried like any other failure. */
export function toDeath(error: unknown): AttemptOutcome {
  return {
    kind: 'failed',
    code: 'INTERNAL_ERROR',
    message: `its worker died: ${messageOf(error)}`,
    remedy: undefined,
  };
}

/** The error of a failed outcome. */
export function toError(outcome: Extract<AttemptOutcome, { kind: 'failed' }>): PixlakeError {
  const { code, message, remedy } = outcome;
  return new PixlakeError(code, message, remedy === undefined ? {} : { remedy });
}

const CELL = { isStopped: 0, images: 1, errors: 2 } as const;

/**
 * Memory that an attempt shares with the process that waits for it. The attempt counts its images there, and sees at once when it should
 * stop. A worker in another process has its own cells.
 */
export class AttemptCells {
  /** Memory for another thread, which calls `new AttemptCells(cells)`. */
  readonly cells: Int32Array<SharedArrayBuffer>;

  constructor(
    cells = new Int32Array(new SharedArrayBuffer(Object.keys(CELL).length * Int32Array.BYTES_PER_ELEMENT)),
  ) {
    this.cells = cells;
  }

  get isStopped(): boolean {
    return Atomics.load(this.cells, CELL.isStopped) !== 0;
  }

  get progress(): ShardProgress {
    return {
      imageCount: Atomics.load(this.cells, CELL.images),
      errorCount: Atomics.load(this.cells, CELL.errors),
    };
  }

  /** Asks the attempt to end soon, with `INTERRUPTED`. */
  stop(): void {
    Atomics.store(this.cells, CELL.isStopped, 1);
  }

  /** Counts images as they are done. */
  add({ imageCount, errorCount }: ShardProgress): void {
    Atomics.add(this.cells, CELL.images, imageCount);
    Atomics.add(this.cells, CELL.errors, errorCount);
  }
}
