import { z } from 'zod';
import type { TableSummary } from '../catalog/summarize-tables.ts';
import type { TableVersion } from '../table/table-history.ts';
import { TABLE, TABLE_COLUMNS, TABLE_VERSION } from './examples.ts';
import { lastName, type PlaceHider } from './hide-places.ts';
import { type ListOrder, pageOf, pageQuery, sendPage } from './lists.ts';
import { PROBLEMS } from './problem.ts';
import type { App, ServerContext } from './server-context.ts';
import { tableParam } from './parameters.ts';

const table = z
  .object({
    name: z.string().describe('the name in SQL'),
    version: z.int(),
    rowCount: z.int().nullable().describe('null if unknown'),
    fileCount: z.int(),
    sizeBytes: z.int(),
    partitionColumns: z.array(z.string()),
    isAttached: z.boolean().describe('an attached table, which can only be read'),
  })
  .meta({ id: 'Table', examples: [TABLE] });

const describedTable = table
  .extend({ columns: z.array(z.object({ name: z.string(), type: z.unknown() })) })
  .meta({ id: 'DescribedTable', examples: [{ ...TABLE, columns: TABLE_COLUMNS }] });

const tableVersion = z
  .object({
    version: z.int(),
    timestamp: z.iso.datetime(),
    operation: z.string(),
    parameters: z
      .record(z.string(), z.unknown())
      .describe('parameters of the operation; a path is reduced to its last name'),
    metrics: z.record(z.string(), z.unknown()),
    software: z.string().nullable(),
  })
  .meta({ id: 'TableVersion', examples: [TABLE_VERSION] });

const BY_NAME: ListOrder<TableSummary, string> = {
  name: 'tables',
  position: z.string(),
  positionOf: ({ name }) => name,
};

const BY_VERSION: ListOrder<TableVersion, number> = {
  name: 'versions',
  position: z.int().min(0),
  positionOf: ({ version }) => version,
};

const tablesQuery = pageQuery.extend({
  schema: z
    .enum(['main', 'runs'])
    .optional()
    .describe('`runs` for the outputs of runs only, `main` for all other tables only'),
  name: z.string().max(160).optional().describe('beginning of the name, such as `im` or `runs.men`'),
});

/** `/v1/tables`: what can be queried. */
export function addTableRoutes(app: App, { lakehouse, places }: ServerContext): void {
  app.get(
    '/v1/tables',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['tables'],
        operationId: 'listTables',
        summary: 'List tables by name, and then the outputs of runs by name',
        querystring: tablesQuery,
        response: { 200: pageOf(table, TABLE), ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { schema, name: prefix } = request.query;
      return sendPage(
        request,
        reply,
        request.query,
        BY_NAME,
        ({ after, limit }) =>
          lakehouse.tables.list({
            ...(schema === undefined ? {} : { schema: schema === 'main' ? '' : schema }),
            prefix,
            after,
            limit,
          }),
        toTable,
      );
    },
  );

  app.get(
    '/v1/tables/:table',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['tables'],
        operationId: 'getTable',
        summary: 'Describe a table',
        params: z.object({ table: tableParam }),
        response: {
          200: describedTable,
          ...PROBLEMS,
        },
      },
    },
    async ({ params }) => {
      const { columns, ...summary } = await lakehouse.tables.describe(params.table);
      return { ...toTable(summary), columns: [...columns] };
    },
  );

  app.get(
    '/v1/tables/:table/history',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['tables'],
        operationId: 'listTableVersions',
        summary: 'List the versions of a table, newest first',
        params: z.object({ table: tableParam }),
        querystring: pageQuery,
        response: { 200: pageOf(tableVersion, TABLE_VERSION), ...PROBLEMS },
      },
    },
    async (request, reply) =>
      sendPage(
        request,
        reply,
        request.query,
        BY_VERSION,
        ({ after, limit }) => lakehouse.tables.history(request.params.table, limit, after),
        ({ software, parameters, metrics, ...version }) => ({
          ...version,
          parameters: toParameters(parameters, places),
          metrics: places.value(metrics) as Record<string, unknown>,
          software: software ?? null,
        }),
      ),
  );
}

/** A source is recorded as it was given on the command line, often as a relative path. */
function toParameters(
  { source, ...parameters }: TableVersion['parameters'],
  places: PlaceHider,
): Record<string, unknown> {
  return {
    ...(source === undefined ? {} : { source: typeof source === 'string' ? lastName(source) : source }),
    ...(places.value(parameters) as Record<string, unknown>),
  };
}

function toTable({ rowCount, partitionColumns, ...summary }: TableSummary): z.output<typeof table> {
  return { ...summary, rowCount: rowCount ?? null, partitionColumns: [...partitionColumns] };
}
