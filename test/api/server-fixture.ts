import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import type { ServerOptions } from '../../src/api/server-options.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { pixlakeJson } from '../support/pixlake.ts';

const MAIN = join(import.meta.dirname, '../../dist/bundle/main.js');

/** A problem as the server gives it. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly remedy?: string;
  readonly requestId: string;
}

/** A real server in a process of its own. */
export interface TestServer {
  readonly url: string;
  readonly process: ChildProcess;
  /** What it wrote on standard error so far. */
  log(): string;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Ends it by a signal and waits for that. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `pixlake serve` on a lake and waits until it answers. */
export async function startServer(lake: string, ...args: readonly string[]): Promise<TestServer> {
  return startServerUnder([], lake, ...args);
}

/** The same under another program, such as a tracer, that becomes or starts what its arguments name. */
export async function startServerUnder(
  tracer: readonly string[],
  lake: string,
  ...args: readonly string[]
): Promise<TestServer> {
  const serve = [process.execPath, MAIN, 'serve', '--lake', lake, '--port', '0', ...args];
  const [command = '', ...rest] = [...tracer, ...serve];
  // Tests read its log.
  const env = { ...process.env, PIXLAKE_LOG_LEVEL: undefined };
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let log = '';
  let printed = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      const found = /at (http:\/\/\S+) /u.exec(printed)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  return {
    url,
    process: child,
    log: () => log,
    ...callsOf(url),
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill(signal);
      await once(child, 'exit');
      return child.exitCode;
    },
  };
}

function callsOf(url: string): Pick<TestServer, 'get' | 'post'> {
  return {
    get: (path, headers = {}) => fetch(url + path, { headers }),
    post: (path, body, headers = {}) =>
      fetch(url + path, {
        method: 'POST',
        headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  };
}

/** A server on a lake of so many images, for the tests of one file. */
export function useServer(
  rowCount: number,
  ...args: readonly string[]
): { readonly current: TestServer; readonly lake: string } {
  let folder: string;
  let server: TestServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pixlake-serve-'));
    const lake = join(folder, 'lake');
    await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), rowCount));
    server = await startServer(lake, ...args);
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return {
    get current() {
      return server;
    },
    get lake() {
      return join(folder, 'lake');
    },
  };
}

/** Imports what users of the package import: query processes and workers need the built entries. */
export async function importBuilt<Module>(path: string): Promise<Module> {
  return (await import(pathToFileURL(join(import.meta.dirname, '../../dist', path)).href)) as Module;
}

/** A server in this process. */
export interface EmbeddedServer extends Pick<TestServer, 'url' | 'get' | 'post'>, AsyncDisposable {}

/** Starts a server in this process, which takes less time than one of its own and shows which lines of it a test meets. */
export async function embedServer(lake: string, options: ServerOptions = {}): Promise<EmbeddedServer> {
  const { openLog } = await importBuilt<typeof import('../../src/config.ts')>('config.js');
  const { openLakehouse } = await importBuilt<typeof import('../../src/index.ts')>('index.js');
  const { createServer } = await importBuilt<typeof import('../../src/api/server.ts')>('api/server.js');
  // What it says of requests that fail is not for those who read what the tests say.
  const { level } = openLog();
  openLog().level = 'silent';
  const lakehouse = openLakehouse({ lake });
  const server = await createServer(lakehouse, options);
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    ...callsOf(url),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await lakehouse[Symbol.asyncDispose]();
      openLog().level = level;
    },
  };
}

/** A server in this process on a lake of so many images, for the tests of one file. */
export function useEmbeddedServer(
  rowCount: number,
  options: ServerOptions = {},
): { readonly current: EmbeddedServer; readonly lake: string } {
  let folder: string;
  let server: EmbeddedServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pixlake-serve-'));
    const lake = join(folder, 'lake');
    await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), rowCount));
    server = await embedServer(lake, options);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return {
    get current() {
      return server;
    },
    get lake() {
      return join(folder, 'lake');
    },
  };
}

/** Reads an answer that has to be a problem. */
export async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text();
  if (!response.headers.get('content-type')?.startsWith('application/problem+json'))
    throw new Error(`no problem but ${response.status} ${text.slice(0, 500)}`);
  return JSON.parse(text) as Problem;
}

/** Waits until a condition holds. */
export async function eventually(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`did not happen within 30 s: ${what}`);
}

/** Resident memory of a process in bytes. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/u.exec(status)?.[1]) * 1024;
}

/** A run as `/v1/runs` tells of it. */
export interface RunResource {
  readonly id: string;
  readonly state: string;
  readonly runId: string | null;
  readonly imageCount: number;
  readonly errorCount: number;
  readonly retryCount: number;
  readonly isRetrying: boolean;
  readonly totalImages: number | null;
  readonly submittedAt: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly error: { readonly code: string } | null;
  readonly links: { readonly self: string };
}

/** Reads a run. */
export async function runOf(where: Pick<TestServer, 'get'>, name: string): Promise<RunResource> {
  return (await (await where.get(`/v1/runs/${name}`)).json()) as RunResource;
}

/** Waits until a run has finished, and reads it. */
export async function finished(where: Pick<TestServer, 'get'>, name: string): Promise<RunResource> {
  await eventually(async () => (await runOf(where, name)).state === 'finished', `run ${name} is finished`);
  return runOf(where, name);
}
