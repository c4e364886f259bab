import { Readable } from 'node:stream';
import { z } from 'zod';
import { PixlakeError } from '../errors.ts';
import type { RunPosition } from '../run/run-records.ts';
import type { FollowedRun, RunEvent } from '../run/run-service.ts';
import type { RunSpec } from '../run/run-spec.ts';
import { STAGES } from '../run/stages.ts';
import { RUN_STATES } from '../run/standing.ts';
import { formatSchema, rowsResponse } from './formats.ts';
import { PROBLEMS } from './problem.ts';
import { type ListOrder, pageOf, pageQuery, sendPage } from './lists.ts';
import { MANIFEST_ROW, RETRY_FILTER, RUN } from './examples.ts';
import { pathOfRun, type RunResource, runResource, runSpec, toRunResource } from './run-resource.ts';
import { sendRows } from './send-rows.ts';
import type { App, ServerContext } from './server-context.ts';
import { LAST_EVENT_ID } from '../run/event-log.ts';
import { checkPlaces } from './check-places.ts';

const runParams = z.object({ id: z.string().min(1).max(64).describe('name of the run') });

const retryFilter = z
  .strictObject({
    stage: z.enum(STAGES).optional().describe('only images that failed in this stage'),
    code: z.string().max(64).optional().describe('only images that failed with this code'),
  })
  .meta({ id: 'RetryFilter', examples: [RETRY_FILTER] });

const runsQuery = pageQuery.extend({
  state: z.enum(RUN_STATES).optional().describe('only runs in this state'),
  name: z.string().max(64).optional().describe('beginning of the name'),
  table: z
    .string()
    .max(160)
    .optional()
    .describe(
      'only runs on the images of this table; runs without a plan only if their specification names it',
    ),
});

const NEWEST_FIRST: ListOrder<FollowedRun, RunPosition> = {
  name: 'runs',
  position: z.object({ createdMs: z.number(), name: z.string() }),
  positionOf: ({ createdMs, name }) => ({ createdMs, name }),
};

const ACCEPTED = { 202: runResource.describe('The run in its present state.'), ...PROBLEMS };

const sseEvent = z.object({
  event: z.enum(['state', 'plan', 'progress']),
  id: z.string().optional(),
  data: z.string().describe('JSON; for `state`, a Run'),
});

/** Regular comment lines show that the connection is alive. */
const HEARTBEAT_MS = 15_000;

/** `/v1/runs`: work that takes longer than one request. */
export function addRunRoutes(app: App, context: ServerContext): void {
  const { runs, options, places } = context;
  const toResource = (run: FollowedRun): RunResource => toRunResource(run, places);
  app.post(
    '/v1/runs',
    {
      config: { scope: 'run' },
      schema: {
        tags: ['runs'],
        operationId: 'startRun',
        summary: 'Start a run',
        description:
          'Accepts the run and responds at once. The SQL, table, id column and model are checked first. The same specification again is the same run. Another specification with the same name is refused. A cancelled run is refused until it is resumed.',
        headers: z.object({ 'idempotency-key': z.string().min(1).max(255).optional() }),
        // Options in the query string would be ignored.
        querystring: z.strictObject({}),
        body: runSpec,
        response: ACCEPTED,
      },
    },
    async (request, reply) => {
      const spec: RunSpec = request.body;
      checkPlaces(spec, options.allowedOutputs ?? []);
      const key = request.headers['idempotency-key'];
      // Each client has its own keys.
      const run = toResource(
        await runs.submit(spec, key === undefined ? undefined : `${request.client}:${key}`),
      );
      return reply.code(202).header('location', run.links.self).send(run);
    },
  );

  app.get(
    '/v1/runs',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['runs'],
        operationId: 'listRuns',
        summary: 'List runs, newest first',
        description:
          'In the order of `submittedAt`; runs that were started from the command line stand at the time of their planning.',
        querystring: runsQuery,
        response: { 200: pageOf(runResource, RUN), ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { state, name: prefix, table } = request.query;
      return sendPage(
        request,
        reply,
        request.query,
        NEWEST_FIRST,
        (page) => runs.list({ ...page, state, prefix, table }),
        toResource,
      );
    },
  );

  app.get(
    '/v1/runs/:id',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['runs'],
        operationId: 'getRun',
        summary: 'Show the state of a run',
        params: runParams,
        response: { 200: runResource, ...PROBLEMS },
      },
    },
    async ({ params }) => toResource(await runs.describe(params.id)),
  );

  const command = (
    verb: 'cancel' | 'resume',
    summary: string,
    work: (name: string) => Promise<FollowedRun>,
  ): void => {
    app.post(
      `/v1/runs/:id/${verb}`,
      {
        config: { scope: 'run' },
        schema: {
          tags: ['runs'],
          operationId: `${verb}Run`,
          summary,
          params: runParams,
          response: ACCEPTED,
        },
      },
      async ({ params }, reply) => reply.code(202).send(toResource(await work(params.id))),
    );
  };
  command('cancel', 'Stop a run; what is done is kept', (name) => runs.cancel(name));
  command('resume', 'Resume a run', (name) => runs.resume(name));

  app.post(
    '/v1/runs/:id/retry',
    {
      config: { scope: 'run' },
      schema: {
        tags: ['runs'],
        operationId: 'retryRun',
        summary: 'Retry failed images of a finished run',
        description:
          'Written images stay, and the manifest gets a new version. Without a body, all failed images are retried.',
        params: runParams,
        body: retryFilter.nullish(),
        response: ACCEPTED,
      },
    },
    async ({ params, body }, reply) => {
      const { stage, code } = body ?? {};
      const filter = { ...(stage === undefined ? {} : { stage }), ...(code === undefined ? {} : { code }) };
      return reply.code(202).send(toResource(await runs.retry(params.id, filter)));
    },
  );

  app.get(
    '/v1/runs/:id/manifest',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['runs'],
        operationId: 'getManifest',
        summary: 'Get the manifest of a finished run, with one row per image',
        description:
          'The columns of the manifest, and last `image_url`: the path of the image on this server. It takes the place of a column of that name, which `/v1/query` still shows.',
        params: runParams,
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(0).optional(),
          format: formatSchema,
        }),
        response: { 200: rowsResponse([MANIFEST_ROW]), ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const run = await runs.describe(request.params.id);
      const { state, isElsewhere, status } = run;
      if (state !== 'finished')
        throw new PixlakeError('RUN_UNFINISHED', `run ${run.name} is ${state}, so it has no manifest yet`);
      if (isElsewhere)
        throw new PixlakeError('ARGUMENT_INVALID', 'the run wrote to another lake; read its manifest there');
      const columns = status?.execution.manifestSchema.fields.map(({ name }) => name) ?? [];
      return sendRows(context, request, reply, { sql: selectManifest(run.name, columns), ...request.query });
    },
  );

  app.get(
    '/v1/runs/:id/events',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['runs'],
        operationId: 'followRun',
        summary: 'Follow a run as server-sent events',
        description:
          '`state` is the state of the run, `plan` its size, `progress` the number of finished images. The stream ends with the run. With Last-Event-ID it continues where it was interrupted.',
        params: runParams,
        headers: z.object({ 'last-event-id': z.string().max(64).optional() }),
        response: {
          200: { description: 'Events', content: { 'text/event-stream': { schema: sseEvent } } },
          204: z.null().describe('The run has ended, and the client has seen its last event.'),
          ...PROBLEMS,
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const lastEventId = request.headers['last-event-id'];
      await runs.describe(id);
      if (lastEventId === LAST_EVENT_ID && !runs.isLive(id)) return reply.code(204).send(null);
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const text = toEventStream(runs.follow(id, lastEventId, gone.signal), toResource);
      return reply
        .type('text/event-stream')
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no')
        .send(text as never);
    },
  );
}

/** The rows of a manifest, each with the path of its image. */
function selectManifest(name: string, columns: readonly string[]): string {
  const own = columns.find((column) => column.toLowerCase() === 'image_url');
  // Slashes and `=` may stand in a path as they are.
  const key = "replace(replace(url_encode(image_key), '%2F', '/'), '%3D', '=')";
  const url = `'${pathOfRun(name)}/images/' || ${key}`;
  return own === undefined
    ? `SELECT *, ${url} AS image_url FROM runs."${name}"`
    : `SELECT * EXCLUDE ("${own}"), ${url} AS image_url FROM runs."${name}"`;
}

function toEventStream(
  events: AsyncGenerator<RunEvent>,
  toResource: (run: FollowedRun) => RunResource,
): Readable {
  const stream = new Readable({ read: () => undefined });
  const heartbeat = setInterval(() => stream.push(': still there\n\n'), HEARTBEAT_MS);
  const pump = async (): Promise<void> => {
    for await (const event of events) {
      if (stream.destroyed) break;
      const { id } = event;
      const [kind, payload] = 'run' in event ? ['state', toResource(event.run)] : [event.kind, event.payload];
      const idLine = id === '' ? '' : `id: ${id}\n`;
      stream.push(`event: ${kind}\n${idLine}data: ${JSON.stringify(payload)}\n\n`);
    }
    stream.push(null);
  };
  pump()
    .catch((error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))))
    .finally(() => clearInterval(heartbeat));
  return stream;
}
