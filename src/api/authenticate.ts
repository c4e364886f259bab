import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PixlakeError } from '../errors.ts';
import { allows, type ApiKeyRing, type Scope } from './api-keys.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a key needs to call the route; routes without are open to all. */
    readonly scope?: Scope;
  }
  interface FastifyRequest {
    /** Who calls: the id of a key, or an address where there are no keys. */
    client: string;
  }
}

/** Names under which a server without keys may be called: a page of another site that points its name to this machine is none of them. */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/iu;

/** Addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/iu.test(host);
}

/** Lets in who has a key with the scope that a route wants; without keys, who is on this machine. */
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
        token === undefined ? 'the request has no key' : 'the key is not valid',
        {
          remedy: 'send an API key as `Authorization: Bearer …`; `pixlake keys create` makes one',
        },
      );
    }
    request.client = key.id;
    if (allows(key.scope, scope)) return;
    throw new PixlakeError(
      'SCOPE_MISSING',
      `this needs a key with the scope ${scope}, and the key has ${key.scope}`,
    );
  });
}

function checkHost({ headers: { host = '', origin } }: FastifyRequest): void {
  const isForeign = origin !== undefined && !LOOPBACK_HOST.test(origin.replace(/^https?:\/\//u, ''));
  if (LOOPBACK_HOST.test(host) && !isForeign) return;
  throw new PixlakeError(
    'HOST_REFUSED',
    'a server without API keys answers programs of its own machine only',
    {
      remedy: 'call it as localhost or 127.0.0.1, or start it with --api-keys',
    },
  );
}
