import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PixlakeError } from '../errors.ts';
import { allows, type ApiKeyRing, type Scope } from './api-keys.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that a key needs to call the route. Routes without one are open. */
    readonly scope?: Scope;
  }
  interface FastifyRequest {
    /** The caller: the id of a key, or an address if the server has no keys. */
    client: string;
  }
}

/** Host names under which a server without keys may be called. A page of another site whose name points to this machine has another one. */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/iu;

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/iu.test(host);
}

/** Lets in requests with a key that has the scope of the route. Without keys, lets in requests from this machine. */
export function authenticate(app: FastifyInstance, keys: ApiKeyRing | undefined): void {
  app.decorateRequest('client', '');
  app.addHook('onRequest', async (request) => {
    request.client = request.ip;
    const { scope } = request.routeOptions.config;
    if (keys === undefined) return checkHost(request);
    if (scope === undefined) return;
    const token = /^Bearer (?<token>\S+)$/iu.exec(request.headers.authorization ?? '')?.groups?.['token'];
    const key = token === undefined ? undefined : await keys.find(token);
    if (key === undefined) {
      throw new PixlakeError(
        'UNAUTHENTICATED',
        token === undefined ? 'the request has no API key' : 'the API key is not valid',
        {
          remedy: 'send an API key as `Authorization: Bearer …`; `pixlake keys create` makes one',
        },
      );
    }
    request.client = key.id;
    if (allows(key.scope, scope)) return;
    throw new PixlakeError(
      'SCOPE_MISSING',
      `this request needs the scope ${scope}, but the key has the scope ${key.scope}`,
    );
  });
}

function checkHost({ headers: { host = '', origin } }: FastifyRequest): void {
  const isForeign = origin !== undefined && !LOOPBACK_HOST.test(origin.replace(/^https?:\/\//u, ''));
  if (LOOPBACK_HOST.test(host) && !isForeign) return;
  throw new PixlakeError(
    'HOST_REFUSED',
    'a server without API keys only answers programs on its own machine',
    {
      remedy: 'call it as localhost or 127.0.0.1; its operator can admit other callers with API keys',
    },
  );
}
