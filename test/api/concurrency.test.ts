import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { createGate, limitConcurrency } from '../../src/api/concurrency.ts';

test('a gate lets in so many at once, and others when those have gone or failed', async () => {
  const gate = createGate(2);
  const ends: ((error?: Error) => void)[] = [];
  const work = async (): Promise<string> =>
    new Promise((resolve, reject) => {
      ends.push((error) => (error === undefined ? resolve('done') : reject(error)));
    });
  const [one, two] = [gate(work), gate(work)];
  const busy = { code: 'SERVER_BUSY', remedy: 'try again in a moment' };
  await expect(gate(work)).rejects.toMatchObject(busy);
  ends[0]?.();
  expect(await one).toBe('done');
  const three = gate(work);
  await expect(gate(work)).rejects.toMatchObject(busy);
  ends[1]?.(new Error('failed'));
  await expect(two).rejects.toThrow('failed');
  expect(await gate(async () => 'short')).toBe('short');
  ends[2]?.();
  expect([await three, ends.length]).toEqual(['done', 3]);
});

test('a client may have so many requests at once, each client for itself', async () => {
  const app = Fastify({ forceCloseConnections: true });
  app.decorateRequest('client', '');
  app.addHook('onRequest', async (asked) => {
    asked.client = String(asked.headers['x-client']);
  });
  limitConcurrency(app, 2);
  const open = new Map<string, () => void>();
  app.get('/short', async () => 'done');
  app.get(
    '/:id',
    async ({ params }) =>
      new Promise((resolve) => {
        open.set((params as { id: string }).id, () => resolve('done'));
      }),
  );
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const ask = (id: string, client = 'a'): { sent: ReturnType<typeof request>; status: Promise<number> } => {
    const sent = request({
      port,
      host: '127.0.0.1',
      path: `/${id}`,
      headers: { 'x-client': client },
      agent: false,
    });
    const status = once(sent, 'response').then(([response]) => {
      const { statusCode } = (response as { resume(): { statusCode: number } }).resume();
      return statusCode;
    });
    sent.end();
    return { sent, status };
  };
  const one = ask('1');
  await expect.poll(() => open.has('1')).toBe(true);
  const gone = ask('2');
  await expect.poll(() => open.has('2')).toBe(true);
  expect(await ask('3').status).toBe(429);
  const other = ask('4', 'b');
  await expect.poll(() => open.has('4')).toBe(true);
  // One that is answered makes room, and so does one whose client has gone.
  open.get('1')?.();
  expect(await one.status).toBe(200);
  const five = ask('5');
  await expect.poll(() => open.has('5')).toBe(true);
  expect(await ask('6').status).toBe(429);
  gone.status.catch(() => undefined);
  gone.sent.destroy();
  await expect.poll(() => ask('short').status).toBe(200);
  open.get('5')?.();
  open.get('4')?.();
  expect([await five.status, await other.status]).toEqual([200, 200]);
  await app.close();
});
