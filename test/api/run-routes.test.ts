import { createHash } from 'node:crypto';
import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { hashOutput } from '../support/hash-output.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';
import {
  eventually,
  finished,
  problemOf,
  type RunResource,
  runOf,
  embedServer,
  type EmbeddedServer,
  useEmbeddedServer,
} from './server-fixture.ts';

interface SseEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

const server = useEmbeddedServer(200);

const SMALL = { size: 32, quality: 80 };

/** Takes long enough for a run to be caught in the middle. */
const SLOW = { size: 256, blur: 2 };

async function readEvents(
  where: EmbeddedServer,
  name: string,
  headers: Record<string, string> = {},
  max = 1000,
): Promise<SseEvent[]> {
  const response = await where.get(`/v1/runs/${name}/events`, headers);
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/u);
  const events: SseEvent[] = [];
  let text = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString('utf8');
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (key: string): string => new RegExp(`^${key}: (.*)$`, 'mu').exec(block)?.[1] ?? '';
      if (field('event') === '') continue;
      events.push({
        id: field('id'),
        event: field('event'),
        data: JSON.parse(field('data')) as Record<string, unknown>,
      });
      if (events.length >= max) return events;
    }
  }
  return events;
}

describe('runs over REST', () => {
  test('are accepted, worked on, and give manifest and images', async () => {
    const spec = {
      name: 'men',
      sql: `SELECT id, year FROM images WHERE gender = 'Men' AND id <= 40`,
      copies: 2,
      transform: SMALL,
    };
    const accepted = await server.current.post('/v1/runs', spec);
    expect(accepted.status).toBe(202);
    expect(accepted.headers.get('location')).toBe('/v1/runs/men');
    expect(await accepted.json()).toMatchObject({ id: 'men', error: null, spec: { copies: 2, seed: 42 } });
    const run = await finished(server.current, 'men');
    expect(run).toMatchObject({
      imageCount: 40,
      errorCount: 0,
      totalImages: 40,
      output: {
        table: 'runs.men',
        folder: `runs/men/run_id=${run.runId}`,
        manifest: '/v1/runs/men/manifest',
      },
    });
    const times = [run.submittedAt, run.startedAt, run.finishedAt].map((time) => Date.parse(time ?? ''));
    expect(times).toEqual(times.toSorted((a, b) => a - b));

    const manifest = (await (await server.current.get('/v1/runs/men/manifest')).json()) as {
      image_key: string;
      image_sha256: string;
      image_id: string;
    }[];
    expect(manifest).toHaveLength(40);
    const csv = await server.current.get('/v1/runs/men/manifest?format=csv&limit=3');
    expect((await csv.text()).trim().split('\n')).toHaveLength(4);

    const [first] = manifest;
    const image = await server.current.get(`/v1/runs/men/images/${first?.image_key}`);
    expect(image.headers.get('content-type')).toBe('image/jpeg');
    expect(image.headers.get('cache-control')).toContain('immutable');
    const bytes = Buffer.from(await image.arrayBuffer());
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(first?.image_sha256);
    const byId = await server.current.get(`/v1/tables/runs.men/images/${first?.image_id}`);
    expect(Buffer.from(await byId.arrayBuffer()).equals(bytes)).toBe(true);
  });

  test('give what the command line gives, byte for byte', async () => {
    const spec = {
      name: 'same',
      sql: 'SELECT id, gender, year * 1.5 AS half, sum(year) OVER () AS total FROM images WHERE id <= 30 ORDER BY id DESC',
      transform: SMALL,
    };
    await server.current.post('/v1/runs', spec);
    const { runId } = await finished(server.current, 'same');
    const lake = await makeTestFolder();
    for (const part of ['pixlake.json', 'originals', 'tables'])
      await cp(join(server.lake, part), join(lake, part), { recursive: true });
    const args = ['--name', spec.name, '--sql', spec.sql, '--size', '32', '--quality', '80'];
    const report = await pixlakeJson<{ runId: string }>(lake, 'run', ...args);
    expect(report.runId).toBe(runId);
    const path = `runs/same/run_id=${runId}`;
    const overRest = await hashOutput(join(server.lake, path));
    expect(Object.keys(overRest).length).toBeGreaterThan(30);
    expect(overRest).toEqual(await hashOutput(join(lake, path)));
  });

  test('the same specification is the same run; another one under its name is refused', async () => {
    const spec = { name: 'twice', sql: 'SELECT id FROM images WHERE id <= 5', transform: SMALL };
    const answers = await Promise.all(Array.from({ length: 5 }, () => server.current.post('/v1/runs', spec)));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    const { runId } = await finished(server.current, 'twice');
    await server.current.post('/v1/runs', spec);
    await eventually(
      async () => (await runOf(server.current, 'twice')).state === 'finished',
      'it is finished again',
    );
    expect(await readdir(join(server.lake, 'runs/twice'))).toEqual([`run_id=${runId}`]);
    const other = await server.current.post('/v1/runs', { ...spec, seed: 7 });
    expect(await problemOf(other)).toMatchObject({ status: 409, code: 'RUN_NAME_TAKEN' });
  });

  test('an Idempotency-Key stands for one run', async () => {
    const spec = { name: 'keyed', sql: 'SELECT id FROM images WHERE id <= 5', transform: SMALL };
    const headers = { 'idempotency-key': 'order-66' };
    expect((await server.current.post('/v1/runs', spec, headers)).status).toBe(202);
    await finished(server.current, 'keyed');
    expect((await server.current.post('/v1/runs', spec, headers)).status).toBe(202);
    const reused = await server.current.post('/v1/runs', { ...spec, name: 'keyed-2' }, headers);
    expect(await problemOf(reused)).toMatchObject({ status: 409, code: 'IDEMPOTENCY_KEY_REUSED' });
  });

  test('events tell of plan, progress and end, and go on where they broke off', async () => {
    const spec = {
      name: 'told',
      sql: 'SELECT id FROM images',
      copies: 2,
      transform: SLOW,
      shardSize: 20,
    };
    // Another one goes first, so that the follower is there from the beginning.
    await server.current.post('/v1/runs', { ...spec, name: 'before', copies: 1 });
    await server.current.post('/v1/runs', spec);
    const [state, ...seen] = await readEvents(server.current, 'told', {}, 4);
    expect(state?.event).toBe('state');
    const last = seen.filter(({ id }) => id !== '').at(-1);
    const rest = await readEvents(server.current, 'told', { 'last-event-id': last?.id ?? '' });
    const ids = [...seen, ...rest].map(({ id }) => id).filter((id) => id.includes('-'));
    expect(ids.length).toBeGreaterThan(3);
    expect(new Set(ids).size).toBe(ids.length);
    const numbers = ids.map((id) => Number(id.split('-').at(-1)));
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    expect(rest.at(-1)).toMatchObject({
      id: 'end',
      event: 'state',
      data: { state: 'finished', imageCount: 400 },
    });
    const kinds = new Set([state, ...seen, ...rest].map((event) => event?.event));
    expect(kinds).toEqual(new Set(['state', 'plan', 'progress']));
    // Who knows that it ended is told to stay away.
    expect((await server.current.get('/v1/runs/told/events', { 'last-event-id': 'end' })).status).toBe(204);
  });

  test('can be cancelled and resumed', async () => {
    const spec = {
      name: 'stopped',
      sql: 'SELECT id FROM images',
      copies: 2,
      transform: SLOW,
      shardSize: 10,
    };
    await server.current.post('/v1/runs', spec);
    await eventually(async () => (await runOf(server.current, 'stopped')).imageCount > 0, 'images are done');
    expect((await server.current.post('/v1/runs/stopped/cancel', undefined)).status).toBe(202);
    await eventually(
      async () => (await runOf(server.current, 'stopped')).state === 'cancelled',
      'it is cancelled',
    );
    const unfinished = await server.current.get('/v1/runs/stopped/manifest');
    expect(await problemOf(unfinished)).toMatchObject({ status: 409, code: 'RUN_UNFINISHED' });
    expect((await server.current.post('/v1/runs/stopped/resume', undefined)).status).toBe(202);
    expect(await finished(server.current, 'stopped')).toMatchObject({ imageCount: 400, errorCount: 0 });
    const again = await server.current.post('/v1/runs/stopped/cancel', undefined);
    expect(await problemOf(again)).toMatchObject({ status: 400, code: 'ARGUMENT_INVALID' });
  });

  test('a waiting run can be cancelled, and then does not start', async () => {
    const long = { name: 'ahead', sql: 'SELECT id FROM images', transform: SLOW };
    await server.current.post('/v1/runs', long);
    await server.current.post('/v1/runs', {
      name: 'waiting',
      sql: 'SELECT id FROM images',
      transform: SMALL,
    });
    expect((await runOf(server.current, 'waiting')).state).toBe('queued');
    await server.current.post('/v1/runs/waiting/cancel', undefined);
    await finished(server.current, 'ahead');
    expect(await runOf(server.current, 'waiting')).toMatchObject({ state: 'cancelled', imageCount: 0 });
  });

  test('one that fails says why', async () => {
    await server.current.post('/v1/runs', { name: 'empty', sql: 'SELECT id FROM images WHERE id < 0' });
    await eventually(async () => (await runOf(server.current, 'empty')).state === 'failed', 'it failed');
    expect((await runOf(server.current, 'empty')).error?.code).toBe('PLAN_EMPTY');
  });

  test.each([
    ['hostile SQL', { name: 'x', sql: `SELECT * FROM read_csv('/etc/passwd')` }, 'SQL_REFUSED'],
    ['several statements', { name: 'x', sql: 'SELECT 1; SELECT 2' }, 'SQL_MULTIPLE_STATEMENTS'],
    ['an unknown column', { name: 'x', sql: 'SELECT nope FROM images' }, 'SQL_FAILED'],
    ['an unknown field', { name: 'x', sql: 'SELECT id FROM images', colour: 1 }, 'REQUEST_INVALID'],
    ['a path as its name', { name: '../x', sql: 'SELECT id FROM images' }, 'TABLE_NAME_INVALID'],
    [
      'a file as its model',
      { name: 'x', sql: 'SELECT id FROM images', model: '/etc/model.onnx' },
      'SPEC_INVALID',
    ],
    [
      'crop columns that the SQL does not return',
      { name: 'x', sql: 'SELECT id, 1 AS a FROM images', cropColumns: ['a', 'b', 'c', 'd'] },
      'PLAN_CROP_INVALID',
    ],
    [
      'a random crop beside crop columns',
      {
        name: 'x',
        sql: 'SELECT id, 1 AS a FROM images',
        cropColumns: ['a', 'a', 'a', 'a'],
        transform: { crop: 0.2 },
      },
      'REQUEST_INVALID',
    ],
    [
      'another place to write',
      { name: 'x', sql: 'SELECT id FROM images', output: '/tmp/elsewhere' },
      'SPEC_INVALID',
    ],
  ])('refuses %s', async (_name, spec, code) => {
    const problem = await problemOf(await server.current.post('/v1/runs', spec));
    expect(problem.code).toBe(code);
    expect(problem.status).toBeLessThan(500);
    expect((await server.current.get('/v1/runs/x')).status).toBe(404);
  });

  test('cuts out the boxes that the SQL gives', async () => {
    const sql = 'SELECT *, 5 AS a, 6.5 AS b, 20 AS c FROM images WHERE id <= 3';
    const spec = { name: 'cut', sql, cropColumns: ['a', 'b', 'c', 'c'], transform: SMALL };
    const accepted = await server.current.post('/v1/runs', spec);
    expect(accepted.status).toBe(202);
    const run = await finished(server.current, 'cut');
    expect(run).toMatchObject({ state: 'finished', spec: { cropColumns: spec.cropColumns } });
    const manifest = (await (await server.current.get('/v1/runs/cut/manifest')).json()) as object[];
    expect(manifest).toHaveLength(3);
    const box = { crop_left: 5, crop_top: 6, crop_width: 20, crop_height: 21 };
    for (const row of manifest) expect(row).toMatchObject(box);
  });

  test('tell the same of themselves when another server serves a copy of the lake', async () => {
    const copy = join(await makeTestFolder(), 'copy');
    await cp(server.lake, copy, { recursive: true });
    await using other = await embedServer(copy, { resumesRuns: false, limits: { slots: 1 } });
    for (const name of ['men', 'stopped', 'empty', 'waiting']) {
      const run = await runOf(server.current, name);
      expect(Date.parse(run.finishedAt ?? ''), name).toBeLessThanOrEqual(Date.now());
      expect(await runOf(other, name)).toEqual(run);
    }
    expect.assertions(8);
  });

  test('keys of images that no run has written are not found', async () => {
    const { runId } = await runOf(server.current, 'men');
    const [other] = (await (await server.current.get('/v1/runs/same/manifest?limit=1')).json()) as {
      image_key: string;
    }[];
    for (const key of [
      // What is there, but is no image of this run.
      'originals/images/1.jpg',
      'pixlake.json',
      `runs/men/run_id=${runId}/spec.json`,
      other?.image_key ?? '',
      'images/1.jpg',
      'runs/men/../../pixlake.json',
      'runs/men/run_id=0123456789abcdef/spec.json',
      '%2e%2e/%2e%2e/etc/passwd',
      'runs/other/run_id=0123456789abcdef/images/00000/1.jpg',
    ])
      expect(
        await problemOf(await server.current.get(`/v1/runs/men/images/${encodeURIComponent(key)}`)),
      ).toMatchObject({ status: 404, code: 'IMAGE_MISSING' });
  });

  test('the list has all of them', async () => {
    const list = async (query = ''): Promise<{ items: RunResource[]; next: string | null }> =>
      (await (await server.current.get(`/v1/runs${query}`)).json()) as never;
    const { items, next } = await list();
    expect(items.map(({ id }) => id).toSorted()).toEqual(
      'ahead before cut empty keyed men same stopped told twice waiting'.split(' '),
    );
    expect(next).toBeNull();
    const submitted = items.map(({ submittedAt }) => Date.parse(submittedAt ?? ''));
    expect(submitted).toEqual(submitted.toSorted((a, b) => b - a));
    expect(items.find(({ id }) => id === 'told')).toMatchObject({ state: 'finished' });
    const first = await list('?limit=4');
    const second = await list(`?limit=100&cursor=${first.next}`);
    expect([...first.items, ...second.items]).toEqual(items);
    expect((await list('?name=t&state=finished')).items.map(({ id }) => id).toSorted()).toEqual([
      'told',
      'twice',
    ]);
    expect((await list('?table=images&name=men')).items).toHaveLength(1);
    expect((await list('?table=none')).items).toEqual([]);
    expect(await problemOf(await server.current.get('/v1/runs?cursor=x'))).toMatchObject({
      status: 400,
      code: 'CURSOR_INVALID',
    });
  });
});

test('runs may write to another lake where the operator allows it', async () => {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), 5));
  const outputs = await makeTestFolder();
  await using where = await embedServer(lake, { allowedOutputs: [outputs] });
  const output = join(outputs, 'one');
  const spec = { name: 'later', sql: 'SELECT id FROM images', transform: SMALL };
  await where.post('/v1/runs', { ...spec, output });
  await finished(where, 'later');
  expect(await runOf(where, 'later')).toMatchObject({ imageCount: 5 });
  expect(await (await where.get('/v1/runs')).json()).toMatchObject({
    items: [{ id: 'later', state: 'finished', output: null }],
  });
  expect((await where.post('/v1/runs', { ...spec, output })).status).toBe(202);
  await finished(where, 'later');
  const { stdout } = await pixlake(output, 'query', 'SELECT count(*) AS n FROM runs.later', '--json');
  expect(JSON.parse(stdout)).toEqual([{ n: 5 }]);
  const outside = await where.post('/v1/runs', {
    ...spec,
    name: 'x',
    output: `${outputs}/../elsewhere`,
  });
  expect(await problemOf(outside)).toMatchObject({ status: 400, code: 'SPEC_INVALID' });
});
