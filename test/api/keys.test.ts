import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  allows,
  ApiKeyRing,
  createApiKey,
  listApiKeys,
  revokeApiKey,
  type Scope,
} from '../../src/api/api-keys.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';
import { tmpdir } from 'node:os';
import { eventually, problemOf, startServer, type TestServer } from './server-fixture.ts';

describe('API keys', () => {
  test('are stored as hashes, in a file of their owner only', async () => {
    const path = join(await makeTestFolder(), 'keys.json');
    const { key, token } = await createApiKey(path, { name: 'a', scope: 'read' });
    const text = await readFile(path, 'utf8');
    expect(text).not.toContain(token.slice(-43));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await listApiKeys(path)).toEqual([key]);
    await createApiKey(path, { name: 'b', scope: 'admin' });
    expect((await listApiKeys(path)).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test('are found by their token alone, until they are revoked or expire', async () => {
    const path = join(await makeTestFolder(), 'keys.json');
    const { key, token } = await createApiKey(path, { name: 'a', scope: 'run' });
    const short = await createApiKey(path, { name: 'short', scope: 'run', expiresMs: 0 });
    const ring = await ApiKeyRing.open(path);
    expect(await ring.find(token)).toEqual(key);
    expect(await ring.find(short.token)).toBeUndefined();
    const [, id] = token.split('_');
    // A secret may hold the separator too.
    const secret = token.slice(-43);
    const flipped = (secret.startsWith('A') ? 'B' : 'A') + secret.slice(1);
    for (const wrong of [
      '',
      'x',
      id ?? '',
      `pixlake_${id}_${flipped}`,
      `pixlake_000000000000_${secret}`,
      `${token}x`,
      `pixlake_${id}_`,
    ])
      expect(await ring.find(wrong)).toBeUndefined();
    await revokeApiKey(path, key.id);
    expect(await ring.find(token)).toBeUndefined();
  });

  test('a file that was spoilt lets nobody in', async () => {
    const path = join(await makeTestFolder(), 'keys.json');
    const { token } = await createApiKey(path, { name: 'a', scope: 'run' });
    const ring = await ApiKeyRing.open(path);
    await writeFile(path, '{"keys": [{"id": "x"}]}');
    await expect(ring.find(token)).rejects.toMatchObject({ code: 'API_KEYS_INVALID' });
    await rm(path);
    await expect(ring.find(token)).rejects.toMatchObject({ code: 'API_KEYS_INVALID' });
  });

  test('are revoked once, each for itself', async () => {
    const path = join(await makeTestFolder(), 'new/folder/keys.json');
    const { key } = await createApiKey(path, { name: 'a', scope: 'run' });
    const other = await createApiKey(path, { name: 'b', scope: 'read', expiresMs: 60_000 });
    expect(Date.parse(other.key.expiresAt ?? '') - Date.parse(other.key.createdAt)).toBe(60_000);
    expect(await (await ApiKeyRing.open(path)).find(other.token)).toEqual(other.key);
    const revoked = await revokeApiKey(path, key.id);
    expect(revoked).toEqual({ ...key, revokedAt: expect.any(String) });
    await writeFile(
      path,
      (await readFile(path, 'utf8')).replace(revoked.revokedAt ?? '', '2020-01-01T00:00:00Z'),
    );
    expect((await revokeApiKey(path, key.id)).revokedAt).toBe('2020-01-01T00:00:00Z');
    expect(await listApiKeys(path)).toEqual([{ ...key, revokedAt: '2020-01-01T00:00:00Z' }, other.key]);
    await expect(revokeApiKey(path, 'nope')).rejects.toMatchObject({ code: 'API_KEY_NOT_FOUND' });
  });

  test('are not made in a file that cannot be read or written', async () => {
    const folder = await makeTestFolder();
    const path = join(folder, 'keys.json');
    await writeFile(path, '{"keys": [{"id": "x"}]}');
    await expect(createApiKey(path, { name: 'a', scope: 'read' })).rejects.toMatchObject({
      code: 'API_KEYS_INVALID',
      message: expect.stringContaining('keys[0]'),
      remedy: 'create the file with `pixlake keys create`',
    });
    expect(await readFile(path, 'utf8')).toBe('{"keys": [{"id": "x"}]}');
    const below = join(path, 'keys.json');
    await expect(createApiKey(below, { name: 'a', scope: 'read' })).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
    });
    await mkdir(join(folder, 'taken.json'));
    await writeFile(join(folder, 'taken.json/x'), '');
    await expect(
      createApiKey(join(folder, 'taken.json'), { name: 'a', scope: 'read' }),
    ).rejects.toMatchObject({
      code: 'API_KEYS_INVALID',
    });
    expect((await readdir(folder)).sort()).toEqual(['keys.json', 'taken.json']);
  });

  test.each([
    ['read', 'read', true],
    ['read', 'run', false],
    ['run', 'read', true],
    ['run', 'admin', false],
    ['admin', 'run', true],
    ['admin', 'admin', true],
  ] as const)('of the scope %s allow %s: %s', (scope, wanted, isAllowed) => {
    expect(allows(scope, wanted)).toBe(isAllowed);
  });

  test('are made, listed and revoked on the command line', async () => {
    const file = join(await makeTestFolder(), 'keys.json');
    const made = await pixlake(
      'x',
      'keys',
      'create',
      '--name',
      'notebook',
      '--scope',
      'run',
      '--expires',
      '7d',
      '--file',
      file,
    );
    expect(made.stdout).toMatch(/^pixlake_[0-9a-f]{12}_[\w-]{43}\n$/u);
    const [, id = ''] = made.stdout.split('_');
    const listed = await pixlakeJson<{ id: string; scope: string }[]>('x', 'keys', 'list', '--file', file);
    expect(listed).toMatchObject([{ id, scope: 'run' }]);
    expect(JSON.stringify(listed)).not.toContain('secret');
    expect((await pixlake('x', 'keys', 'revoke', id, '--file', file)).stdout).toContain('revoked');
    expect((await pixlake('x', 'keys', 'list', '--file', file)).stdout).toContain('revoked');
    const unknown = await pixlake('x', 'keys', 'revoke', '000000000000', '--file', file);
    expect([unknown.code, unknown.stderr]).toEqual([3, expect.stringContaining('API_KEY_NOT_FOUND')]);
    expect((await pixlake('x', 'keys', 'list', '--file', `${file}.nope`)).stderr).toContain(
      'API_KEYS_INVALID',
    );
  });
});

describe('a server with keys', () => {
  let folder: string;
  let server: TestServer;
  const tokens = {} as Record<Scope, string>;
  let keysPath: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pixlake-serve-'));
    const lake = join(folder, 'lake');
    await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), 3));
    keysPath = join(folder, 'keys.json');
    for (const scope of ['read', 'run', 'admin'] as const)
      tokens[scope] = (await createApiKey(keysPath, { name: scope, scope })).token;
    server = await startServer(
      lake,
      '--host',
      '0.0.0.0',
      '--api-keys',
      keysPath,
      '--requests-per-minute',
      '200',
      '--cors',
      'https://app.example',
    );
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const as = (scope: Scope): Record<string, string> => ({ authorization: `Bearer ${tokens[scope]}` });
  const query = { sql: 'SELECT count(*) AS n FROM images' };
  const run = { name: 'r', sql: 'SELECT id FROM images', transform: { size: 8 } };

  test('serves nobody without a key, but its health and its documentation', async () => {
    for (const path of ['/v1/tables', '/v1/runs', '/v1/models', '/metrics', '/v1/tables/images/images/1']) {
      const response = await server.get(path);
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect(await problemOf(response)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    }
    expect((await server.post('/v1/query', query)).status).toBe(401);
    expect((await server.get('/v1/tables', { authorization: 'Bearer nope' })).status).toBe(401);
    expect((await server.get('/v1/tables', { authorization: `Basic ${tokens.read}` })).status).toBe(401);
    for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs/'])
      expect((await server.get(path)).status).toBe(200);
  });

  test('each scope allows what it says', async () => {
    expect((await server.post('/v1/query', query, as('read'))).status).toBe(200);
    expect(await problemOf(await server.post('/v1/runs', run, as('read')))).toMatchObject({
      status: 403,
      code: 'SCOPE_MISSING',
    });
    expect((await server.post('/v1/process', { table: 'images', ids: [1] }, as('read'))).status).toBe(403);
    // Each route that changes something refuses a key that may only read.
    for (const path of [
      '/v1/runs',
      '/v1/runs/r/cancel',
      '/v1/runs/r/resume',
      '/v1/runs/r/retry',
      '/v1/process',
    ])
      expect((await server.post(path, {}, as('read'))).status, path).toBe(403);
    expect((await server.post('/v1/runs/none/cancel', {}, as('run'))).status).toBe(404);
    expect((await server.post('/v1/runs', run, as('run'))).status).toBe(202);
    expect((await server.get('/metrics', as('run'))).status).toBe(403);
    const metrics = await server.get('/metrics', as('admin'));
    expect(await metrics.text()).toContain('pixlake_http_request_duration_seconds_bucket');
  });

  test('a key that is revoked is refused at once', async () => {
    const { key, token } = await createApiKey(keysPath, { name: 'short', scope: 'read' });
    const headers = { authorization: `Bearer ${token}` };
    expect((await server.get('/v1/tables', headers)).status).toBe(200);
    await revokeApiKey(keysPath, key.id);
    expect((await server.get('/v1/tables', headers)).status).toBe(401);
  });

  test('only the origins that are configured may call from a browser', async () => {
    const good = await server.get('/healthz', { origin: 'https://app.example' });
    expect(good.headers.get('access-control-allow-origin')).toBe('https://app.example');
    const bad = await server.get('/healthz', { origin: 'https://evil.example' });
    expect(bad.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('the log holds neither keys nor SQL', async () => {
    await server.post('/v1/query', { sql: `SELECT 'a secret text' AS x` }, as('read'));
    const late = `SELECT CASE WHEN x > 200000 THEN 'a secret text' ELSE '1' END::INT FROM range(300000) t(x)`;
    await (await server.post('/v1/query', { sql: late }, as('read'))).text().catch(() => undefined);
    const failing = { ...run, name: 'failing', sql: `SELECT id, 'a secret text'::INT FROM images` };
    await server.post('/v1/runs', failing, as('run'));
    await eventually(() => server.log().includes('a run failed'), 'the run has failed');
    const log = server.log();
    expect(log).toContain('/v1/query');
    expect(Object.keys(tokens)).toEqual(['read', 'run', 'admin']);
    for (const token of Object.values(tokens)) expect(log).not.toContain(token.slice(-43));
    expect(log).not.toContain('a secret text');
  });

  test('a client that asks too often is told to wait', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => server.get('/v1/tables', as('admin'))),
    );
    const more = await Promise.all(Array.from({ length: 60 }, () => server.get('/v1/tables', as('admin'))));
    const more2 = await Promise.all(Array.from({ length: 60 }, () => server.get('/v1/tables', as('admin'))));
    const more3 = await Promise.all(Array.from({ length: 60 }, () => server.get('/v1/tables', as('admin'))));
    const refused = [...answers, ...more, ...more2, ...more3].filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    const [first] = refused;
    expect(Number(first?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await problemOf(first as Response)).toMatchObject({ code: 'RATE_LIMITED' });
    // Those of its own 200 are served, and others all the same.
    expect(240 - refused.length).toBeGreaterThanOrEqual(180);
    for (const path of ['/v1/tables', '/v1/runs'])
      expect((await server.get(path, as('read'))).status).toBe(200);
    expect((await server.get('/v1/runs', as('admin'))).status).toBe(429);
  });

  test('an Idempotency-Key is that of its client: another may use the same for another run', async () => {
    const other = (await createApiKey(keysPath, { name: 'other', scope: 'run' })).token;
    const headers = (token: string): Record<string, string> => ({
      authorization: `Bearer ${token}`,
      'idempotency-key': 'order-1',
    });
    const submit = async (token: string, name: string): Promise<number> =>
      (await server.post('/v1/runs', { ...run, name }, headers(token))).status;
    expect(await submit(tokens.run, 'mine')).toBe(202);
    expect(await submit(other, 'theirs')).toBe(202);
    expect(await submit(tokens.run, 'mine')).toBe(202);
    expect(await submit(tokens.run, 'theirs')).toBe(409);
    expect(await submit(other, 'mine')).toBe(409);
  });
});

describe('a server without keys', () => {
  // It would tell of each request, and the process of the tests goes on.
  beforeEach(() => {
    vi.stubEnv('PIXLAKE_LOG_LEVEL', 'warn');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('refuses to be reached by others', async () => {
    const folder = await makeTestFolder();
    const lake = join(folder, 'lake');
    await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), 1));
    for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
      const { code, stderr } = await pixlake(lake, 'serve', '--host', host);
      expect(code).toBe(2);
      expect(stderr).toContain('pixlake keys create');
    }
  });

  test('says when there is no lake, and when the port is taken', async () => {
    const folder = await makeTestFolder();
    const lake = join(folder, 'lake');
    expect((await pixlake(lake, 'serve', '--port', '0')).stderr).toContain('LAKE_NOT_FOUND');
    await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), 1));
    const first = await startServer(lake);
    try {
      const { code, stderr } = await pixlake(lake, 'serve', '--port', new URL(first.url).port);
      expect(code).toBe(2);
      expect(stderr).toContain('cannot listen on');
    } finally {
      await first.stop();
    }
  });
});
