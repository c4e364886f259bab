import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createApiKey } from '../../src/api/api-keys.ts';
import { log, openLog } from '../../src/config.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { get, serveStub } from './stub-server.ts';

const { level } = openLog();

beforeEach(() => {
  openLog().level = 'silent';
});

afterEach(() => {
  openLog().level = level;
  vi.restoreAllMocks();
});

describe('a server', () => {
  test('gives its options to those who need them, and ends what it opened', async () => {
    const { server, calls } = await serveStub({ options: { limits: { slots: 3 }, runsAtOnce: 2 } });
    expect(await server.listen({ host: '127.0.0.1', port: 0 })).toEqual({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/u),
      recovered: ['one', 'two'],
    });
    await server[Symbol.asyncDispose]();
    expect(calls).toEqual([
      ['sandbox', { slots: 3 }],
      ['runs', 2],
      'recovered',
      'runs ended',
      'sandbox ended',
    ]);
  });

  test('leaves unfinished runs alone if it is told so', async () => {
    const { server, calls } = await serveStub({ options: { resumesRuns: false } });
    expect((await server.listen({ host: 'localhost', port: 0 })).recovered).toEqual([]);
    await server[Symbol.asyncDispose]();
    expect(calls).not.toContain('recovered');
  });

  test('that cannot be made ends what it opened', async () => {
    const failing = serveStub({ confinement: 'none', fails: true });
    await expect(failing).rejects.toMatchObject({
      code: 'LAKE_NOT_FOUND',
      calls: [['sandbox', undefined], ['runs', undefined], 'sandbox ended'],
    });
    const apiKeysPath = join(await makeTestFolder(), 'keys.json');
    await expect(serveStub({ options: { apiKeysPath } })).rejects.toMatchObject({
      code: 'API_KEYS_INVALID',
      calls: [],
    });
  });

  test('tells that a port is taken', async () => {
    const other = createHttpServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { server } = await serveStub();
    await expect(server.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringMatching(new RegExp(`^cannot listen on 127.0.0.1:${port}: .*EADDRINUSE`, 'u')),
      remedy: 'choose another --host or --port',
    });
    await server[Symbol.asyncDispose]();
    other.close();
  });

  test.each([
    ['namespaces', '127.0.0.1', false, undefined, []],
    ['limits', '127.0.0.1', false, undefined, ['`unshare` is missing']],
    ['none', '127.0.0.1', false, undefined, ['`prlimit` and `unshare` are missing']],
    ['namespaces', '0.0.0.0', false, 'ARGUMENT_INVALID', []],
    ['limits', '0.0.0.0', true, undefined, ['`unshare` is missing']],
    ['none', '0.0.0.0', true, 'SANDBOX_UNAVAILABLE', []],
  ])(
    'where queries are confined by %s, serves %s, with keys: %s',
    async (confinement, host, hasKeys, code, warnings) => {
      const warn = vi.spyOn(log, 'warn').mockImplementation(() => undefined);
      const apiKeysPath = join(await makeTestFolder(), 'keys.json');
      if (hasKeys) await createApiKey(apiKeysPath, { name: 'a', scope: 'read' });
      const { server } = await serveStub({ options: hasKeys ? { apiKeysPath } : {}, confinement });
      // Nothing has to listen in public for it.
      vi.spyOn(server.app as { listen(): Promise<string> }, 'listen').mockResolvedValue('http://there');
      const outcome: unknown = await server.listen({ host, port: 0 }).catch((error: unknown) => error);
      if (code === undefined) expect(outcome).toEqual({ url: 'http://there', recovered: ['one', 'two'] });
      else expect(outcome).toMatchObject({ code, remedy: expect.stringContaining('bind to 127.0.0.1') });
      expect(warn.mock.calls).toEqual(warnings.map((warning) => [expect.stringContaining(warning)]));
      await server[Symbol.asyncDispose]();
    },
  );
});

describe('a request', () => {
  test.each([
    ['mine-1.a_B', true],
    ['x'.repeat(64), true],
    ['x'.repeat(65), false],
    ['a b', false],
    ['', false],
  ])('has the id %j that it gives, if that is plain: %s', async (id, isKept) => {
    const { server } = await serveStub();
    const { headers } = await get(server, '/healthz', { 'x-request-id': id });
    expect(headers['x-request-id'] === id).toBe(isKept);
    expect(String(headers['x-request-id'])).toMatch(isKept ? /^[\w.-]+$/u : /^[0-9a-f-]{36}$/u);
    const malformed = await get(server, '/v1/runs/%ff', { 'x-request-id': 'mine' });
    expect([malformed.status, malformed.headers['x-request-id']]).toEqual([400, 'mine']);
    await server[Symbol.asyncDispose]();
  });

  test('is counted by its route, and so are problems', async () => {
    const { server } = await serveStub();
    await get(server, '/healthz');
    await get(server, '/nope');
    await get(server, '/v1/runs/%ff');
    const { body, headers } = await get(server, '/metrics');
    expect(String(headers['content-type'])).toContain('text/plain');
    const lines = String(body).split('\n');
    expect(
      lines.filter((line) => /^pixlake_(?:http_request_duration_seconds_count|problems_total)/u.test(line)),
    ).toEqual([
      'pixlake_http_request_duration_seconds_count{method="GET",route="/healthz",status="200"} 1',
      'pixlake_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1',
      'pixlake_problems_total{code="ROUTE_NOT_FOUND"} 1',
      'pixlake_problems_total{code="REQUEST_INVALID"} 1',
    ]);
    await server[Symbol.asyncDispose]();
  });

  test('may come so often and no more, if there is a limit', async () => {
    const { server } = await serveStub({ options: { requestsPerMinute: 2 } });
    const answers = [];
    for (let count = 0; count < 3; count++) answers.push(await get(server, '/healthz'));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers[2]).toMatchObject({
      body: { code: 'RATE_LIMITED', detail: 'more than 2 requests per minute' },
      headers: { 'retry-after': expect.stringMatching(/^\d+$/u) },
    });
    await server[Symbol.asyncDispose]();
    const { server: open } = await serveStub();
    const { headers } = await get(open, '/healthz');
    expect(headers).not.toHaveProperty('x-ratelimit-limit');
    await open[Symbol.asyncDispose]();
  });

  test('with a key is limited by default', async () => {
    const apiKeysPath = join(await makeTestFolder(), 'keys.json');
    await createApiKey(apiKeysPath, { name: 'a', scope: 'read' });
    const { server } = await serveStub({ options: { apiKeysPath } });
    expect((await get(server, '/healthz')).headers['x-ratelimit-limit']).toBe('600');
    await server[Symbol.asyncDispose]();
  });

  test('of a page of another site is for those that are named', async () => {
    const { server } = await serveStub({ options: { corsOrigins: ['http://localhost:3000'] } });
    const allowed = await get(server, '/healthz', { origin: 'http://localhost:3000' });
    expect(allowed.headers['access-control-allow-origin']).toBe('http://localhost:3000');
    const { headers } = await get(server, '/healthz', { origin: 'http://localhost:4000' });
    expect(headers).not.toHaveProperty('access-control-allow-origin');
    await server[Symbol.asyncDispose]();
  });

  test('gets headers that keep browsers from guessing', async () => {
    const { server } = await serveStub();
    const { headers } = await get(server, '/healthz');
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-site',
    });
    expect(headers).not.toHaveProperty('strict-transport-security');
    await server[Symbol.asyncDispose]();
  });
});

test('a server is ready if it has a lake and processes for queries', async () => {
  const stub = await serveStub();
  const { server, status } = stub;
  const ready = async (): Promise<unknown> => {
    const { status: code, body } = await get(server, '/readyz');
    return [code, body];
  };
  expect(await get(server, '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await ready()).toEqual([200, { status: 'ready', checks: { lake: 'ok', queries: 'ok' } }]);
  status.slotCount = 0;
  expect(await ready()).toEqual([503, { status: 'not ready', checks: { lake: 'ok', queries: 'failed' } }]);
  status.slotCount = 1;
  stub.hasLake = false;
  expect(await ready()).toEqual([503, { status: 'not ready', checks: { lake: 'failed', queries: 'ok' } }]);
  await server[Symbol.asyncDispose]();
});

test('models are listed, with their cards if they have been used', async () => {
  const models = [
    { name: 'a', description: 'A', isTrained: true, isBuiltIn: false, card: { name: 'a' } },
    { name: 'b', description: 'B', isTrained: false, isBuiltIn: true },
  ];
  const { server } = await serveStub({ lakehouse: { models: { list: async () => models } } });
  expect((await get(server, '/v1/models')).body).toEqual({
    items: [
      { name: 'a', description: 'A', isTrained: true, isBuiltIn: false, card: { name: 'a' } },
      { name: 'b', description: 'B', isTrained: false, isBuiltIn: true, card: null },
    ],
    next: null,
  });
  await server[Symbol.asyncDispose]();
});

test('the description of the routes is a document of its own', async () => {
  const { server } = await serveStub();
  const { body } = await get(server, '/openapi.json');
  const api = body as {
    openapi: string;
    security: unknown;
    paths: Record<
      string,
      Record<string, { parameters?: { name: string }[]; requestBody?: { content: object } }>
    >;
  };
  expect([api.openapi, api.security]).toEqual(['3.1.0', [{ key: [] }, {}]]);
  expect(Object.keys(api.paths)).not.toContain('/openapi.json');
  const image = api.paths['/v1/runs/{id}/images/{key}']?.['get'];
  expect(image?.parameters?.map(({ name }) => name).sort()).toEqual(['fit', 'h', 'id', 'key', 'w']);
  expect(api.paths['/v1/process']?.['post']?.requestBody?.content).toEqual({
    // Zod knows schemas by their names in the whole process, in which other tests load the build as well: so it is Process or ProcessInput.
    'application/json': { schema: { $ref: expect.stringMatching(/^#\/components\/schemas\/Process/u) } },
    'image/*': { schema: { type: 'string', contentMediaType: 'image/*' } },
    'multipart/form-data': { schema: expect.objectContaining({ type: 'object' }) },
  });
  await server[Symbol.asyncDispose]();
});
