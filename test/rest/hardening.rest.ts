import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { problemOf, useEmbeddedServer } from '../api/server-fixture.ts';

const server = useEmbeddedServer(3);

/** Sends raw bytes and gives what comes back until the server closes, or for so long. */
async function send(bytes: string, waitMs = 1000): Promise<string> {
  const { hostname, port } = new URL(server.current.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let answer = '';
    const end = (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.once('close', end).once('error', end);
    socket.write(bytes);
    setTimeout(end, waitMs);
  });
}

async function postText(path: string, body: string, type = 'application/json'): Promise<Response> {
  return fetch(server.current.url + path, { method: 'POST', headers: { 'content-type': type }, body });
}

describe('bad requests', () => {
  test.each([
    ['JSON that ends early', '{"sql": "SELECT 1"', 'application/json', 400, 'REQUEST_INVALID'],
    ['no JSON at all', 'SELECT 1', 'application/json', 400, 'REQUEST_INVALID'],
    ['an empty body', '', 'application/json', 400, 'REQUEST_INVALID'],
    ['an array', '[]', 'application/json', 400, 'REQUEST_INVALID'],
    ['null', 'null', 'application/json', 400, 'REQUEST_INVALID'],
    [
      'a poisoned prototype',
      '{"sql": "SELECT 1", "__proto__": {"x": 1}}',
      'application/json',
      400,
      'REQUEST_INVALID',
    ],
    [
      'a poisoned constructor',
      '{"sql": "SELECT 1", "constructor": {"prototype": {}}}',
      'application/json',
      400,
      'REQUEST_INVALID',
    ],
    ['deep JSON', '['.repeat(100_000), 'application/json', 400, 'REQUEST_INVALID'],
    ['text', 'SELECT 1', 'text/plain', 415, 'MEDIA_TYPE_UNSUPPORTED'],
    ['a form', 'sql=SELECT+1', 'application/x-www-form-urlencoded', 415, 'MEDIA_TYPE_UNSUPPORTED'],
    [
      'a body of 2 MB',
      JSON.stringify({ sql: 'x'.repeat(2 * 1024 ** 2) }),
      'application/json',
      413,
      'BODY_TOO_LARGE',
    ],
    [
      'SQL of 17 KiB',
      JSON.stringify({ sql: `SELECT '${'x'.repeat(17 * 1024)}'` }),
      'application/json',
      400,
      'SQL_REFUSED',
    ],
  ])('%s', async (_name, body, type, status, code) => {
    expect(await problemOf(await postText('/v1/query', body, type))).toMatchObject({ status, code });
  });

  test.each([
    ['GET', '/nope'],
    ['GET', '/v1'],
    ['GET', '/v1/query'],
    ['DELETE', '/v1/tables/images'],
    ['PUT', '/v1/runs/x'],
    ['GET', '/v1/tables/%00/images/1'],
    ['GET', '/v1/tables/images/images/%ff'],
    ['GET', `/v1/runs/${'x'.repeat(2000)}`],
    ['GET', '/v1/runs/%c3%28'],
    ['GET', '/v1/runs/..%2f..%2fpixlake.json'],
    ['GET', '/v1/runs/a%0d%0aset-cookie:%20x=1/events'],
    ['OPTIONS', '/v1/query'],
  ])('%s %s is refused', async (method, path) => {
    const response = await fetch(server.current.url + path, { method });
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/u);
    expect(response.headers.get('x-request-id')).not.toBeNull();
    expect(await response.text()).not.toMatch(/root:|"dependencies"/u);
  });

  // `fetch` would straighten them.
  test.each([
    '/v1/../../etc/passwd',
    '/docs/../../../../etc/passwd',
    '/docs/%2e%2e/%2e%2e/package.json',
    '/docs/static/../../../package.json',
    '/docs/static/..%2f..%2f..%2fpackage.json',
  ])('GET %s as it is written is refused', async (path) => {
    const answer = await send(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 40[0-4] /u);
    expect(answer).not.toMatch(/root:|"dependencies"/u);
  });

  test.each([
    ['GET', '/nope'],
    ['GET', '/v1'],
    ['PUT', '/v1/runs/x'],
  ])('%s %s is no route', async (method, path) => {
    const problem = await problemOf(await fetch(server.current.url + path, { method }));
    expect(problem).toMatchObject({ status: 404, code: 'ROUTE_NOT_FOUND' });
  });

  test('a flood of headers is cut off', async () => {
    const headers = Array.from({ length: 3000 }, (_, index) => `x-${index}: ${'y'.repeat(20)}`).join('\r\n');
    const answer = await send(`GET /healthz HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /u);
  });

  test.each([
    'GET / HTTP/9.9\r\n\r\n',
    'nonsense\r\n\r\n',
    '\u0000\u0001\u0002',
    'POST /v1/query HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n12\r\n{"sql":"SELECT 1"}\r\n0\r\n\r\n',
  ])('what is no HTTP is refused: %j', async (bytes) => {
    expect(await send(bytes)).toMatch(/^HTTP\/1\.1 400 /u);
  });

  const OWN_NAMES = ['localhost', 'LOCALHOST:8000', '127.0.0.1', '127.1.2.3:80', '[::1]', '[::1]:8000'];
  const OTHER_NAMES = [
    'evil.example',
    'localhost.evil.example',
    'evil.localhost',
    'evil-localhost',
    'localhost-evil:80',
    '127.0.0.1.evil.example',
    '127.0.0.1.1',
    '1127.0.0.1',
    '127.0.0',
    '128.0.0.1',
    '[::1].evil.example',
    '::1',
    '[::11]',
    'localhost:80:80',
    'localhost:',
    '0.0.0.0',
  ];

  test.each(OWN_NAMES)('%s is a name of this machine', async (host) => {
    const head = `GET /v1/tables HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
    expect(await send(head)).toMatch(/^HTTP\/1\.1 200 /u);
    const page = await server.current.get('/v1/tables', { origin: `http://${host}` });
    expect(page.status).toBe(200);
  });

  test.each(OTHER_NAMES)('a caller that says %s is refused, as is a page of that name', async (host) => {
    const head = `GET /v1/tables HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
    expect(await send(head)).toMatch(/^HTTP\/1\.1 40[03] [^]*(?:HOST_REFUSED|REQUEST_INVALID)/u);
    for (const origin of [`http://${host}`, `https://${host}`, `http://http://${host}`]) {
      const page = await server.current.get('/v1/tables', { origin });
      expect(await problemOf(page), origin).toMatchObject({ status: 403, code: 'HOST_REFUSED' });
    }
  });

  test.each([
    'null',
    '',
    'file://',
    'ftp://localhost',
    'http:localhost',
    'xhttp://localhost',
    'http://localhost/',
  ])('a page of the origin %j is refused', async (origin) => {
    const page = await server.current.get('/v1/tables', { origin });
    expect(await problemOf(page)).toMatchObject({ status: 403, code: 'HOST_REFUSED' });
  });

  test('every answer carries headers that keep browsers from guessing, and the id of the request', async () => {
    for (const path of ['/healthz', '/nope', '/v1/tables']) {
      const { headers } = await server.current.get(path, { 'x-request-id': 'mine-1' });
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('x-request-id')).toBe('mine-1');
      expect(headers.get('x-powered-by')).toBeNull();
    }
    const odd = await server.current.get('/healthz', { 'x-request-id': 'a b"c' });
    expect(odd.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/u);
  });
});

describe('what a server says of itself', () => {
  test('the OpenAPI description names every route, and that each has problems', async () => {
    const api = (await (await server.current.get('/openapi.json')).json()) as {
      openapi: string;
      paths: Record<
        string,
        Record<
          string,
          { operationId: string; responses: Record<string, unknown>; requestBody?: { content: object } }
        >
      >;
      components: { schemas: Record<string, unknown> };
    };
    expect(api.openapi).toBe('3.1.0');
    expect(
      Object.entries(api.paths)
        .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
        .sort(),
    ).toEqual(
      [
        'get /healthz',
        'get /metrics',
        'get /readyz',
        'get /v1/models',
        'get /v1/runs',
        'get /v1/runs/{id}',
        'get /v1/runs/{id}/events',
        'get /v1/runs/{id}/images/{key}',
        'get /v1/runs/{id}/manifest',
        'get /v1/tables',
        'get /v1/tables/{table}',
        'get /v1/tables/{table}/history',
        'get /v1/tables/{table}/images/{id}',
        'post /v1/process',
        'post /v1/query',
        'post /v1/runs',
        'post /v1/runs/{id}/cancel',
        'post /v1/runs/{id}/resume',
        'post /v1/runs/{id}/retry',
      ].sort(),
    );
    // Clients that are made of the description name their functions by these, so they are stable.
    const ids = Object.values(api.paths).flatMap((methods) =>
      Object.values(methods).map((route) => route.operationId),
    );
    expect(ids.toSorted((a, b) => a.localeCompare(b))).toEqual(
      'cancelRun followRun getHealth getManifest getMetrics getReadiness getRun getRunImage getTable getTableImage listModels listRuns listTables listTableVersions processImages query resumeRun retryRun startRun'.split(
        ' ',
      ),
    );
    for (const methods of Object.values(api.paths))
      for (const route of Object.values(methods)) expect(route.responses).toHaveProperty('4XX');
    expect(Object.keys(api.paths['/v1/process']?.['post']?.requestBody?.content ?? {})).toContain(
      'multipart/form-data',
    );
    expect(JSON.stringify(api)).not.toContain('"$ref":"#/definitions');
  });

  test('its address leads to the pages', async () => {
    const answer = await fetch(server.current.url, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/docs/']);
  });

  test('the pages at /docs come from the server alone', async () => {
    const page = await (await server.current.get('/docs/')).text();
    expect(page).not.toMatch(/(?:src|href)="https?:/u);
    const paths = Array.from(page.matchAll(/(?:src|href)="([^"]+)"/gu), ([, path = '']) => path);
    expect(paths.length).toBeGreaterThan(4);
    for (const path of paths)
      expect((await server.current.get(new URL(path, `${server.current.url}/docs/`).pathname)).status).toBe(
        200,
      );
  });

  test('metrics are those of Prometheus', async () => {
    await postText('/v1/query', '{');
    const text = await (await server.current.get('/metrics')).text();
    expect(text).toMatch(/^pixlake_problems_total\{code="REQUEST_INVALID"\} \d+$/mu);
    expect(text).toMatch(
      /^pixlake_http_request_duration_seconds_count\{method="POST",route="\/v1\/query",status="400"\} \d+$/mu,
    );
    for (const line of text.trim().split('\n'))
      expect(line).toMatch(
        /^(?:|#.*|[a-z_\d]+(?:\{.*\})? -?[\d.eE+-]+|[a-z_\d]+(?:\{.*\})? (?:NaN|[+-]Inf))$/iu,
      );
  });
});
