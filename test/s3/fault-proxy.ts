import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/** What happens to one request on its way to the real server. */
export interface Fault {
  /** Waits first. */
  readonly delayMs?: number;
  /** Answers in the server's place. */
  readonly status?: number;
  readonly code?: string;
  /** Passes on only this share of the answer's body, then cuts the connection. */
  readonly cutAt?: number;
  /** Passes the request on and cuts the connection before the answer. */
  readonly losesAnswer?: boolean;
  /** Answers as a server that knows no conditional writes: each of them wins. */
  readonly ignoresConditions?: boolean;
}

/** A request as the weather sees it: `index` counts all requests from 0. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly isConditional: boolean;
  readonly index: number;
}

/** A proxy in front of the real server. */
export interface FaultProxy {
  readonly url: string;
  /** Requests that came, by method. */
  readonly counts: Record<string, number>;
  weather: (seen: SeenRequest) => Fault | undefined;
}

/** Starts a proxy that is closed when the test ends. */
export async function startFaultProxy(
  weather: (seen: SeenRequest) => Fault | undefined = () => undefined,
): Promise<FaultProxy> {
  const target = new URL(process.env['AWS_ENDPOINT_URL'] ?? '');
  let index = 0;
  const proxy: FaultProxy = { url: '', counts: {}, weather };
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '' } = incoming;
    proxy.counts[method] = (proxy.counts[method] ?? 0) + 1;
    const isConditional = incoming.headers['if-none-match'] !== undefined;
    const seen = { method, path: decodeURIComponent(url), isConditional, index: index++ };
    void pass(incoming, outgoing, target, proxy.weather(seen));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return Object.assign(proxy, { url: `http://127.0.0.1:${port}` });
}

async function pass(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  target: URL,
  fault: Fault = {},
): Promise<void> {
  if (fault.delayMs !== undefined) await sleep(fault.delayMs);
  if (fault.status !== undefined) {
    incoming.resume();
    const body = `<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>weather</Message></Error>`;
    outgoing.writeHead(fault.status, { 'content-type': 'application/xml' });
    outgoing.end(incoming.method === 'HEAD' ? undefined : body);
    return;
  }
  const { hostname, port } = target;
  const { method, url: path, headers } = incoming;
  const onward: ClientRequest = request({ hostname, port, method, path, headers }, (answer) => {
    if (fault.losesAnswer) {
      answer.resume();
      answer.on('end', () => incoming.socket.destroy());
      return;
    }
    if (fault.ignoresConditions && answer.statusCode === 412) {
      answer.resume();
      outgoing.writeHead(200, { etag: '"0"' }).end();
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    if (fault.cutAt === undefined) {
      answer.pipe(outgoing);
      return;
    }
    const allowed = Math.floor(Number(answer.headers['content-length'] ?? 0) * fault.cutAt);
    let sent = 0;
    answer.on('data', (chunk: Buffer) => {
      const part = chunk.subarray(0, Math.max(0, allowed - sent));
      sent += chunk.length;
      if (part.length > 0) outgoing.write(part);
    });
    answer.on('end', () => setTimeout(() => incoming.socket.destroy(), 5));
  });
  onward.on('error', () => incoming.socket.destroy());
  incoming.on('error', () => onward.destroy());
  incoming.pipe(onward);
}

/** Random numbers in [0, 1) that are the same each time (Lehmer, 1951: x · 48271 mod 2^31 - 1). */
export function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
