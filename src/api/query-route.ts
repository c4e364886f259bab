import { z } from 'zod';
import { formatSchema, ROWS_RESPONSE } from './formats.ts';
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
  .meta({
    id: 'Query',
    examples: [
      {
        sql: 'SELECT gender, count(*) AS images FROM images WHERE year > $year GROUP BY ALL',
        parameters: { year: 2012 },
      },
    ],
  });

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
        body: queryBody,
        response: { 200: ROWS_RESPONSE, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { at, ...query } = request.body;
      return sendRows(context, request, reply, { ...query, at: at === undefined ? undefined : String(at) });
    },
  );
}
