import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { pixlakeJson } from '../support/pixlake.ts';
import { embedServer, type EmbeddedServer, eventually, finished, runOf } from './server-fixture.ts';

const REPOSITORY = join(import.meta.dirname, '../..');

/** What no answer may hold; a model or another lake is shown by the last name of its path. */
const PARTS = [`${tmpdir()}/`, ' places-', 'own lake', 'my source', '/elsewhere', REPOSITORY];

let folder: string;
let lake: string;
let where: EmbeddedServer;

/** A lake that was filled from the command line, by paths, and has damage of which messages tell. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake places-'));
  lake = join(folder, 'our own lake');
  await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'my source'), 8));
  const parquet = join(folder, 'elsewhere');
  await mkdir(parquet);
  const [name = ''] = (await readdir(join(lake, 'tables/images'), { recursive: true })).filter((path) =>
    path.endsWith('.parquet'),
  );
  await cp(join(lake, 'tables/images', name), join(parquet, 'rows.parquet'));
  await pixlakeJson(lake, 'attach', 'foreign', parquet);
  await mkdir(join(folder, 'model'));
  for (const ending of ['json', 'onnx'])
    await cp(
      join(REPOSITORY, `lake/models/fashion-tiny/fashion-tiny.${ending}`),
      join(folder, `model/fashion-tiny.${ending}`),
    );
  const select = 'SELECT id FROM images WHERE id < 4';
  await pixlakeJson(
    lake,
    'run',
    '--name',
    'by-path',
    '--sql',
    select,
    '--model',
    join(folder, 'model/fashion-tiny.onnx'),
  );
  await rm(join(lake, 'originals/images/1.jpg'));
  const other = join(folder, 'other lake');
  where = await embedServer(lake, { allowedOutputs: [other] });
  await where.post('/v1/runs', { name: 'lossy', sql: select, copies: 2 });
  await finished(where, 'lossy');
  const failing = { name: 'failing', sql: 'SELECT id FROM images WHERE id = 1' };
  await where.post('/v1/runs', failing);
  await eventually(async () => (await runOf(where, 'failing')).state === 'failed', 'every image fails');
  await where.post('/v1/runs', { name: 'away', sql: select, output: other });
  await finished(where, 'away');
  await mkdir(join(lake, 'runs/old/run_id=a'), { recursive: true });
  await writeFile(join(lake, 'runs/old/run_id=a/spec.json'), '{"shardCount": 1}');
  await writeFile(join(lake, 'runs/old/run_id=a/_SUCCESS'), '{}');
  await mkdir(join(lake, 'runs/bad/run_id=a'), { recursive: true });
  await writeFile(join(lake, 'runs/bad/run_id=a/spec.json'), '{');
  await rm(join(parquet, 'rows.parquet'));
});

afterAll(async () => {
  await where[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** Requests by the route that they are for. */
const REQUESTS: Readonly<Record<string, readonly (readonly [string, unknown?])[]>> = {
  'GET /healthz': [['/healthz']],
  'GET /readyz': [['/readyz']],
  'GET /metrics': [['/metrics']],
  'GET /v1/models': [['/v1/models']],
  'GET /v1/tables': [['/v1/tables'], ['/v1/tables?schema=runs'], ['/v1/tables?cursor=x']],
  'GET /v1/tables/{table}': [
    'images',
    'foreign',
    'runs.lossy',
    'errors.lossy',
    'runs.old',
    'runs.bad',
    'none',
  ].map((table) => [`/v1/tables/${table}`]),
  'GET /v1/tables/{table}/history': ['images', 'foreign', 'runs.lossy', 'none'].map((table) => [
    `/v1/tables/${table}/history`,
  ]),
  'GET /v1/tables/{table}/images/{id}': ['images/images/1', 'images/images/2', 'foreign/images/2'].map(
    (path) => [`/v1/tables/${path}`],
  ),
  'GET /v1/runs': [['/v1/runs'], ['/v1/runs?state=failed'], ['/v1/runs?name=away']],
  'GET /v1/runs/{id}': ['by-path', 'lossy', 'failing', 'away', 'elsewhere', 'old', 'bad', 'none'].map(
    (name) => [`/v1/runs/${name}`],
  ),
  'GET /v1/runs/{id}/events': ['by-path', 'failing', 'away', 'bad'].map((name) => [
    `/v1/runs/${name}/events`,
  ]),
  'GET /v1/runs/{id}/manifest': ['by-path', 'lossy', 'away', 'failing', 'old', 'bad'].map((name) => [
    `/v1/runs/${name}/manifest`,
  ]),
  'GET /v1/runs/{id}/images/{key}': [['/v1/runs/lossy/images/x'], ['/v1/runs/lossy/images/pixlake.json']],
  'POST /v1/query': [
    'SELECT * FROM images',
    'SELECT * FROM errors.lossy',
    'SELECT * FROM runs."by-path"',
    'EXPLAIN SELECT * FROM images',
    'SELECT * FROM foreign',
    'SELECT * FROM none',
    'SELECT * FROM runs.bad',
    'SELECT * FROM runs.old',
    'SELECT filename FROM images',
    "SELECT * FROM read_csv('/etc/passwd')",
    'SELECT CAST(gender AS INTEGER) FROM images',
  ].map((sql) => ['/v1/query', { sql }]),
  'POST /v1/runs': [
    ['/v1/runs', { name: 'lossy', sql: 'SELECT 1' }],
    ['/v1/runs', { name: 'x', sql: 'SELECT * FROM none' }],
    ['/v1/runs', { name: 'x', sql: 'SELECT id FROM images', model: '/x/y.onnx' }],
    ['/v1/runs', { name: 'x', sql: 'SELECT id FROM images', model: 'none' }],
    ['/v1/runs', { name: 'x', sql: 'SELECT id FROM images', output: '/x/y' }],
    ['/v1/runs', { name: 'old', sql: 'SELECT id FROM images' }],
    ['/v1/runs', { name: 'bad', sql: 'SELECT id FROM images' }],
  ],
  'POST /v1/runs/{id}/cancel': ['lossy', 'failing', 'old', 'bad', 'none'].map((name) => [
    `/v1/runs/${name}/cancel`,
  ]),
  'POST /v1/runs/{id}/resume': ['lossy', 'old', 'bad', 'none'].map((name) => [`/v1/runs/${name}/resume`]),
  'POST /v1/runs/{id}/retry': ['failing', 'old', 'bad', 'none'].map((name) => [`/v1/runs/${name}/retry`, {}]),
  'POST /v1/process': [
    ['/v1/process', { table: 'images', ids: [1] }],
    ['/v1/process', { table: 'images', ids: [1, 2] }],
    ['/v1/process', { table: 'foreign', ids: [2] }],
    ['/v1/process', { table: 'images', ids: [2], model: 'none' }],
  ],
};

test('no answer names a place of the server', async () => {
  const { paths } = (await (await where.get('/openapi.json')).json()) as { paths: Record<string, object> };
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(Object.keys(REQUESTS).toSorted()).toEqual(routes.toSorted());
  const requests = Object.entries(REQUESTS).flatMap(([route, some]) =>
    some.map(([url, body]) => ({ method: route.split(' ', 1)[0], url, body })),
  );
  const statuses: number[] = [];
  const leaks: string[] = [];
  for (const { method, url, body } of [
    ...requests,
    ...['/', '/docs/', '/openapi.json', '/none'].map((each) => ({
      method: 'GET',
      url: each,
      body: undefined,
    })),
  ]) {
    const headers = { accept: 'application/json, */*;q=0.1' };
    const response = await (method === 'GET' ? where.get(url, headers) : where.post(url, body, headers));
    const told = `${JSON.stringify([...response.headers])} ${Buffer.from(await response.arrayBuffer()).toString('latin1')}`;
    leaks.push(
      ...PARTS.filter((place) => told.includes(place)).map(
        (place) => `${place} in ${method} ${url}: ${told}`,
      ),
    );
    statuses.push(response.status);
  }
  expect(leaks).toEqual([]);
  // What fails is told of as well.
  expect(statuses.filter((status) => status >= 400).length).toBeGreaterThan(25);
  expect(statuses.filter((status) => status < 400).length).toBeGreaterThan(30);
  const { spec } = (await (await where.get('/v1/runs/by-path')).json()) as { spec: object };
  expect(spec).toMatchObject({ model: 'fashion-tiny.onnx' });
});
