import { availableParallelism } from 'node:os';
import { blockCountOf } from './execution.ts';
import type { Execution } from './execution-schema.ts';

/** Requests of a run to S3. */
export interface RunRequests {
  /** GET and HEAD. */
  readonly get: number;
  /** PUT and LIST. */
  readonly put: number;
}

/** What a run costs, in US dollars. */
export interface RunPrice {
  readonly requests: number;
  /** The machine for the time of the run. */
  readonly machine: number;
  /** A month of storage for what the run writes. */
  readonly storageMonth: number;
}

/** List prices in US dollars of AWS in us-east-1, as known in 2025: https://aws.amazon.com/s3/pricing and c7i instances on demand. */
export const PRICES = {
  get: 0.4e-6,
  put: 5e-6,
  gbMonth: 0.023,
  vcpuHour: 0.357 / 8,
} as const;

/** Requests for each shard: marker asked for before and after, part read for the merge; part and marker written. */
const PER_SHARD = { get: 3, put: 2 } as const;

/** Requests for each block: its marker asked for; data file, marker and their checks written. */
const PER_BLOCK = { get: 3, put: 3 } as const;

/** Requests for a run as a whole: plan, specification, versions, commits and `_SUCCESS`. */
const PER_RUN = { get: 40, put: 20 } as const;

/** Requests of an execution that makes this many images: an original is read once for all of its copies, an image is one object. */
export function requestsOf(execution: Execution, imageCount: number): RunRequests {
  const { shardCount, run } = execution;
  const blocks = blockCountOf(execution);
  return {
    get:
      Math.ceil(imageCount / run.copies) + shardCount * PER_SHARD.get + blocks * PER_BLOCK.get + PER_RUN.get,
    put: imageCount + shardCount * PER_SHARD.put + blocks * PER_BLOCK.put + PER_RUN.put,
  };
}

/** The price of a run that takes these seconds on all cores of this machine. */
export function priceOf({ get, put }: RunRequests, writtenBytes: number, seconds: number): RunPrice {
  return {
    requests: get * PRICES.get + put * PRICES.put,
    machine: (seconds / 3600) * availableParallelism() * PRICES.vcpuHour,
    storageMonth: (writtenBytes / 1e9) * PRICES.gbMonth,
  };
}
