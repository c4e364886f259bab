import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Lakehouse, QuerySandbox } from '../index.ts';
import type { Metrics } from './metrics.ts';
import type { RunQueue } from './run-queue.ts';
import type { ServerOptions } from './server-options.ts';

/** A Fastify whose routes are typed by their schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What routes need. */
export interface ServerContext {
  readonly lakehouse: Lakehouse;
  readonly sandbox: QuerySandbox;
  readonly runs: RunQueue;
  readonly metrics: Metrics;
  readonly options: ServerOptions;
}
