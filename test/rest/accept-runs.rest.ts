import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  eventually,
  type Problem,
  problemOf,
  startServer,
  type TestServer,
  useServer,
} from '../api/server-fixture.ts';

interface RunResource {
  readonly state: string;
  readonly spec: { readonly seed: number };
  readonly imageCount: number;
  readonly error: { readonly code: string } | null;
}

const server = useServer(60);
let second: TestServer;

beforeAll(async () => {
  second = await startServer(server.lake);
});

afterAll(() => second.stop());

const AT_ONCE = 20;
const ROUNDS = 4;

function specOf(name: string, seed: number): Record<string, unknown> {
  return { name, sql: 'SELECT id FROM images WHERE id <= 4', seed, transform: { size: 32, flip: 0.5 } };
}

async function runOf(where: TestServer, name: string): Promise<RunResource> {
  return (await (await where.get(`/v1/runs/${name}`)).json()) as RunResource;
}

async function finished(where: TestServer, name: string): Promise<RunResource> {
  let run: RunResource | undefined;
  await eventually(async () => {
    run = await runOf(where, name);
    return run.state === 'finished' || run.state === 'failed';
  }, `run ${name} ends`);
  expect(run).toMatchObject({ state: 'finished', error: null });
  return run as RunResource;
}

/** Sends so many requests at once, to the servers in turn. */
async function postAll(
  servers: readonly TestServer[],
  specs: readonly Record<string, unknown>[],
): Promise<readonly Response[]> {
  return Promise.all(
    specs.map(async (spec, index) => (servers[index % servers.length] as TestServer).post('/v1/runs', spec)),
  );
}

describe.each([1, 2])('many submissions at once over %i servers', (serverCount) => {
  const servers = (): readonly TestServer[] => [server.current, second].slice(0, serverCount);

  test('of different specifications under one name, one is accepted and carried out', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const name = `race-${serverCount}-${round}`;
      const specs = Array.from({ length: AT_ONCE }, (_, seed) => specOf(name, seed));
      const answers = await postAll(servers(), specs);
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status === 202)).toHaveLength(1);
      const refused = await Promise.all(answers.filter(({ status }) => status !== 202).map(problemOf));
      expect(refused.map(({ status, code }) => `${status} ${code}`)).toEqual(
        Array.from({ length: AT_ONCE - 1 }, () => '409 RUN_NAME_TAKEN'),
      );
      const winner = statuses.indexOf(202);
      const { spec, imageCount } = await finished(servers()[winner % serverCount] as TestServer, name);
      expect(spec.seed).toBe(winner);
      expect(imageCount).toBe(4);
      expect(await readdir(join(server.lake, 'runs', name))).toHaveLength(1);
    }
  });

  test('of one specification, all are accepted and it is carried out once', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const name = `same-${serverCount}-${round}`;
      const specs = Array.from({ length: AT_ONCE }, () => specOf(name, 7));
      const answers = await postAll(servers(), specs);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
      await eventually(
        async () => (await runOf(server.current, name)).state === 'finished',
        `run ${name} is finished`,
      );
      expect(await readdir(join(server.lake, 'runs', name))).toHaveLength(1);
    }
  });

  test('a run that fails and is submitted again at any moment ends each time', async () => {
    const name = `fails-${serverCount}`;
    const spec = { ...specOf(name, 1), sql: 'SELECT id FROM images WHERE id < 0' };
    const failureCount = (): number =>
      servers().reduce((sum, one) => sum + one.log().split('a run failed').length - 1, 0);
    for (let round = 0; round < 3; round++) {
      const before = failureCount();
      for (let index = 0; index < AT_ONCE; index++) {
        const [answer] = await postAll([servers()[index % serverCount] as TestServer], [spec]);
        expect(answer?.status).toBe(202);
      }
      await eventually(
        async () => (await runOf(server.current, name)).state === 'failed',
        `run ${name} fails in round ${round}`,
      );
      await eventually(() => failureCount() > before, `run ${name} is tried in round ${round}`);
    }
  });
});

describe('what cannot be carried out is refused at once', () => {
  const good = specOf('refused', 1);

  test.each([
    ['an unknown table', { table: 'nowhere' }, 404, 'TABLE_NOT_FOUND'],
    ['a table name that cannot be one', { table: '../images' }, 404, 'TABLE_NOT_FOUND'],
    ['an unknown run as its table', { table: 'runs.nowhere' }, 404, 'TABLE_NOT_FOUND'],
    ['an unknown table in its SQL', { sql: 'SELECT id FROM nowhere' }, 404, 'TABLE_NOT_FOUND'],
    ['SQL that reads no table', { sql: 'SELECT 1 AS id' }, 422, 'PLAN_SOURCE_MISSING'],
    [
      'SQL that reads several tables',
      { sql: 'SELECT a.id FROM images a, images@v0 b' },
      422,
      'PLAN_SOURCE_MISSING',
    ],
    ['an unknown model', { model: 'nobody' }, 404, 'MODEL_NOT_FOUND'],
    ['an id column that the SQL does not return', { idColumn: 'key' }, 422, 'PLAN_ID_MISSING'],
    ['SQL without the id column', { sql: 'SELECT gender FROM images' }, 422, 'PLAN_ID_MISSING'],
    [
      'an id column that the table of originals lacks',
      { sql: 'SELECT id AS key FROM images', idColumn: 'key' },
      422,
      'PLAN_SOURCE_MISSING',
    ],
    ['SQL that does not parse', { sql: 'SELEC id FROM images' }, 400, 'SQL_SYNTAX'],
    ['SQL with a parameter', { sql: 'SELECT id FROM images WHERE id < $n' }, 400, 'ARGUMENT_INVALID'],
  ])('%s', async (_what, change, status, code) => {
    const problem: Problem = await problemOf(await server.current.post('/v1/runs', { ...good, ...change }));
    expect(problem).toMatchObject({ status, code });
    expect(`${problem.detail} ${problem.remedy ?? ''}`).not.toMatch(/--[a-z]|\/tmp\//u);
    expect((await server.current.get('/v1/runs/refused')).status).toBe(404);
  });

  test('and the name stays free, as does the Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'second-try' };
    const bad = await server.current.post('/v1/runs', { ...good, idColumn: 'key' }, headers);
    expect((await problemOf(bad)).code).toBe('PLAN_ID_MISSING');
    expect((await server.current.post('/v1/runs', good, headers)).status).toBe(202);
    await finished(server.current, 'refused');
  });

  test.each([
    ['whose card is torn', '{"name": "broken"', 422, 'MODEL_CARD_INVALID'],
    ['whose card lacks fields', '{"name": "broken"}', 422, 'MODEL_CARD_INVALID'],
  ])('a model of the lake %s, but no run without it', async (_what, card, status, code) => {
    const folder = join(server.lake, 'models/broken');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'broken.json'), card);
    const bad = await server.current.post('/v1/runs', { ...specOf('labelled', 1), model: 'broken' });
    expect(await problemOf(bad)).toMatchObject({ status, code });
    const unknown = await server.current.post('/v1/runs', { ...specOf('labelled', 1), model: 'nobody' });
    expect(await problemOf(unknown)).toMatchObject({ status: 404, code: 'MODEL_NOT_FOUND' });
    await rm(folder, { recursive: true });
  });

  test('a model of the lake whose file is gone', async () => {
    const folder = join(server.lake, 'models/fashion-tiny');
    await mkdir(folder, { recursive: true });
    await copyFile('lake/models/fashion-tiny/fashion-tiny.json', join(folder, 'fashion-tiny.json'));
    const bad = await server.current.post('/v1/runs', { ...specOf('gone', 1), model: 'fashion-tiny' });
    expect(await problemOf(bad)).toMatchObject({ status: 404, code: 'MODEL_NOT_FOUND' });
    await rm(folder, { recursive: true });
    const known = await server.current.post('/v1/runs', { ...specOf('gone', 1), model: 'fashion-tiny' });
    expect(known.status).toBe(202);
    await finished(server.current, 'gone');
  });

  test('a name whose run was deleted is free', async () => {
    for (const seed of [1, 2]) {
      expect((await server.current.post('/v1/runs', specOf('deleted', seed))).status).toBe(202);
      expect((await finished(server.current, 'deleted')).spec.seed).toBe(seed);
      await rm(join(server.lake, 'runs/deleted'), { recursive: true });
      expect((await server.current.get('/v1/runs/deleted')).status).toBe(404);
      const list = (await (await server.current.get('/v1/runs')).json()) as { items: { id: string }[] };
      expect(list.items.map(({ id }) => id)).not.toContain('deleted');
    }
  });

  test('SQL that costs much to run is accepted without being run, and can be cancelled', async () => {
    const images = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const product = images.map((name) => `${name}.id`).join(' * ');
    const tables = images.map((name) => `images ${name}`).join(', ');
    const sql = `SELECT id FROM images WHERE id IN (SELECT sum(${product}) FROM ${tables})`;
    const startMs = performance.now();
    expect((await server.current.post('/v1/runs', { ...specOf('costly', 1), sql })).status).toBe(202);
    expect(performance.now() - startMs).toBeLessThan(5000);
    await eventually(async () => (await runOf(server.current, 'costly')).state === 'running', 'it runs');
    expect((await server.current.post('/v1/runs/costly/cancel', undefined)).status).toBe(202);
    await eventually(async () => (await runOf(server.current, 'costly')).state === 'cancelled', 'it ends');
  });
});
