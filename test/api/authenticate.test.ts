import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { describe, expect, test } from 'vitest';
import { ApiKeyRing, createApiKey, type Scope } from '../../src/api/api-keys.ts';
import { authenticate, isLoopback } from '../../src/api/authenticate.ts';
import { handleProblems } from '../../src/api/problem.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test.each([
  ['localhost', true],
  ['LocalHost', true],
  ['127.0.0.1', true],
  ['127.255.10.1', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['127.0.0', false],
  ['127.0.0.1.example', false],
  ['x127.0.0.1', false],
  ['localhost.example', false],
  ['my-localhost', false],
  ['192.0.2.1', false],
])('%s is an address of this machine alone: %s', (host, isOwn) => {
  expect(isLoopback(host)).toBe(isOwn);
});

/** A server with routes of each scope, which say who calls. */
function serve(keys: ApiKeyRing | undefined): FastifyInstance {
  const app = Fastify();
  handleProblems(app, { onProblem: () => undefined });
  authenticate(app, keys);
  app.get('/open', async ({ client }) => client);
  for (const scope of ['read', 'run', 'admin'] as const)
    app.get(`/${scope}`, { config: { scope } }, async ({ client }) => client);
  return app;
}

describe('a server with keys', () => {
  const SCOPES = ['read', 'run', 'admin'] as const;

  test('serves those whose key has the scope of the route', async () => {
    const path = join(await makeTestFolder(), 'keys.json');
    const made = [await createApiKey(path, { name: 'first', scope: 'read' })];
    for (const scope of ['run', 'admin'] as const)
      made.push(await createApiKey(path, { name: scope, scope }));
    const app = serve(await ApiKeyRing.open(path));
    const ask = async (scope: Scope | 'open', authorization?: string): Promise<[number, string]> => {
      const { statusCode, body } = await app.inject({
        url: `/${scope}`,
        headers: authorization === undefined ? {} : { authorization },
      });
      return [statusCode, statusCode === 200 ? body : (JSON.parse(body) as { detail: string }).detail];
    };
    const answers = [];
    for (const { token, key } of made)
      for (const scope of SCOPES) {
        const [status, body] = await ask(scope, `bearer ${token}`);
        answers.push([key.scope, scope, status, status === 200 ? body === key.id : body]);
      }
    const lacks = (wanted: Scope, has: Scope): string =>
      `this request needs the scope ${wanted}, but the key has the scope ${has}`;
    expect(answers).toEqual([
      ['read', 'read', 200, true],
      ['read', 'run', 403, lacks('run', 'read')],
      ['read', 'admin', 403, lacks('admin', 'read')],
      ['run', 'read', 200, true],
      ['run', 'run', 200, true],
      ['run', 'admin', 403, lacks('admin', 'run')],
      ['admin', 'read', 200, true],
      ['admin', 'run', 200, true],
      ['admin', 'admin', 200, true],
    ]);
    const token = made[0]?.token ?? '';
    for (const authorization of [
      undefined,
      '',
      `Basic ${token}`,
      `Bearer `,
      `x Bearer ${token}`,
      `Bearer ${token} x`,
    ])
      expect(await ask('read', authorization), authorization).toEqual([401, 'the request has no API key']);
    expect(await ask('read', `Bearer ${token}x`)).toEqual([401, 'the API key is not valid']);
    expect(await ask('open')).toEqual([200, '127.0.0.1']);
    expect(answers).toHaveLength(9);
  });
});

describe('a server without keys', () => {
  const app = serve(undefined);

  test.each<[string, string | undefined, number]>([
    ['localhost', undefined, 200],
    ['localhost:8000', 'http://localhost:3000', 200],
    ['[::1]:8000', 'https://127.0.0.1', 200],
    ['localhost', 'http://evil.example', 403],
    ['localhost', 'null', 403],
    ['evil.example', undefined, 403],
    ['evil.example', 'http://localhost', 403],
  ])('called as %s by a page of %s answers %i', async (host, origin, status) => {
    for (const url of ['/open', '/admin']) {
      const headers = { host, ...(origin === undefined ? {} : { origin }) };
      const { statusCode, body } = await app.inject({ url, headers });
      expect([statusCode, status === 200 ? body : (JSON.parse(body) as { code: string }).code]).toEqual([
        status,
        status === 200 ? '127.0.0.1' : 'HOST_REFUSED',
      ]);
    }
    expect.assertions(2);
  });
});
