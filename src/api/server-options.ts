import type { SandboxLimits } from '../sandbox/sandbox-limits.ts';

/** Address of a server. Port 0 means any free port. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Options of a server. */
export interface ServerOptions {
  /** File of API keys. Without it only this machine is served. */
  readonly apiKeysPath?: string | undefined;
  /** Origins of web pages that may call the server from a browser. */
  readonly corsOrigins?: readonly string[];
  /** Roots of other lakes that runs may write to. */
  readonly allowedOutputs?: readonly string[];
  /** Requests of one client per minute; by default unlimited if there are no keys. */
  readonly requestsPerMinute?: number | undefined;
  /** Requests of one client at once. */
  readonly requestsAtOnce?: number;
  /** Runs in progress at once; 1 by default. */
  readonly runsAtOnce?: number;
  /** Whether unfinished runs of an earlier server are resumed. */
  readonly resumesRuns?: boolean;
  readonly limits?: Partial<SandboxLimits>;
}

const MIB = 1024 ** 2;

/** Limits that are not options. */
export const SERVER_LIMITS = {
  jsonBytes: MIB,
  /** Bytes of one uploaded image, of all images of a request, and of its body. */
  imageBytes: 32 * MIB,
  images: 64,
  uploadBytes: 64 * MIB,
  /** Longest side of an image that is resized for display. */
  shownPixels: 4096,
  requestsPerMinute: 600,
  requestsAtOnce: 64,
  /** Requests with uploads or resizing at once, for all clients. */
  imageRequestsAtOnce: 8,
  connections: 4096,
  headersMs: 15_000,
  requestMs: 120_000,
  keepAliveMs: 10_000,
  /** Time for work in progress to end when the server stops. */
  shutdownMs: 20_000,
} as const;
