import type { SandboxLimits } from '../sandbox/sandbox-limits.ts';

/** Where a server listens; port 0 takes any that is free. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** What a server allows. */
export interface ServerOptions {
  /** File of API keys; without one only this machine is served. */
  readonly apiKeysPath?: string | undefined;
  /** Origins of web pages that may call the server from a browser. */
  readonly corsOrigins?: readonly string[];
  /** Roots of other lakes that runs may write to. */
  readonly allowedOutputs?: readonly string[];
  /** Requests of one client in a minute; without a limit by default where there are no keys. */
  readonly requestsPerMinute?: number | undefined;
  /** Requests of one client at once. */
  readonly requestsAtOnce?: number;
  /** Runs in work at once; 1 by default. */
  readonly runsAtOnce?: number;
  /** Whether runs that the last server left are resumed; otherwise they wait to be resumed. */
  readonly resumesRuns?: boolean;
  readonly limits?: Partial<SandboxLimits>;
}

const MIB = 1024 ** 2;

/** Bounds that nobody has had a reason to change yet. */
export const SERVER_LIMITS = {
  jsonBytes: MIB,
  /** One uploaded image, the images of one request, and all of its body. */
  imageBytes: 32 * MIB,
  images: 64,
  uploadBytes: 64 * MIB,
  /** Longest side that an image is resized to for looking at it. */
  shownPixels: 4096,
  requestsPerMinute: 600,
  requestsAtOnce: 64,
  /** Requests with uploads or resizing at once, of all clients. */
  imageRequestsAtOnce: 8,
  connections: 4096,
  headersMs: 15_000,
  requestMs: 120_000,
  keepAliveMs: 10_000,
  /** Time that work in progress has to end when the server is stopped. */
  shutdownMs: 20_000,
} as const;
