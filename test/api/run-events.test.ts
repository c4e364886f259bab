import { afterEach, describe, expect, test, vi } from 'vitest';
import type { RunEvent } from '../../src/run/run-service.ts';
import { runSpecSchema } from '../../src/run/run-spec.ts';
import { get, serveStub, type StubServer } from './stub-server.ts';

const spec = runSpecSchema.parse({ name: 'r', sql: 'SELECT id FROM images' });

/** A run as the service tells of it. */
const RUN = {
  name: 'r',
  state: 'running',
  isRetrying: false,
  submission: { run: spec, submittedMs: 0, state: 'accepted' },
  status: undefined,
  live: undefined,
  isElsewhere: false,
  createdMs: 0,
};

interface Service {
  readonly stub: StubServer;
  /** What the routes asked of the service. */
  readonly asked: unknown[];
  isLive: boolean;
}

let service: Service | undefined;

afterEach(async () => {
  vi.useRealTimers();
  await service?.stub.server[Symbol.asyncDispose]();
  service = undefined;
});

/** A server of a made-up service of runs, which tells of some events. */
async function serve(events: () => AsyncGenerator): Promise<Service> {
  const asked: unknown[] = [];
  const note =
    (verb: string) =>
    async (...args: unknown[]): Promise<object> => {
      asked.push([verb, ...args]);
      return RUN;
    };
  const made = { asked, isLive: true };
  const runs = {
    counts: { queued: 0, running: 0 },
    describe: note('describe'),
    submit: note('submit'),
    cancel: note('cancel'),
    resume: note('resume'),
    retry: note('retry'),
    list: async (which: unknown) => {
      asked.push(['list', which]);
      return [RUN];
    },
    isLive: () => made.isLive,
    follow(name: string, lastId: string | undefined) {
      asked.push(['follow', name, lastId]);
      return events() as AsyncGenerator<RunEvent>;
    },
    async [Symbol.asyncDispose]() {
      // Nothing is open.
    },
  };
  service = Object.assign(made, { stub: await serveStub({ lakehouse: { openRunService: () => runs } }) });
  return service;
}

async function* none(): AsyncGenerator {
  // Nothing happens.
}

describe('the events of a run', () => {
  test('come one after the other, with their ids, until it ends', async () => {
    const { stub, asked } = await serve(async function* tell() {
      yield { id: 'a-1', kind: 'plan', payload: { totalImages: 3 } };
      yield { id: '', kind: 'progress', payload: { imageCount: 1 } };
      yield { id: 'end', run: RUN };
    });
    const { status, body, headers } = await get(stub.server, '/v1/runs/r/events', { 'last-event-id': 'a-0' });
    expect([status, headers['content-type'], headers['cache-control'], headers['x-accel-buffering']]).toEqual(
      [200, 'text/event-stream', 'no-store', 'no'],
    );
    const [plan, progress, state, rest] = String(body).split('\n\n');
    expect(plan).toBe('event: plan\nid: a-1\ndata: {"totalImages":3}');
    expect(progress).toBe('event: progress\ndata: {"imageCount":1}');
    expect(state).toMatch(/^event: state\nid: end\ndata: \{"id":"r","state":"running",/u);
    expect([rest, asked]).toEqual([
      '',
      [
        ['describe', 'r'],
        ['follow', 'r', 'a-0'],
      ],
    ]);
  });

  test('are not sent again to one who has seen the last, unless it goes on', async () => {
    const made = await serve(none);
    const ask = async (): Promise<number> =>
      (await get(made.stub.server, '/v1/runs/r/events', { 'last-event-id': 'end' })).status;
    expect(await ask()).toBe(200);
    made.isLive = false;
    expect(await ask()).toBe(204);
    expect((await get(made.stub.server, '/v1/runs/r/events')).status).toBe(200);
  });

  test('are kept alive while nothing happens', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { stub } = await serve(async function* wait() {
      vi.advanceTimersByTime(14_999);
      yield { id: '', kind: 'progress', payload: 1 };
      vi.advanceTimersByTime(1);
      yield { id: '', kind: 'progress', payload: 2 };
    });
    const { body } = await get(stub.server, '/v1/runs/r/events');
    expect(body).toBe('event: progress\ndata: 1\n\n: still there\n\nevent: progress\ndata: 2\n\n');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('that cannot be told end the connection', async () => {
    const { stub } = await serve(async function* fail() {
      yield { id: '', kind: 'progress', payload: 1 };
      throw new Error('no disk');
    });
    await expect(get(stub.server, '/v1/runs/r/events')).rejects.toThrow();
  });
});

test('what is asked for a run reaches it, and a key is that of its client', async () => {
  const { stub, asked } = await serve(none);
  const post = async (
    url: string,
    payload?: object,
    headers: Record<string, string> = {},
  ): Promise<unknown[]> => {
    const response = await stub.server.app.inject({
      method: 'POST',
      url,
      headers: { host: 'localhost', ...headers },
      ...(payload === undefined ? {} : { payload }),
    });
    return [response.statusCode, response.headers.location];
  };
  const body = { name: 'r', sql: 'SELECT id FROM images' };
  expect(await post('/v1/runs', body)).toEqual([202, '/v1/runs/r']);
  expect(await post('/v1/runs', body, { 'idempotency-key': 'k' })).toEqual([202, '/v1/runs/r']);
  const verbs = ['cancel', 'resume', 'retry'].map((verb) => post(`/v1/runs/r/${verb}`));
  expect(await Promise.all(verbs)).toEqual(verbs.map(() => [202, undefined]));
  await post('/v1/runs/r/retry', { stage: 'read', code: 'X' });
  expect((await post('/v1/runs/r/retry', { stage: 'never' }))[0]).toBe(400);
  const [first, second, ...rest] = asked as [string, unknown, unknown][];
  expect([first?.[0], first?.[2], second?.[2]]).toEqual(['submit', undefined, '127.0.0.1:k']);
  expect(first?.[1]).toMatchObject(body);
  expect(rest).toEqual([
    ['cancel', 'r'],
    ['resume', 'r'],
    ['retry', 'r', {}],
    ['retry', 'r', { stage: 'read', code: 'X' }],
  ]);
  expect(await get(stub.server, '/v1/runs?state=running&name=r&table=images&limit=5')).toMatchObject({
    body: { items: [{ id: 'r', state: 'running' }], next: null },
  });
  const page = { after: undefined, limit: 6, state: 'running', prefix: 'r', table: 'images' };
  expect(asked.at(-1)).toEqual(['list', page]);
  expect(await post('/v1/runs?copies=2', body)).toEqual([400, undefined]);
  expect(await get(stub.server, '/v1/runs/r/manifest')).toMatchObject({
    status: 409,
    body: { code: 'RUN_UNFINISHED', detail: 'run r is running, so it has no manifest yet' },
  });
});
