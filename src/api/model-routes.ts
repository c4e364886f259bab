import { z } from 'zod';
import type { ModelSummary } from '../model/lake-models.ts';
import { MODEL } from './examples.ts';
import { type ListOrder, pageOf, pageQuery, sendPage } from './lists.ts';
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
  .meta({ id: 'Model', examples: [MODEL] });

const BY_NAME: ListOrder<ModelSummary, string> = {
  name: 'models',
  position: z.string(),
  positionOf: ({ name }) => name,
};

/** `/v1/models`: models for labelling images. */
export function addModelRoutes(app: App, { lakehouse }: ServerContext): void {
  app.get(
    '/v1/models',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['images'],
        operationId: 'listModels',
        summary: 'List models by name',
        querystring: pageQuery,
        response: { 200: pageOf(model, MODEL), ...PROBLEMS },
      },
    },
    async (request, reply) =>
      sendPage(
        request,
        reply,
        request.query,
        BY_NAME,
        async ({ after, limit }) =>
          (await lakehouse.models.list())
            .filter(({ name }) => after === undefined || name > after)
            .slice(0, limit),
        ({ card, ...summary }) => ({ ...summary, card: card === undefined ? null : { ...card } }),
      ),
  );
}
