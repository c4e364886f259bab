import { z } from 'zod';
import type { TableSummary } from '../catalog/summarize-tables.ts';
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
  .meta({ id: 'Table' });

const tableVersion = z
  .object({
    version: z.int(),
    timestamp: z.iso.datetime(),
    operation: z.string(),
    parameters: z.record(z.string(), z.unknown()),
    metrics: z.record(z.string(), z.unknown()),
    software: z.string().nullable(),
  })
  .meta({ id: 'TableVersion' });

/** `/v1/tables`: what can be queried. */
export function addTableRoutes(app: App, { lakehouse }: ServerContext): void {
  app.get(
    '/v1/tables',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['tables'],
        operationId: 'listTables',
        summary: 'List tables',
        response: { 200: z.array(table), ...PROBLEMS },
      },
    },
    async () => (await lakehouse.tables.list()).map(toTable),
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
          200: table.extend({ columns: z.array(z.object({ name: z.string(), type: z.unknown() })) }),
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
        querystring: z.strictObject({ limit: z.coerce.number().int().min(1).max(10_000).default(100) }),
        response: { 200: z.array(tableVersion), ...PROBLEMS },
      },
    },
    async ({ params, query }) => {
      const versions = await lakehouse.tables.history(params.table, query.limit);
      return versions.map(({ software, ...version }) => ({ ...version, software: software ?? null }));
    },
  );
}

function toTable({ rowCount, partitionColumns, ...summary }: TableSummary): z.output<typeof table> {
  return { ...summary, rowCount: rowCount ?? null, partitionColumns: [...partitionColumns] };
}
