import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { PROBLEMS } from './problem.ts';
import type { App, ServerContext } from './server-context.ts';

const readiness = z
  .object({
    status: z.enum(['ready', 'not ready']),
    checks: z.object({ lake: z.enum(['ok', 'failed']), queries: z.enum(['ok', 'failed']) }),
  })
  .meta({ id: 'Readiness' });

/** State of the server, for monitoring. */
export function addHealthRoutes(app: App, { lakehouse, sandbox, metrics }: ServerContext): void {
  app.get(
    '/healthz',
    {
      schema: {
        tags: ['server'],
        operationId: 'getHealth',
        summary: 'Check that the server is alive',
        response: { 200: z.object({ status: z.literal('ok') }), ...PROBLEMS },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        tags: ['server'],
        operationId: 'getReadiness',
        summary: 'Check that the server can work',
        response: { 200: readiness, 503: readiness, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const hasLake = await lakehouse.check().then(
        () => true,
        (error: unknown) => {
          request.log.warn(`the lake cannot be read: ${messageOf(error)}`);
          return false;
        },
      );
      const hasSlots = sandbox.status.slotCount > 0;
      const isReady = hasLake && hasSlots;
      return reply.code(isReady ? 200 : 503).send({
        status: isReady ? 'ready' : 'not ready',
        checks: { lake: hasLake ? 'ok' : 'failed', queries: hasSlots ? 'ok' : 'failed' },
      });
    },
  );

  app.get(
    '/metrics',
    {
      config: { scope: 'admin' },
      schema: {
        tags: ['server'],
        operationId: 'getMetrics',
        summary: 'Counters for Prometheus',
        response: {
          200: { description: 'Prometheus text', content: { 'text/plain': { schema: z.string() } } },
          ...PROBLEMS,
        },
      },
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  );
}
