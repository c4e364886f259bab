import { type ErrorCode, PixlakeError } from '../errors.ts';
import type { ShardJob } from '../run/shard-executor.ts';

/** Slots of the counters that all workers share with the main thread: no messages for progress, and a stop that is seen at once. */
export const COUNTER = { isCancelled: 0, images: 1, errors: 2, closed: 3 } as const;

/** One shard as it is handed to a worker thread. */
export interface ShardTask {
  readonly job: ShardJob;
  readonly shard: number;
  /** Threads that a model may use in each worker. */
  readonly modelThreads: number;
  /** See {@link COUNTER}. */
  readonly counters: Int32Array;
  /** Memory of images in work, shared by all threads of a run. */
  readonly memoryCells: Int32Array<SharedArrayBuffer>;
}

/** The last task of each thread: it closes what it holds, and waits until all have, so that none gets two of these. */
export interface CloseTask {
  readonly threads: number;
  readonly counters: Int32Array;
}

/** How a shard ended. Errors are sent as their fields, since their class does not survive the way between threads. */
export type ShardOutcome =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly remedy: string | undefined;
    };

/** The error that a failed outcome stands for. */
export function toError(outcome: Extract<ShardOutcome, { kind: 'failed' }>): PixlakeError {
  const { code, message, remedy } = outcome;
  return new PixlakeError(code, message, remedy === undefined ? {} : { remedy });
}
