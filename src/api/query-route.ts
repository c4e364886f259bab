import { z } from 'zod';
import { PixlakeError } from '../errors.ts';
import { QUERY, ROWS } from './examples.ts';
import { formatSchema, rowsResponse } from './formats.ts';
import { PROBLEMS } from './problem.ts';
import { sendRows } from './send-rows.ts';
import type { App, ServerContext } from './server-context.ts';

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const queryBody = z
  .strictObject({
    sql: z
      .string()
      .describe('one SELECT, or EXPLAIN of one; use tables by name, outputs of runs as runs."<name>"'),
    parameters: z
      .record(z.string().regex(/^[a-z_]\w{0,63}$/iu), z.union([scalar, z.array(scalar).max(10_000)]))
      .optional()
      .describe('values of $name in the SQL'),
    at: z
      .union([z.string(), z.int().min(0)])
      .optional()
      .describe('version or ISO 8601 time of the tables'),
    limit: z.int().min(0).optional().describe('maximum number of rows'),
    format: formatSchema,
  })
  .meta({ id: 'Query', examples: [QUERY] });

/** The format may be in the query string, as for manifests, or in the body. */
const queryParameters = z.strictObject({ format: formatSchema });

/** `POST /v1/query`: SQL in, rows out. */
export function addQueryRoute(app: App, context: ServerContext): void {
  app.post(
    '/v1/query',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['query'],
        operationId: 'query',
        summary: 'Run one SELECT',
        description:
          'Rows stream. An error after the first row ends the connection without the last chunk, so a cut result cannot be mistaken for a complete one.',
        querystring: queryParameters,
        body: queryBody,
        response: { 200: rowsResponse(ROWS), ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { at, format = request.query.format, ...query } = request.body;
      if ((request.query.format ?? format) !== format)
        throw new PixlakeError(
          'REQUEST_INVALID',
          `format is ${request.query.format} in the query string, but ${format} in the body`,
          { remedy: 'give one of them' },
        );
      return sendRows(context, request, reply, {
        ...query,
        format,
        at: at === undefined ? undefined : String(at),
      });
    },
  );
}
