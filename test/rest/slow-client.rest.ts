import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { eventually, startServer, type TestServer, useServer } from '../api/server-fixture.ts';

const CLIENTS = 200;

/** Longest time that a server waits for headers, and what it takes to see that it is over; see SERVER_LIMITS. */
const PATIENCE_MS = 15_000 + 10_000;

const server = useServer(5);

/** Sends a header that never ends, a byte now and then, and gives when the server has had enough. */
async function dribble(): Promise<number> {
  const { hostname, port } = new URL(server.current.url);
  const startMs = Date.now();
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () =>
      socket.write(`GET /healthz HTTP/1.1\r\nhost: ${hostname}\r\nx-slow: `),
    );
    const drip = setInterval(() => socket.write('x'), 500);
    socket.resume();
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearInterval(drip);
      resolve(Date.now() - startMs);
    });
  });
}

test(`${CLIENTS} clients that never end their headers are cut off, and others are served meanwhile`, async () => {
  const dribbling = Promise.all(Array.from({ length: CLIENTS }, dribble));
  await sleep(1000);
  for (let count = 0; count < 10; count++)
    expect((await server.current.post('/v1/query', { sql: 'SELECT count(*) FROM images' })).status).toBe(200);
  const durations = await Promise.race([dribbling, sleep(PATIENCE_MS, 'still connected')]);
  expect(durations).toHaveLength(CLIENTS);
  // They were let in, and cut off because they are slow.
  expect(Math.min(...(durations as number[]))).toBeGreaterThan(10_000);
});

async function gauge(name: string, asked: TestServer): Promise<number> {
  const text = await (await asked.get('/metrics')).text();
  return Number(new RegExp(`^${name} (\\d+)`, 'mu').exec(text)?.[1]);
}

test('a client that goes ends its query', async () => {
  const sql = 'SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE (a.range * b.range) % 7 = 3';
  // Its queries would end by themselves only after the test.
  const patient = await startServer(server.lake, '--query-timeout', '60s');
  const controllers = Array.from({ length: 6 }, () => new AbortController());
  const requests = controllers.map(({ signal }) =>
    fetch(`${patient.url}/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sql }),
      signal,
    }).catch(() => undefined),
  );
  await eventually(async () => (await gauge('pixlake_query_slots_busy', patient)) >= 2, 'slots are busy');
  for (const controller of controllers) controller.abort();
  await Promise.all(requests);
  await eventually(async () => (await gauge('pixlake_query_slots_busy', patient)) === 0, 'slots are free');
  expect(await gauge('pixlake_queries_waiting', patient)).toBe(0);
  await patient.stop();
});
