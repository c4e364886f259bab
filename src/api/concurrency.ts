import type { FastifyInstance } from 'fastify';
import { PixlakeError } from '../errors.ts';

/** Limits the number of requests of one client at once. */
export function limitConcurrency(app: FastifyInstance, maxRequests: number): void {
  const counts = new Map<string, number>();
  app.addHook('onRequest', async (request, reply) => {
    const { client } = request;
    const count = counts.get(client) ?? 0;
    if (count >= maxRequests) {
      throw new PixlakeError('RATE_LIMITED', `more than ${maxRequests} requests at once`, {
        remedy: 'wait for responses before sending more requests',
      });
    }
    counts.set(client, count + 1);
    reply.raw.once('close', () => {
      const left = (counts.get(client) ?? 1) - 1;
      if (left > 0) counts.set(client, left);
      else counts.delete(client);
    });
  });
}

/** Lets at most `maxAtOnce` callers in at once and refuses the others. */
export function createGate(maxAtOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  let count = 0;
  return async (work) => {
    if (count >= maxAtOnce)
      throw new PixlakeError('SERVER_BUSY', 'the server is processing too many images', {
        remedy: 'try again in a moment',
      });
    count += 1;
    try {
      return await work();
    } finally {
      count -= 1;
    }
  };
}
