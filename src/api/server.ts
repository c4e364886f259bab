import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import multipart from '@fastify/multipart';
import rateLimit from '@fastify/rate-limit';
import Fastify, { LogController, type FastifyBaseLogger } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { log, openLog } from '../config.ts';
import { PixlakeError } from '../errors.ts';
import type { Lakehouse } from '../lakehouse.ts';
import type { QuerySandbox } from '../sandbox/query-sandbox.ts';
import { ApiKeyRing } from './api-keys.ts';
import { authenticate, isLoopback } from './authenticate.ts';
import { limitConcurrency } from './concurrency.ts';
import { addDocs } from './docs.ts';
import { addHealthRoutes } from './health-routes.ts';
import { addImageRoutes } from './image-routes.ts';
import { createMetrics } from './metrics.ts';
import { addModelRoutes } from './model-routes.ts';
import { createPlaceHider } from './hide-places.ts';
import { answerProblem, handleProblems, type ProblemOptions } from './problem.ts';
import { addProcessRoute } from './process-route.ts';
import { addQueryRoute } from './query-route.ts';
import { addRunRoutes } from './run-routes.ts';
import { SERVER_LIMITS, type ServerAddress, type ServerOptions } from './server-options.ts';
import type { App, ServerContext } from './server-context.ts';
import { addTableRoutes } from './table-routes.ts';

/** REST on a lake. */
export interface Server extends AsyncDisposable {
  /** The Fastify app. `inject` sends requests without a port. Other routes may be added before it listens. */
  readonly app: App;
  /**
   * Listens at an address and resumes the unfinished runs of an earlier server.
   *
   * @throws `ARGUMENT_INVALID` for an address that is public without API keys or not available, `SANDBOX_UNAVAILABLE`
   */
  listen(address: ServerAddress): Promise<Listening>;
  /** As disposing does. */
  close(): Promise<void>;
}

/** A listening server. */
export interface Listening {
  readonly url: string;
  /** Names of the resumed runs of an earlier server. */
  readonly recovered: readonly string[];
}

/**
 * Makes the REST server of a lake, to listen or to be embedded. Closing it refuses further requests, ends those in progress, and stops runs so
 * they can be resumed. The lakehouse stays open.
 *
 * @throws `SANDBOX_UNAVAILABLE`, `LAKE_NOT_FOUND`, `API_KEYS_INVALID`
 */
export async function createServer(lakehouse: Lakehouse, options: ServerOptions = {}): Promise<Server> {
  const keys = options.apiKeysPath === undefined ? undefined : await ApiKeyRing.open(options.apiKeysPath);
  const sandbox = await lakehouse.openSandbox(options.limits);
  try {
    const runs = lakehouse.openRunService(sandbox, options.runsAtOnce);
    const metrics = createMetrics(sandbox, runs);
    const places = createPlaceHider([lakehouse.uri, ...(options.allowedOutputs ?? [])]);
    const app = await buildApp({ lakehouse, sandbox, runs, metrics, options, places }, keys);
    const close = async (): Promise<void> => {
      await Promise.all([closeApp(app), runs[Symbol.asyncDispose]()]);
      await sandbox[Symbol.asyncDispose]();
    };
    return {
      app,
      close,
      async listen(address) {
        checkAddress(address, sandbox, keys !== undefined);
        const recovered = options.resumesRuns === false ? [] : await runs.recover();
        return { url: await listen(app, address), recovered };
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    throw error;
  }
}

function checkAddress({ host }: ServerAddress, sandbox: QuerySandbox, hasKeys: boolean): void {
  const isPublic = !isLoopback(host);
  if (isPublic && !hasKeys) {
    throw new PixlakeError(
      'ARGUMENT_INVALID',
      `${host} can be reached from other machines, and the server has no API keys`,
      {
        remedy: 'create a key with `pixlake keys create` and use --api-keys, or bind to 127.0.0.1',
      },
    );
  }
  checkConfinement(sandbox, isPublic);
}

function checkConfinement({ status: { confinement } }: QuerySandbox, isPublic: boolean): void {
  if (confinement === 'namespaces') return;
  if (confinement === 'none' && isPublic) {
    throw new PixlakeError('SANDBOX_UNAVAILABLE', 'this machine cannot bound the memory of query processes', {
      remedy: 'serve on Linux with util-linux (prlimit), or bind to 127.0.0.1',
    });
  }
  log.warn(
    confinement === 'limits'
      ? 'query processes have bounded memory, but can reach the file system and the network: `unshare` is missing or not permitted'
      : 'the operating system does not confine query processes: `prlimit` and `unshare` are missing or not permitted',
  );
}

async function buildApp(context: ServerContext, keys: ApiKeyRing | undefined): Promise<App> {
  const { metrics, options, places } = context;
  const loggerInstance: FastifyBaseLogger = openLog();
  const problems: ProblemOptions = { onProblem: (code) => metrics.countProblem(code), hide: places.text };
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && /^[\w.-]{1,64}$/u.test(given) ? given : randomUUID();
    },
    bodyLimit: SERVER_LIMITS.jsonBytes,
    requestTimeout: SERVER_LIMITS.requestMs,
    keepAliveTimeout: SERVER_LIMITS.keepAliveMs,
    routerOptions: { maxParamLength: 1024 },
    // Malformed paths fail in the router, where no hook runs.
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
      answerProblem(error, request, reply, problems);
    },
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    http: { headersTimeout: SERVER_LIMITS.headersMs, connectionsCheckingInterval: 5000 },
  }).withTypeProvider<ZodTypeProvider>();
  app.server.maxConnections = SERVER_LIMITS.connections;
  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  handleProblems(app, problems);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions, id, client } = request;
    const route = routeOptions.url ?? 'none';
    const { statusCode: status, elapsedTime } = reply;
    metrics.observeRequest({ method, route, status }, elapsedTime / 1000);
    // The pattern of the route, nothing that the client sent.
    request.log.info({ id, client, method, route, status, ms: Math.round(elapsedTime) }, 'request');
  });
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    // A proxy with TLS sends this header itself.
    strictTransportSecurity: false,
    // Pages that may fetch images may also show them.
    crossOriginResourcePolicy: { policy: 'same-site' },
  });
  const { corsOrigins = [] } = options;
  if (corsOrigins.length > 0) await app.register(cors, { origin: [...corsOrigins] });
  authenticate(app, keys);
  const requestsPerMinute =
    options.requestsPerMinute ?? (keys === undefined ? 0 : SERVER_LIMITS.requestsPerMinute);
  if (requestsPerMinute > 0) {
    await app.register(rateLimit, {
      max: requestsPerMinute,
      timeWindow: '1 minute',
      keyGenerator: ({ client }) => client,
      errorResponseBuilder: (_request, { after }) =>
        new PixlakeError('RATE_LIMITED', `more than ${requestsPerMinute} requests per minute`, {
          remedy: `try again in ${after}`,
        }),
    });
  }
  limitConcurrency(app, options.requestsAtOnce ?? SERVER_LIMITS.requestsAtOnce);
  await app.register(multipart, {
    limits: {
      fileSize: SERVER_LIMITS.imageBytes,
      files: SERVER_LIMITS.images,
      fields: 8,
      fieldSize: SERVER_LIMITS.jsonBytes,
      parts: SERVER_LIMITS.images + 8,
      headerPairs: 32,
    },
  });
  await addDocs(app);
  await app.register(async (routes) => {
    const typed = routes.withTypeProvider<ZodTypeProvider>();
    addHealthRoutes(typed, context);
    addQueryRoute(typed, context);
    addTableRoutes(typed, context);
    addImageRoutes(typed, context);
    addRunRoutes(typed, context);
    addProcessRoute(typed, context);
    addModelRoutes(typed, context);
  });
  await app.ready();
  return app;
}

async function listen(app: App, { host, port }: ServerAddress): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PixlakeError('ARGUMENT_INVALID', `cannot listen on ${host}:${port}: ${reason}`, {
      cause: error,
      remedy: 'choose another --host or --port',
    });
  }
}

/** Waits for requests in progress, for a limited time. */
async function closeApp(app: App): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), SERVER_LIMITS.shutdownMs);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}
