import { z } from 'zod';
import { PROBLEMS } from './problem.ts';
import type { App, ServerContext } from './server-context.ts';

const model = z
  .object({
    name: z.string(),
    description: z.string(),
    isTrained: z.boolean().describe('false if its labels have no meaning'),
    isBuiltIn: z.boolean(),
    card: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('null for a built-in model that has not been used yet'),
  })
  .meta({ id: 'Model' });

/** `/v1/models`: models for labelling images. */
export function addModelRoutes(app: App, { lakehouse }: ServerContext): void {
  app.get(
    '/v1/models',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['images'],
        operationId: 'listModels',
        summary: 'List models',
        response: { 200: z.array(model), ...PROBLEMS },
      },
    },
    async () =>
      (await lakehouse.models.list()).map(({ card, ...summary }) => ({
        ...summary,
        card: card === undefined ? null : { ...card },
      })),
  );
}
