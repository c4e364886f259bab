import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';
import { expect, test } from 'vitest';
import { eventually, memoryOf, useServer } from '../api/server-fixture.ts';

/** How long in all; PIXLAKE_LOAD_SECONDS changes it. */
const SECONDS = Number(process.env['PIXLAKE_LOAD_SECONDS'] ?? 60);

/** Clients that stay, and as many that cut the connection before the answer has come. */
const LOYAL = 250;
const FICKLE = 250;

const MIB = 1024 ** 2;

const BODY = JSON.stringify({ sql: 'SELECT * FROM images ORDER BY id' });

// All clients have one address here, and should not be sent away for that.
const server = useServer(500, '--requests-at-once', '1000');

interface Footprint {
  readonly memoryBytes: number;
  readonly handles: number;
  readonly children: number;
}

async function footprint(): Promise<Footprint> {
  const pid = server.current.process.pid ?? 0;
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return {
    memoryBytes: await memoryOf(pid),
    handles: (await readdir(`/proc/${pid}/fd`)).length,
    children: children.trim().split(' ').length,
  };
}

/** Asks and cuts the connection some time later, again and again; gives how often. */
async function beFickle(endMs: number): Promise<number> {
  const { hostname, port } = new URL(server.current.url);
  const text = `POST /v1/query HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;
  let count = 0;
  while (Date.now() < endMs) {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.on('error', () => undefined);
    await sleep(Math.random() * 500);
    socket.destroy();
    count += 1;
  }
  return count;
}

async function load(seconds: number): Promise<{ statuses: Record<string, number>; cuts: number }> {
  const endMs = Date.now() + seconds * 1000;
  const fickle = Array.from({ length: FICKLE }, () => beFickle(endMs));
  const errors: string[] = [];
  const statuses: Record<string, number> = {};
  await new Promise<void>((resolve, reject) => {
    const loyal = autocannon(
      {
        url: `${server.current.url}/v1/query`,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: BODY,
        connections: LOYAL,
        duration: seconds,
        timeout: 30,
      },
      (error) => (error === null ? resolve() : reject(error)),
    );
    loyal.on('reqError', (error: Error) => errors.push(error.message));
    loyal.on('response', (_client, status) => {
      statuses[status] = (statuses[status] ?? 0) + 1;
    });
  });
  const cuts = (await Promise.all(fickle)).reduce((sum, count) => sum + count, 0);
  expect(errors).toEqual([]);
  return { statuses, cuts };
}

/** Waits until nobody is served any more. */
async function settle(handles: number): Promise<Footprint> {
  await eventually(async () => (await footprint()).handles <= handles + 5, 'connections are closed');
  return footprint();
}

test(`${LOYAL + FICKLE} clients for ${SECONDS} s, half of which cut the connection, leave nothing behind`, async () => {
  const { handles } = await footprint();
  await load(Math.ceil(SECONDS / 4));
  const warm = await settle(handles);
  const { statuses, cuts } = await load(Math.ceil((3 * SECONDS) / 4));
  const after = await settle(handles);
  const shown = JSON.stringify({ statuses, cuts, warm, after });
  console.log(shown);
  expect(statuses['200'], shown).toBeGreaterThan(100);
  expect(Object.keys(statuses).filter((code) => !['200', '429', '503'].includes(code))).toEqual([]);
  expect(cuts, shown).toBeGreaterThan(1000);
  expect(after.children, shown).toBe(warm.children);
  expect(after.memoryBytes - warm.memoryBytes, shown).toBeLessThan(100 * MIB);
  expect((await server.current.post('/v1/query', { sql: 'SELECT 1 AS x' })).status).toBe(200);
  const defects = server.current
    .log()
    .split('\n')
    .filter((line) => line.includes('"level":50'));
  expect(defects).toEqual([]);
});
