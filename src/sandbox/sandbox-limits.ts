import { availableParallelism, totalmem } from 'node:os';

/** Bounds of what strangers' queries may use. */
export interface SandboxLimits {
  /** Query processes, each with one query at a time. */
  readonly slots: number;
  /** Queries that wait for a process at most, and for how long. */
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
  /** Time that a query may compute; that in which its reader does not read is not counted. */
  readonly timeoutMs: number;
  /** Time that a reader may let a query wait. */
  readonly stallMs: number;
  /** Memory of one query process, enforced by the operating system. */
  readonly memoryBytes: number;
  /** Bytes that one query may put on disk: what does not fit into memory, or its result as Parquet. */
  readonly diskBytes: number;
  readonly maxRows: number;
  readonly maxResultBytes: number;
}

const MIB = 1024 ** 2;

/** Bounds that hold unless others are given: all query processes together may take half of the machine's memory. */
export function defaultSandboxLimits(): SandboxLimits {
  const slots = Math.max(2, availableParallelism());
  const share = Math.floor(totalmem() / 2 / slots);
  return {
    slots,
    // Who is sent away comes back at once: letting many wait costs less than turning them down.
    maxWaiting: 1024,
    maxWaitMs: 10_000,
    timeoutMs: 30_000,
    stallMs: 30_000,
    memoryBytes: Math.min(2048 * MIB, Math.max(768 * MIB, share)),
    diskBytes: 2048 * MIB,
    maxRows: 1_000_000,
    maxResultBytes: 1024 * MIB,
  };
}
