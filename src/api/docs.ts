import swagger, { type SwaggerTransform, type SwaggerTransformObject } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { VERSION } from '../version.ts';
import type { App } from './server-context.ts';

/** Describes the routes as OpenAPI 3.1 at `/openapi.json`, and as pages at `/docs`, whose files all come from this server. */
export async function addDocs(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'pixlake',
        version: VERSION,
        description: 'An image lakehouse: SQL in, images and manifests out.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }, {}],
      tags: [
        { name: 'query', description: 'SQL on the tables of the lake' },
        { name: 'tables', description: 'Tables, their versions and their images' },
        { name: 'runs', description: 'Transform and label selected images into a new table' },
        { name: 'images', description: 'Transform and label single images' },
        { name: 'server', description: 'State of the server' },
      ],
    },
    transform: describeRoute,
    transformObject: (document) => tidySchemas(jsonSchemaTransformObject(document)),
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    uiConfig: { docExpansion: 'list', tryItOutEnabled: true },
    theme: { title: 'pixlake' },
  });
  // Who opens the address of the server in a browser is led to what it offers.
  app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.redirect('/docs/'));
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}

type ApiObject = ReturnType<SwaggerTransformObject>;

type Schemas = Readonly<Record<string, { readonly examples?: unknown }>>;

/**
 * Keeps the schemas that some route names: the library describes each one as it is sent and as it is received. Where values are changed when they
 * are read, such as the case of a colour, it leaves examples out of what is sent.
 */
function tidySchemas(api: ApiObject): ApiObject {
  if (!('components' in api) || api.components?.schemas === undefined) return api;
  const schemas = api.components.schemas as Schemas;
  const used = new Set<string>();
  const visit = (part: unknown): void => {
    for (const [, name = ''] of JSON.stringify(part ?? null).matchAll(
      /"#\/components\/schemas\/([^"]+)"/gu,
    )) {
      if (used.has(name)) continue;
      used.add(name);
      visit(schemas[name]);
    }
  };
  visit(api.paths);
  const kept = [...used].toSorted().map((name) => {
    const { examples } = schemas[name.replace(/Input$/u, '')] ?? {};
    return [name, examples === undefined ? schemas[name] : { ...schemas[name], examples }];
  });
  return { ...api, components: { ...api.components, schemas: Object.fromEntries(kept) } } as ApiObject;
}

/** Bodies that are not JSON have no schema for validation, but they must be documented. */
const OTHER_BODIES = {
  'image/*': { schema: { type: 'string', contentMediaType: 'image/*' } },
  'multipart/form-data': {
    schema: {
      type: 'object',
      properties: {
        image: { type: 'array', items: { type: 'string', contentMediaType: 'image/*' } },
        spec: { type: 'string', contentMediaType: 'application/json' },
      },
    },
  },
};

/** The library's transform handles bodies of one type only, and leaves the wildcard of a path unnamed. */
const describeRoute: SwaggerTransform = (route) => {
  const body = route.schema?.body;
  const hasTypes = typeof body === 'object' && body !== null && 'content' in body;
  if (!hasTypes) return nameRest(jsonSchemaTransform(route));
  const { 'application/json': json } = body.content as Record<string, { schema: z.ZodType }>;
  const described = jsonSchemaTransform({ ...route, schema: { ...route.schema, body: json?.schema } });
  const schema = { ...described.schema };
  schema.body = { content: { 'application/json': { schema: schema.body }, ...OTHER_BODIES } };
  return nameRest({ ...described, schema });
};

function nameRest({ schema, url }: ReturnType<SwaggerTransform>): ReturnType<SwaggerTransform> {
  if (!url.endsWith('/*')) return { schema, url };
  const text = JSON.stringify(schema).replaceAll('"*"', '"key"');
  return { schema: JSON.parse(text) as typeof schema, url: url.replace(/\*$/u, ':key') };
}
