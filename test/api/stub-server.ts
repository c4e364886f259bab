import { createServer, type Server } from '../../src/api/server.ts';
import type { ServerOptions } from '../../src/api/server-options.ts';
import { PixlakeError } from '../../src/errors.ts';
import type { Lakehouse } from '../../src/lakehouse.ts';

/** A server of a lakehouse that is made up. */
export interface StubServer {
  readonly server: Server;
  /** What the server did to the rest of pixlake. */
  readonly calls: unknown[];
  readonly status: { slotCount: number; busyCount: number; waitingCount: number; confinement: string };
  hasLake: boolean;
}

/** What a made-up lakehouse has besides what every server asks it for. */
interface Making {
  readonly options?: ServerOptions;
  readonly confinement?: string;
  /** Whether its runs cannot be opened. */
  readonly fails?: boolean;
  readonly lakehouse?: object;
}

/** Makes a server of a lakehouse that does nothing but note what it is asked; nothing of it runs in another process. */
export async function serveStub({
  options = {},
  confinement = 'namespaces',
  fails = false,
  lakehouse = {},
}: Making = {}): Promise<StubServer> {
  const calls: unknown[] = [];
  const status = { slotCount: 1, busyCount: 0, waitingCount: 0, confinement };
  const stub = { hasLake: true };
  const ending = (name: string): { [Symbol.asyncDispose](): Promise<void> } => ({
    async [Symbol.asyncDispose]() {
      calls.push(`${name} ended`);
    },
  });
  const whole = {
    ...ending('lakehouse'),
    uri: '/srv/my lake',
    async openSandbox(limits: unknown) {
      calls.push(['sandbox', limits]);
      return { status, ...ending('sandbox') };
    },
    openRunService(_sandbox: unknown, runsAtOnce: unknown) {
      calls.push(['runs', runsAtOnce]);
      if (fails) throw new PixlakeError('LAKE_NOT_FOUND', 'no lake');
      return {
        counts: { queued: 0, running: 0 },
        async recover() {
          calls.push('recovered');
          return ['one', 'two'];
        },
        ...ending('runs'),
      };
    },
    async check() {
      if (!stub.hasLake) throw new PixlakeError('LAKE_NOT_FOUND', 'no lake');
    },
    ...lakehouse,
  } as unknown as Lakehouse;
  const server = await createServer(whole, options).catch((error: unknown) => {
    throw Object.assign(error as object, { calls });
  });
  return Object.assign(stub, { server, calls, status });
}

/** Asks a server that does not listen, as one of its own machine. */
export async function get(
  { app }: Server,
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown; bytes: Buffer; headers: Record<string, unknown> }> {
  const response = await app.inject({ url, headers: { host: 'localhost', ...headers } });
  const isJson = String(response.headers['content-type']).includes('json');
  return {
    status: response.statusCode,
    body: isJson ? response.json() : response.body,
    bytes: response.rawPayload,
    headers: response.headers,
  };
}
