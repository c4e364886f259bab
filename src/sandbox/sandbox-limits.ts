import { availableParallelism, totalmem } from 'node:os';

/** Limits of untrusted queries. */
export interface SandboxLimits {
  /** Number of query processes; each runs one query at a time. */
  readonly slots: number;
  /** Maximum number of queries that wait for a process, and for how long. */
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
  /** Time that a query may compute. Time in which its reader does not read is not counted. */
  readonly timeoutMs: number;
  /** Maximum time in which a reader may not read. */
  readonly stallMs: number;
  /** Memory of one query process, enforced by the operating system. */
  readonly memoryBytes: number;
  /** Bytes that one query may write to disk: data that does not fit into memory, or its result as Parquet. */
  readonly diskBytes: number;
  readonly maxRows: number;
  readonly maxResultBytes: number;
}

const MIB = 1024 ** 2;

/** Default limits. All query processes together may take half of the machine's memory. */
export function defaultSandboxLimits(
  coreCount = availableParallelism(),
  machineBytes = totalmem(),
): SandboxLimits {
  const slots = Math.max(2, coreCount);
  const share = Math.floor(machineBytes / 2 / slots);
  return {
    slots,
    // Clients that are refused come back at once, so letting many wait costs less than refusing them.
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
