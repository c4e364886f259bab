import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Lakehouse } from '../lakehouse.ts';
import type { RunService } from '../run/run-service.ts';
import type { QuerySandbox } from '../sandbox/query-sandbox.ts';
import type { PlaceHider } from './hide-places.ts';
import type { Metrics } from './metrics.ts';
import type { ServerOptions } from './server-options.ts';

/** A Fastify whose routes are typed by their schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** Context of all routes. */
export interface ServerContext {
  readonly lakehouse: Lakehouse;
  readonly sandbox: QuerySandbox;
  readonly runs: RunService;
  readonly metrics: Metrics;
  readonly options: ServerOptions;
  readonly places: PlaceHider;
}
